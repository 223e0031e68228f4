"""One queue against its closed form; the confidence interval over seeded replications decides."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from formulas import erlang_b, erlang_c, mg1_wait, mmc_wait, mmck
from intervals import holds, later, over, sojourn, wait
from playing import Played, exponential, queue
from scipy import optimize

from simtier.statistics import half_width

SERVICE_S = 0.01
WARM_S = 20.0
DRAIN = {"drain": "20 s"}


def drained(data: dict[str, Any]) -> dict[str, Any]:
    """Let every request that arrived be served, so that no long one is left out."""
    return data | {"run": data["run"] | DRAIN}


@pytest.mark.parametrize("load", [0.3, 0.6])
def test_m_m_1_has_the_mean_time_of_its_formula(load: float) -> None:
    """T = S / (1 - rho). Gross et al., Fundamentals of Queueing Theory, 4th ed., 2.2."""
    data = drained(queue(f"{load * 100} /s", exponential("10 ms"), duration="250 s"))
    holds(SERVICE_S / (1 - load), over(data, sojourn(WARM_S)), 0.04)


@pytest.mark.parametrize("load", [0.7, 0.8])
def test_m_m_4_waits_as_erlang_c_says(load: float) -> None:
    """W = C / (c / S - lambda). Gross et al., 2.3."""
    rate = 4 * load / SERVICE_S
    data = drained(queue(f"{rate} /s", exponential("10 ms"), slots=4, duration="120 s"))
    holds(mmc_wait(4, rate, SERVICE_S), over(data, wait(WARM_S)), 0.1)


def test_m_m_4_has_the_distribution_of_waits_of_its_formula() -> None:
    """P(W > t) = C exp(-(c / S - lambda) t). Gross et al., 2.3."""
    rate = 280.0
    times = [0.0, 0.005, 0.01, 0.02]

    def tails(played: Played) -> list[float]:
        queued, started = later(played, WARM_S, "queued_s", "started_s")
        return [float(np.mean(started - queued > t)) for t in times]

    found = over(drained(queue(f"{rate} /s", exponential("10 ms"), slots=4, duration="100 s")), tails)
    for t, column in zip(times, found.T, strict=True):
        holds(erlang_c(4, rate * SERVICE_S) * math.exp(-(4 / SERVICE_S - rate) * t), column, 0.2)


@pytest.mark.parametrize(
    ("time", "cv"),
    [
        ("10 ms", 0.0),
        ({"distribution": "gamma", "mean": "10 ms", "cv": 2}, 2.0),
        ({"distribution": "lognormal", "mean": "10 ms", "cv": 1.5}, 1.5),
        ({"distribution": "weibull", "mean": "10 ms", "cv": 0.5}, 0.5),
        ({"distribution": "uniform", "low": "5 ms", "high": "15 ms"}, 1 / math.sqrt(12)),
    ],
)
def test_m_g_1_waits_as_pollaczek_and_khinchine_say(time: Any, cv: float) -> None:
    """W = rho S (1 + cv^2) / (2 (1 - rho)), from a service's mean and CV only: M/D/1 first."""
    data = drained(queue("60 /s", time, duration="350 s"))
    holds(mg1_wait(60, SERVICE_S, cv), over(data, wait(WARM_S)), 0.02 + 0.04 * cv)


@pytest.mark.parametrize("cv", [0.5, 2.0])
def test_gi_m_1_waits_by_the_root_of_its_equation(cv: float) -> None:
    """W = s S / (1 - s) where s = A*((1 - s) / S), A* the transform of the gaps: gamma here. Kleinrock vol. 1, 6.4."""
    rate, shape = 60.0, 1 / cv**2
    root = float(optimize.brentq(lambda s: (1 + (1 - s) / SERVICE_S / (rate * shape)) ** -shape - s, 1e-9, 1 - 1e-6))
    arrivals = {"process": "gamma", "rate": f"{rate} /s", "cv": cv}
    data = drained(queue(arrivals, exponential("10 ms"), duration="350 s"))
    holds(root * SERVICE_S / (1 - root), over(data, wait(WARM_S)), 0.12)


def refused(played: Played) -> float:
    requests = played.requests
    return float((requests["outcome"] == "rejected").mean())


@pytest.mark.parametrize(("slots", "limit"), [(1, 1), (2, 3), (4, 6)])
def test_a_bounded_queue_refuses_as_m_m_c_k(slots: int, limit: int) -> None:
    """An arrival is refused with the probability that all K = c + limit places are taken (PASTA). Gross et al., 2.4."""
    load = 0.9 * slots
    policies = {"admission": {"use": "bounded_queue", "limit": limit}}
    data = queue(
        f"{load / SERVICE_S} /s", exponential("10 ms"), slots=slots, duration=f"{200 / slots} s", policies=policies
    )
    places = mmck(slots, slots + limit, load)
    found = over(data, lambda played: (refused(played), sojourn(0.0)(played)))
    holds(places[-1], found[:, 0], 0.08)
    in_system = sum(n * share for n, share in enumerate(places))
    holds(in_system * SERVICE_S / load / (1 - places[-1]), found[:, 1], 0.03)


@pytest.mark.parametrize("time", [exponential("10 ms"), {"distribution": "gamma", "mean": "10 ms", "cv": 2}, "10 ms"])
def test_without_waiting_room_the_loss_is_erlang_b_whatever_the_distribution(time: Any) -> None:
    """Erlang 1917; insensitive to the distribution of service (Sevastyanov 1957)."""
    policies = {"admission": {"use": "bounded_queue", "limit": 0}}
    data = queue("300 /s", time, slots=4, duration="60 s", policies=policies)
    holds(erlang_b(4, 3.0), over(data, refused), 0.04)


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    """95 % of the intervals over ten replications, for 200 seeds, hold the M/M/1 formula: within 99.9 % binomial bounds."""
    covered, width = 0, 0.0
    for seed in range(200):
        data = drained(queue("30 /s", exponential("10 ms"), duration="20 s", seed=seed))
        means = over(data, sojourn(2.0), 10)
        half = half_width(list(means))
        covered += abs(float(np.mean(means)) - SERVICE_S / 0.7) <= half
        width += half / 200
    assert 180 <= covered <= 198, covered
    assert width < 0.07 * SERVICE_S / 0.7


@pytest.mark.slow
def test_a_long_m_m_4_is_within_three_thousandths_of_erlang_c() -> None:
    """Mean latency at load 0.7 over thirty times a million requests; peers are off by 0.2 % to 0.3 %."""
    rate = 280.0
    data = drained(queue(f"{rate} /s", exponential("10 ms"), slots=4, duration="3570 s"))
    formula = SERVICE_S + mmc_wait(4, rate, SERVICE_S)
    means = over(data, sojourn(WARM_S), 30)
    holds(formula, means, 0.003)
    assert abs(float(np.mean(means)) - formula) < 0.003 * formula
