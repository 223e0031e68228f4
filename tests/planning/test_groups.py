"""Groups that several models share: queueing theory, and when sharing pays."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from simtier.planning.groups import Ask, Work, latencies

NEVER = float("inf")
BOTH = frozenset({"a", "b"})
APART = [frozenset({"a"}), frozenset({"b"})]
REQUESTS = 40_000


def asks(gaps: Iterator[float], within_s: float = NEVER) -> list[Ask]:
    """Return requests of two models in turn, or as their gaps have it."""
    rng = np.random.default_rng(1)
    times = np.cumsum(list(gaps))
    return [
        Ask(at, "ab"[number], within_s)
        for at, number in zip(times.tolist(), rng.integers(2, size=len(times)).tolist(), strict=True)
    ]


def poisson(rate: float) -> list[Ask]:
    return asks(iter(np.random.default_rng(2).exponential(1 / rate, REQUESTS).tolist()))


def works(asked: list[Ask], all_s: float, stage_s: float) -> dict[str, list[Work]]:
    return {model: [Work(all_s, stage_s)] * sum(ask.model == model for ask in asked) for model in "ab"}


@pytest.mark.parametrize("each", [0.3, 0.5, 0.7])
def test_the_motivating_example_of_alpaserve(each: float) -> None:
    """Two models of 1 s on two accelerators, `each` requests/s of each. AlpaServe, section 3.1 (M/D/1, Poisson arrivals).

    One model on each: D + r D^2 / (2 (1 - r D)). Both in two stages over both: D + r D^2 / (4 (1 - r D)).
    """
    asked = poisson(2 * each)
    apart = latencies(asked, works(asked, 1.0, 1.0), APART, 1)
    shared = latencies(asked, works(asked, 1.0, 0.5), [BOTH], 2)
    assert apart.mean() == pytest.approx(1 + each / (2 * (1 - each)), rel=0.03)
    assert shared.mean() == pytest.approx(1 + each / (4 * (1 - each)), rel=0.03)


def test_sharing_is_better_in_bursts_and_worse_without() -> None:
    """Stages cost 10 % here. Requests of one model come four at once: alone they take 4 s, shared less; one by one they only lose."""
    bursts = [Ask(float(10 * (number // 4)), "ab"[number // 4 % 2], 3.5) for number in range(400)]
    regular = [Ask(float(number), "ab"[number % 2], 1.05) for number in range(400)]
    found = {}
    for name, asked in (("bursts", bursts), ("regular", regular)):
        apart = latencies(asked, works(asked, 1.0, 1.0), APART, 1)
        shared = latencies(asked, works(asked, 1.1, 0.55), [BOTH], 2)
        found[name] = tuple(float(np.isfinite(each).mean()) for each in (apart, shared))
    assert found["bursts"] == (0.75, 1.0)
    assert found["regular"] == (1.0, 0.0)


def test_a_request_that_would_be_late_is_rejected_and_delays_nobody() -> None:
    asked = [Ask(0.0, "a", 1.0), Ask(0.0, "a", 1.0), Ask(1.0, "a", 1.0)]
    took = latencies(asked, works(asked, 1.0, 1.0), [frozenset({"a"})], 1)
    assert took.tolist()[0::2] == [1.0, 1.0]
    assert np.isnan(took[1])


def test_a_model_that_lies_nowhere_is_rejected() -> None:
    asked = [Ask(0.0, "b", NEVER)]
    assert np.isnan(latencies(asked, works(asked, 1.0, 1.0), [frozenset({"a"})], 1)[0])


def test_a_request_goes_where_it_is_done_first() -> None:
    asked = [Ask(0.0, "a", NEVER), Ask(0.0, "b", NEVER), Ask(0.0, "a", NEVER)]
    took = latencies(asked, works(asked, 1.0, 1.0), [BOTH, BOTH], 1)
    assert took.tolist() == [1.0, 1.0, 2.0]
