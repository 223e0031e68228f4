"""Nodes with `cpu: fair` against the theory of processor sharing; the confidence interval over seeded replications decides.

Sources: Kleinrock, Queueing Systems, vol. 2, 4.4 (M/G/1-PS: mean, conditional mean, insensitivity); Cohen, The multiple phase service
network with generalized processor sharing, Acta Informatica 12, 1979 (many cores).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from formulas import mmc_wait
from intervals import holds, over, sojourn
from playing import Played, exponential, queue

WARM_S = 20.0
MANY = 100_000


def shared(
    rate: float, time: Any, *, node_cores: float = 1, cores: float = 1, duration: str = "250 s"
) -> dict[str, Any]:
    """Return a node whose cores are shared by all running requests, as many as come."""
    node = {"cores": node_cores, "cpu": "fair"}
    service = {"cores": cores, "concurrency": MANY}
    data = queue(f"{rate} /s", time, duration=duration, node=node, service=service)
    data["run"]["drain"] = "20 s"
    return data


@pytest.mark.parametrize(
    "time",
    [
        exponential("10 ms"),
        "10 ms",
        {"distribution": "gamma", "mean": "10 ms", "cv": 2},
        {"distribution": "lognormal", "mean": "10 ms", "cv": 1},
    ],
)
def test_m_g_1_ps_has_a_mean_that_depends_on_the_mean_service_only(time: Any) -> None:
    """T = S / (1 - rho), whatever the distribution."""
    holds(0.01 / (1 - 0.6), over(shared(60, time), sojourn(WARM_S)), 0.06)


def test_under_processor_sharing_time_is_proportional_to_work() -> None:
    """E[T | x] = x / (1 - rho): for short requests and for long ones."""
    edges = np.array([0.0, 0.002, 0.01, 0.03, np.inf])

    def slowdowns(played: Played) -> list[float]:
        stages = played.stages
        stages = stages[stages["queued_s"] >= WARM_S]
        work, time = stages["busy_s"].to_numpy(), (stages["finished_s"] - stages["queued_s"]).to_numpy()
        kind = np.digitize(work, edges) - 1
        return [float(time[kind == k].sum() / work[kind == k].sum()) for k in range(len(edges) - 1)]

    for column in over(shared(60, exponential("10 ms"), duration="350 s"), slowdowns).T:
        holds(1 / (1 - 0.6), column, 0.06)


@pytest.mark.parametrize("time", [exponential("10 ms"), {"distribution": "gamma", "mean": "10 ms", "cv": 2}])
def test_many_shared_cores_have_the_mean_of_m_m_c_whatever_the_distribution(time: Any) -> None:
    """A request uses one core at most: n of them run at rate min(n, c), as in M/M/c, and T is insensitive (Cohen 1979)."""
    rate = 280.0
    found = over(shared(rate, time, node_cores=4, duration="80 s"), sojourn(WARM_S))
    holds(0.01 + mmc_wait(4, rate, 0.01), found, 0.08)


def test_two_services_on_one_shared_node_slow_each_other_down() -> None:
    """Both see S_i / (1 - rho), rho their load together: the node's cores are shared, not each service's."""
    data = shared(30, exponential("10 ms"))
    data["services"]["other"] = data["services"]["queue"]
    data["apps"]["beg"] = {"stages": {"serve": {"service": "other", "time": exponential("20 ms")}}}
    data["workloads"]["begs"] = {"app": "beg", "from": "server", "arrivals": {"process": "poisson", "rate": "15 /s"}}

    def times(played: Played) -> list[float]:
        requests = played.requests[played.requests["arrival_s"] >= WARM_S]
        took = (requests["end_s"] - requests["arrival_s"]).groupby(requests["app"]).mean()
        return [took["ask"], took["beg"]]

    found = over(data, times)
    holds(0.01 / (1 - 0.6), found[:, 0], 0.08)
    holds(0.02 / (1 - 0.6), found[:, 1], 0.08)


def test_reserved_cores_do_not_slow_each_other_down() -> None:
    """The other way to share a node: each replica has its own core, and each service is an M/M/1 queue by itself."""
    data = queue("30 /s", exponential("10 ms"), node={"cores": 2}, duration="250 s")
    data["run"]["drain"] = "20 s"
    data["services"]["other"] = {"on": "server"}
    data["apps"]["beg"] = {"stages": {"serve": {"service": "other", "time": exponential("20 ms")}}}
    data["workloads"]["begs"] = {"app": "beg", "from": "server", "arrivals": {"process": "poisson", "rate": "30 /s"}}

    def times(played: Played) -> list[float]:
        requests = played.requests[played.requests["arrival_s"] >= WARM_S]
        took = (requests["end_s"] - requests["arrival_s"]).groupby(requests["app"]).mean()
        return [took["ask"], took["beg"]]

    found = over(data, times)
    holds(0.01 / (1 - 0.3), found[:, 0], 0.03)
    holds(0.02 / (1 - 0.6), found[:, 1], 0.06)
