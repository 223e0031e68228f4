"""Many single-server queues behind a routing policy; the confidence interval over seeded replications decides."""

from __future__ import annotations

from itertools import combinations_with_replacement
from typing import Any

import numpy as np
import pytest
from intervals import holds, over, sojourn
from playing import exponential, queue
from scipy import sparse
from scipy.sparse.linalg import spsolve

WARM_S = 60.0


def farm(replicas: int, load: float, routing: Any, duration: str) -> dict[str, Any]:
    """Return `replicas` single-server queues of mean service 1 s, each with load `load`."""
    data = queue(
        f"{load * replicas} /s",
        exponential("1 s"),
        policies={"routing": routing},
        duration=duration,
        node={"cores": replicas},
        service={"replicas": replicas},
    )
    data["run"]["drain"] = "100 s"
    return data


def power_of_two_time(servers: int, load: float, longest: int = 28) -> float:
    """Return the mean time in `servers` queues when the shorter of two different ones is joined: the exact Markov chain.

    States are the sorted queue lengths, cut off at `longest`, where their probability is below 1e-6.
    """
    states = {s: i for i, s in enumerate(combinations_with_replacement(range(longest + 1), servers))}
    rows: dict[tuple[int, int], float] = {}

    def flow(here: int, lengths: list[int], rate: float) -> None:
        there = states.get(tuple(sorted(lengths)))
        if there is not None and there != here:
            rows[there, here] = rows.get((there, here), 0.0) + rate
            rows[here, here] = rows.get((here, here), 0.0) - rate

    pairs = [(i, j) for i in range(servers) for j in range(i)]
    for state, here in states.items():
        for i, j in pairs:
            shorter = i if state[i] < state[j] else j
            grown = [length + (k == shorter) for k, length in enumerate(state)]
            flow(here, grown, load * servers / len(pairs))
        for k in range(servers):
            if state[k]:
                flow(here, [length - (i == k) for i, length in enumerate(state)], 1.0)
    size = len(states)
    for place in range(size):
        rows[0, place] = 1.0  # the probabilities add up to one; one balance equation follows from the others
    at = np.array(list(rows))
    balance = sparse.csc_matrix((list(rows.values()), (at[:, 0], at[:, 1])), shape=(size, size))
    share = spsolve(balance, np.eye(1, size).ravel())
    return float(share @ np.array([sum(state) for state in states])) / (load * servers)


def mean_field(load: float) -> float:
    """Return T of power-of-two choices among infinitely many queues: the sum of load^(2^k - 2).

    Mitzenmacher, IEEE TPDS 12(10), 2001; Vvedenskaya, Dobrushin, Karpelevich 1996.
    """
    return float(sum(load ** (2.0**k - 2) for k in range(1, 12)))


@pytest.mark.parametrize("servers", [2, 3])
def test_power_of_two_among_few_has_the_time_of_the_exact_chain(servers: int) -> None:
    found = over(farm(servers, 0.7, "power_of_two", f"{12000 / servers} s"), sojourn(WARM_S))
    holds(power_of_two_time(servers, 0.7), found, 0.06)


def test_power_of_two_among_many_comes_near_the_mean_field() -> None:
    """The error of the mean field falls as 1/n (Gast 2017), so 2 T(2n) - T(n) is free of it."""
    some = over(farm(20, 0.9, "power_of_two", "1000 s"), sojourn(WARM_S), 10)
    more = over(farm(40, 0.9, "power_of_two", "1000 s"), sojourn(WARM_S), 10)
    holds(mean_field(0.9), 2 * more - some, 0.12)
    assert mean_field(0.9) < more.mean() < some.mean()


@pytest.mark.slow
def test_power_of_two_among_two_hundred_is_a_hundredth_above_the_mean_field() -> None:
    """At load 0.9 the mean field says 2.61; 200 queues have 2.64 by other simulators."""
    found = over(farm(200, 0.9, "power_of_two", "1500 s"), sojourn(WARM_S), 10)
    holds(2.64, found, 0.02)


def test_random_routing_makes_independent_m_m_1_queues() -> None:
    """A Poisson stream split at random is Poisson: T = 1 / (1 - rho)."""
    holds(1 / (1 - 0.6), over(farm(10, 0.6, "random", "1500 s"), sojourn(WARM_S)), 0.05)


def test_taking_turns_makes_queues_with_erlang_arrivals() -> None:
    """Of two queues in turn each sees Erlang-2 gaps: T = 1 / (1 - s), s = (2 l / (2 l + 1 - s))^2 with l = rho. Kleinrock 1, 6.4."""
    load, root = 0.7, 0.5
    for _ in range(200):
        root = (2 * load / (2 * load + 1 - root)) ** 2
    holds(1 / (1 - root), over(farm(2, load, "round_robin", "6000 s"), sojourn(WARM_S)), 0.06)
