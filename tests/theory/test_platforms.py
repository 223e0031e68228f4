"""Function platforms against closed forms: cold starts, counts of instances, loss, waiting; intervals over replications decide."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from formulas import erlang_b, erlang_c, mmc_wait
from intervals import holds, over
from platform_playing import cold_share, faas, keeps, number_at, rejected, starts, visits, waits
from playing import Played, exponential, play
from scipy import stats

WARM_S = 50.0
GAMMA = {"distribution": "gamma", "mean": "2 s", "cv": 1.4}


@pytest.mark.parametrize("idle_s", [0.2, 1.0, 2.0])
def test_a_fixed_keep_alive_lets_the_share_of_longer_gaps_start_cold(idle_s: float) -> None:
    """exp(-tau / m) for Poisson arrivals of mean gap m and executions of no length."""
    data = faas("1 /s", "0 s", policies=keeps(idle_s), duration="4000 s")
    holds(math.exp(-idle_s), over(data, lambda played: cold_share(played, WARM_S)), 0.05)


@pytest.mark.parametrize("idle_s", [0.5, 2.0])
def test_an_instance_idles_for_the_shorter_of_gap_and_keep_alive(idle_s: float) -> None:
    """E[min(gap, tau)] = m (1 - exp(-tau / m)) for each request: the memory that keep-alive costs."""
    data = faas("1 /s", "0 s", policies=keeps(idle_s), duration="2000 s")

    def idle(played: Played) -> float:
        rows = played.replicas[played.replicas["state"] == "idle"]
        return float((rows["end_s"] - rows["start_s"]).sum()) / len(played.requests)

    holds(1 - math.exp(-idle_s), over(data, idle), 0.03)


@pytest.mark.parametrize("keep_alive", ["none", "forever"])
@pytest.mark.parametrize("time", [exponential("2 s"), GAMMA, "2 s"], ids=["exponential", "gamma", "constant"])
def test_busy_instances_are_poisson_whatever_the_distribution(time: Any, keep_alive: str) -> None:
    """M/G/infinity: the number busy at a random time is Poisson of mean lambda S. Gross et al., 2.7; Takacs 1962."""
    data = faas("1.5 /s", time, policies={"keep_alive": keep_alive}, duration="2000 s")
    times = np.arange(WARM_S, 2000.0, 5.0)

    def counts(played: Played) -> list[float]:
        busy = played.replicas[played.replicas["state"] == "busy"]
        number = number_at(busy["start_s"], busy["end_s"], times)
        return [float(number.mean()), *(float(np.mean(number == n)) for n in range(1, 6))]

    found = over(data, counts)
    holds(3.0, found[:, 0], 0.06)
    for n, column in enumerate(found.T[1:], 1):
        holds(float(stats.poisson(3).pmf(n)), column, 0.15)


def test_forever_starts_as_many_instances_as_were_ever_busy_at_a_time() -> None:
    played = play(faas("5 /s", exponential("1 s"), duration="500 s"))
    rows = visits(played)
    times = rows["started_s"].to_numpy()
    most = int(number_at(rows["started_s"], rows["finished_s"], times).max())
    assert most > 10
    assert len(starts(played)) == most


@pytest.mark.parametrize("keep_alive", ["none", "forever"])
@pytest.mark.parametrize("time", [exponential("1 s"), {**GAMMA, "mean": "1 s"}, "1 s"], ids=str)
def test_a_pool_that_rejects_loses_what_erlang_b_says(time: Any, keep_alive: str) -> None:
    """Room for c instances that start in no time is M/G/c/c. Erlang 1917; Sevastyanov 1957."""
    data = faas("3 /s", time, places=4, when_full="reject", policies={"keep_alive": keep_alive}, duration="1500 s")
    holds(erlang_b(4, 3.0), over(data, rejected), 0.05)


def test_the_limit_of_concurrency_loses_what_erlang_b_says() -> None:
    data = faas("3 /s", exponential("1 s"), concurrency_limit=4, duration="1500 s")
    holds(erlang_b(4, 3.0), over(data, rejected), 0.05)


def test_slots_of_one_instance_are_servers_too() -> None:
    data = faas(
        "3 /s", exponential("1 s"), places=1, when_full="reject", function={"concurrency": 4}, duration="1500 s"
    )
    holds(erlang_b(4, 3.0), over(data, rejected), 0.05)


@pytest.mark.parametrize(
    ("bound", "keep_alive"),
    [
        ({"places": 4}, "none"),
        ({"places": 4}, "forever"),
        ({"places": 2, "function": {"concurrency": 2}}, "forever"),
    ],
    ids=str,
)
def test_a_pool_that_lets_wait_is_m_m_c(bound: Mapping[str, Any], keep_alive: str) -> None:
    """P(wait) = C, W = C / (c / S - lambda). Gross et al., 2.3."""
    data = faas("28 /s", exponential("100 ms"), duration="250 s", policies={"keep_alive": keep_alive}, **bound)

    def measures(played: Played) -> tuple[float, float]:
        waited = waits(played, WARM_S)
        return float(np.mean(waited > 0)), float(waited.mean())

    found = over(data, measures)
    holds(erlang_c(4, 2.8), found[:, 0], 0.08)
    holds(mmc_wait(4, 28.0, 0.1), found[:, 1], 0.2)


@pytest.mark.parametrize("idle_s", [0.0, 0.3, math.inf])
@pytest.mark.parametrize("cold", ["400 ms", exponential("400 ms")], ids=["constant", "exponential"])
def test_a_lone_instance_that_starts_cold_is_m_m_1_with_setup(cold: Any, idle_s: float) -> None:
    """W = rho S / (1 - rho) + p (2 D + lambda E[D^2]) / (2 (1 + p lambda D)), p = exp(-lambda tau) the share of cold busy periods.

    Welch, On a generalized M/G/1 queuing process in which the first customer of each busy period receives exceptional service,
    Operations Research 12(5), 1964; a busy period is cold if the gap before it is longer than the keep-alive tau.
    """
    rate, service_s, cold_s = 2.0, 0.2, 0.4
    policies = {"keep_alive": "forever"} if math.isinf(idle_s) else keeps(idle_s)
    data = faas(f"{rate} /s", exponential("200 ms"), most=1, policies=policies, cold_start=cold, duration="3000 s")
    square = cold_s**2 if isinstance(cold, str) else 2 * cold_s**2
    share = math.exp(-rate * idle_s)
    load = rate * service_s
    formula = load * service_s / (1 - load)
    formula += share * (2 * cold_s + rate * square) / (2 * (1 + share * rate * cold_s))
    holds(formula, over(data, lambda played: float(waits(played, WARM_S).mean())), 0.05)


def test_what_provisioned_instances_cannot_take_is_erlang_b() -> None:
    """Requests overflow to instances that start for them with the probability that all provisioned ones are busy."""
    data = faas(
        "3 /s", exponential("1 s"), function={"provisioned": 4}, policies={"keep_alive": "none"}, duration="1500 s"
    )
    holds(erlang_b(4, 3.0), over(data, cold_share), 0.05)


def test_a_node_too_small_for_all_functions_misses_as_an_lru_cache() -> None:
    """Independent Poisson calls of functions of one size: King, Analysis of demand paging algorithms, IFIP Congress 1971.

    The cache holds the functions used last; the probability of an order of last uses is the product of p_i / (1 - those before).
    """
    rates = [4.0, 2.0, 1.5, 0.5]
    shares = [rate / sum(rates) for rate in rates]
    missed = 0.0
    for order in permutations(range(4), 2):
        left, probability = 1.0, 1.0
        for k in order:
            probability *= shares[k] / left
            left -= shares[k]
        missed += probability * left
    data = faas("1 /s", "0 s", places=2, duration="600 s", policies={"keep_alive": "lru"})
    data["platforms"]["faas"]["functions"] = {f"f{k}": {"memory": "100 MB"} for k in range(4)}
    data["apps"] = {
        f"a{k}": {"stages": {"serve": {"service": "faas", "function": f"f{k}", "time": "0 s"}}} for k in range(4)
    }
    data["workloads"] = {
        f"w{k}": {"app": f"a{k}", "from": "server", "arrivals": {"process": "poisson", "rate": f"{rate} /s"}}
        for k, rate in enumerate(rates)
    }
    holds(missed, over(data, lambda played: cold_share(played, WARM_S)), 0.03)
