"""Orders of service against their formulas; the confidence interval over seeded replications decides."""

from __future__ import annotations

import math
from typing import Any

import pytest
from intervals import holds, later, over, wait
from playing import Played, exponential, queue
from scipy import integrate

WARM_S = 20.0
SERVICE_S = 0.01


def test_priorities_wait_as_cobham_says() -> None:
    """W_k = R / ((1 - s_(k-1)) (1 - s_k)), R = sum of lambda E[S^2] / 2, s_k the load of classes up to k, no preemption.

    Cobham, Priority assignment in waiting line problems, Operations Research 2(1), 1954.
    """
    data = queue("20 /s", exponential("10 ms"), policies={"scheduling": "priority"}, duration="350 s")
    data["run"]["drain"] = "20 s"
    data["apps"]["ask"]["priority"] = 1
    data["apps"]["beg"] = {"stages": {"beg": {"service": "queue", "time": exponential("20 ms")}}, "priority": 0}
    data["workloads"]["begs"] = {"app": "beg", "from": "server", "arrivals": {"process": "poisson", "rate": "25 /s"}}

    def waits(played: Played) -> list[float]:
        stages = played.stages[played.stages["queued_s"] >= WARM_S]
        waited = (stages["started_s"] - stages["queued_s"]).groupby(stages["stage"]).mean()
        return [waited["serve"], waited["beg"]]

    found = over(data, waits)
    residual = (20 * 2 * 0.01**2 + 25 * 2 * 0.02**2) / 2
    holds(residual / (1 - 0.2), found[:, 0], 0.04)
    holds(residual / (1 - 0.2) / (1 - 0.7), found[:, 1], 0.1)


def test_shortest_first_waits_as_phipps_says() -> None:
    """W(x) = R / (1 - s(x))^2, s(x) the load of requests shorter than x. Phipps, Operations Research 4(1), 1956."""
    rate = 70.0

    def shorter(x: float) -> float:
        return rate * (SERVICE_S - (x + SERVICE_S) * math.exp(-x / SERVICE_S))

    residual = rate * SERVICE_S**2
    mean = integrate.quad(
        lambda x: math.exp(-x / SERVICE_S) / SERVICE_S * residual / (1 - shorter(x)) ** 2, 0, 50 * SERVICE_S
    )[0]
    data = queue(f"{rate} /s", exponential("10 ms"), policies={"scheduling": "shortest_first"}, duration="350 s")
    data["run"]["drain"] = "20 s"
    holds(mean, over(data, wait(WARM_S)), 0.1)


@pytest.mark.parametrize("order", ["fifo", "lifo", "earliest_deadline"])
def test_orders_that_do_not_look_at_the_work_have_one_mean_wait(order: str) -> None:
    """The conservation law: W = R / (1 - rho). Kleinrock, Queueing Systems, vol. 2, 3.4."""
    data: dict[str, Any] = queue(
        "60 /s",
        {"distribution": "gamma", "mean": "10 ms", "cv": 0.5},
        policies={"scheduling": order},
        duration="350 s",
        app={"slo": {"latency": "50 ms"}},
    )
    data["run"]["drain"] = "20 s"
    residual = 60 * SERVICE_S**2 * (1 + 0.5**2) / 2
    holds(residual / (1 - 0.6), over(data, wait(WARM_S)), 0.06)


def test_lifo_waits_vary_more_than_fifo_waits() -> None:
    """E[W^2] of LIFO is that of FIFO over (1 - rho). Fuhrmann, Operations Research 39(4), 1991 (Takacs 1963)."""
    rate, load = 50.0, 0.5

    def second_moment(played: Played) -> float:
        queued, started = later(played, WARM_S, "queued_s", "started_s")
        return float(((started - queued) ** 2).mean())

    fifo = 2 * load * SERVICE_S**2 / (1 - load) ** 2
    for order, formula in (("fifo", fifo), ("lifo", fifo / (1 - load))):
        data = queue(f"{rate} /s", exponential("10 ms"), policies={"scheduling": order}, duration="350 s")
        data["run"]["drain"] = "20 s"
        holds(formula, over(data, second_moment), 0.15)
