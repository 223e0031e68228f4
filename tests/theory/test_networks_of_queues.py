"""Several queues together against product-form theory; the confidence interval over seeded replications decides."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from formulas import closed_network
from intervals import holds, over, sojourn
from playing import Played, exponential, queue

WARM_S = 20.0


def tandem(arrivals: dict[str, Any] | str, *, hop: str = "0 s") -> dict[str, Any]:
    """Return two single-server queues one after the other, on two nodes."""
    data = queue(arrivals, exponential("10 ms"), duration="250 s")
    data["run"]["drain"] = "20 s"
    data["nodes"]["next"] = {"tier": "edge", "cores": 1}
    data["links"] = {"hop": {"from": "server", "to": "next", "latency": hop}}
    data["services"]["second"] = {"on": "next"}
    data["apps"]["ask"]["stages"]["again"] = {"service": "second", "time": exponential("12 ms")}
    return data


def test_queues_in_tandem_are_as_if_each_were_alone() -> None:
    """Jackson 1957, Burke 1956: M/M/1 each, so T = sum of S_i / (1 - rho_i), and each stage's time is exponential."""
    means = {"serve": 0.01 / 0.5, "again": 0.012 / 0.4}

    def measures(played: Played) -> list[float]:
        stages = played.stages[played.stages["queued_s"] >= WARM_S]
        times = (stages["finished_s"] - stages["queued_s"]).groupby(stages["stage"])
        return [sojourn(WARM_S)(played), *(float((times.get_group(s) > 2 * m).mean()) for s, m in means.items())]

    found = over(tandem("50 /s", hop="5 ms"), measures)
    holds(sum(means.values()) + 2 * 0.005, found[:, 0], 0.04)
    holds(math.exp(-2), found[:, 1], 0.06)
    holds(math.exp(-2), found[:, 2], 0.08)


@pytest.mark.parametrize("clients", [1, 4, 12])
def test_thinking_clients_wait_as_mean_value_analysis_says(clients: int) -> None:
    """Exact MVA of a closed network of one queue and thinking clients: the machine-repairman model."""
    response, throughput = closed_network(clients, 0.05, [0.01])
    check_closed(queue(closed(clients), exponential("10 ms"), duration="140 s"), response, throughput)


def test_clients_of_two_queues_wait_as_mean_value_analysis_says() -> None:
    response, throughput = closed_network(6, 0.05, [0.01, 0.012])
    data = tandem(closed(6))
    data["run"] |= {"duration": "140 s"}
    check_closed(data, response, throughput)


def test_think_times_may_have_any_distribution() -> None:
    """BCMP: the product form is insensitive to the distribution at an infinite-server station."""
    response, throughput = closed_network(6, 0.05, [0.01])
    steady = closed(6) | {"think": {"distribution": "gamma", "mean": "50 ms", "cv": 2}}
    check_closed(queue(steady, exponential("10 ms"), duration="140 s"), response, throughput)


def closed(clients: int) -> dict[str, Any]:
    return {"process": "closed", "clients": clients, "think": exponential("50 ms")}


def check_closed(data: dict[str, Any], response: float, throughput: float) -> None:
    length = 140 - WARM_S

    def measures(played: Played) -> tuple[float, float]:
        ended = played.requests
        ended = ended[(ended["end_s"] >= WARM_S) & (ended["end_s"] < 140)]
        return float(np.mean(ended["end_s"] - ended["arrival_s"])), len(ended) / length

    found = over(data, measures)
    holds(response, found[:, 0], 0.04)
    holds(throughput, found[:, 1], 0.03)
