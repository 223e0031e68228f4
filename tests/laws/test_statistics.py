"""What must hold of comparisons whatever the numbers: units, origins and the order of the two do not matter."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from simtier.statistics import (
    Comparison,
    Observed,
    compare_batches,
    detectable,
    half_width,
    holm,
    independent,
    mean_interval,
    mser5,
    one_sided,
    paired,
    rank,
    reached,
    replications_needed,
    sequential,
)

laws = settings(derandomize=True, deadline=None, max_examples=100, database=None)
CLOSE = {"rel": 1e-6, "abs": 1e-9}
"""Rounding of numbers of a thousand that may nearly cancel."""
Compare = Callable[..., Comparison]

values = st.integers(-1_000_000, 1_000_000).map(lambda thousandths: thousandths / 1000)
lists = st.lists(st.tuples(values, values), min_size=3, max_size=12).map(lambda pairs: tuple(zip(*pairs, strict=True)))
compares = pytest.mark.parametrize("compare", [paired, independent])


@compares
@laws
@given(lists)
def test_swapping_base_and_other_negates(compare: Compare, both: tuple[list[float], list[float]]) -> None:
    there, back = compare(*both), compare(*both[::-1])
    assert (back.difference, back.low, back.high) == (-there.difference, -there.high, -there.low)
    assert back.p_value == there.p_value
    assert (back.effect_size is None) == (there.effect_size is None)
    if there.effect_size is not None:
        assert back.effect_size == -there.effect_size
    assert replications_needed(there) == replications_needed(back)


@compares
@laws
@given(st.lists(st.none() | values, min_size=2, max_size=12))
def test_identical_values_do_not_differ(compare: Compare, same: list[float | None]) -> None:
    assume(sum(value is not None for value in same) > 1)
    found = compare(same, same)
    assert (found.difference, found.p_value, found.effect_size) == (0.0, 1.0, 0.0)
    assert found.low <= 0 <= found.high
    assert replications_needed(found) is None
    assert one_sided(same, same) >= 0.5


@compares
@laws
@given(lists, st.integers(-1000, 1000), st.sampled_from([2.0**-20, 0.25, 8.0, 2.0**20]))
def test_units_and_origin_do_not_matter(
    compare: Compare, both: tuple[list[float], list[float]], shift: int, scale: float
) -> None:
    found = compare(*both)
    moved = compare(*([value + shift for value in one] for one in both))
    assert (moved.low, moved.difference, moved.high) == pytest.approx(
        (found.low, found.difference, found.high), **CLOSE
    )
    assert moved.p_value == pytest.approx(found.p_value, abs=1e-6)
    scaled = compare(*([value * scale for value in one] for one in both))
    assert (scaled.low, scaled.high, scaled.sd) == (scale * found.low, scale * found.high, scale * found.sd)
    assert scaled.p_value == found.p_value
    assert scaled.effect_size == found.effect_size
    assert scaled.relative == found.relative


@compares
@laws
@given(lists, st.randoms(use_true_random=False))
def test_the_order_of_replications_does_not_matter(
    compare: Compare, both: tuple[list[float], list[float]], shuffler: random.Random
) -> None:
    pairs = list(zip(*both, strict=True))
    shuffler.shuffle(pairs)
    found, other = compare(*both), compare(*zip(*pairs, strict=True))
    assert (other.low, other.high) == pytest.approx((found.low, found.high), **CLOSE)


@compares
@laws
@given(lists, st.floats(0.5, 0.98))
def test_an_interval_holds_zero_where_the_p_value_is_large(
    compare: Compare, both: tuple[list[float], list[float]], confidence: float
) -> None:
    found = compare(*both, confidence)
    assume(abs(found.p_value - (1 - confidence)) > 1e-9)
    assert (found.low <= 0 <= found.high) == (found.p_value > 1 - confidence)
    wider = compare(*both, confidence + 0.01)
    assert wider.low <= found.low <= found.difference <= found.high <= wider.high


@laws
@given(lists, st.sampled_from([0.0, 0.5, 10.0]), st.booleans(), st.sampled_from(["paired", "independent"]))
def test_a_larger_margin_never_makes_worse_likelier(
    both: tuple[list[float], list[float]], margin: float, more: bool, pairing: str
) -> None:
    strict, lax = (one_sided(*both, margin=room, more_is_better=more, pairing=pairing) for room in (margin, margin + 1))
    assert 0 <= strict <= lax + 1e-12 <= 1 + 1e-12
    if margin == 0:
        other_way = one_sided(*both, more_is_better=not more, pairing=pairing)
        assert strict + other_way == pytest.approx(1.0) or strict == other_way == 1.0


@laws
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_keeps_the_order_and_lies_between_none_and_bonferroni(p_values: list[float]) -> None:
    found = holm(dict(enumerate(p_values)))
    for place, p in enumerate(p_values):
        assert p <= found[place] <= min(1.0, p * len(p_values)) or found[place] == pytest.approx(p)
        for another, other in enumerate(p_values):
            assert p > other or found[place] <= found[another]


@laws
@given(st.lists(st.lists(values, min_size=4, max_size=4), min_size=2, max_size=5), st.booleans())
def test_a_ranking_is_by_mean_and_ties_are_mutual(policies: list[list[float]], more: bool) -> None:
    found = rank({str(number): one for number, one in enumerate(policies)}, more_is_better=more)
    means = [one.interval.mean for one in found.order]
    assert means == sorted(means, reverse=more)
    ties = {one.name: one.ties for one in found.order}
    assert all(name in ties[other] for name, others in ties.items() for other in others)
    reverse = rank(
        {str(number): [-value for value in one] for number, one in enumerate(policies)}, more_is_better=not more
    )
    assert reverse.adjusted == found.adjusted


@laws
@given(st.lists(values, min_size=55, max_size=200), st.integers(-1000, 1000), st.sampled_from([0.25, 8.0]))
def test_the_warm_up_has_no_unit_and_no_origin(series: list[float], shift: int, scale: float) -> None:
    found = mser5([series], points=1000)
    assert found.delete is None or 0 <= found.delete <= len(series) / 2
    assert mser5([[value * scale for value in series]]).delete == found.delete
    curve = [value for _, value in mser5([[value + shift for value in series]], points=1000).curve]
    assert curve == pytest.approx([value for _, value in found.curve], rel=1e-6, abs=1e-6)


@laws
@given(st.lists(st.tuples(st.floats(0, 100), values), min_size=10, max_size=200))
def test_batches_lose_and_invent_nothing(observations: list[tuple[float, float]]) -> None:
    times, found = zip(*observations, strict=True)
    run = Observed(times, found)
    same = compare_batches(run, run, 0.0, 101.0)
    assert (same.batches, same.correlated) == (30, False)
    assert same.comparison.n + same.comparison.dropped == 30
    assert math.isnan(same.comparison.p_value) or same.comparison.p_value == 1.0
    assert min(found) - 1e-9 <= same.comparison.base <= max(found) + 1e-9


@laws
@given(st.lists(values, min_size=2, max_size=20), st.floats(0.5, 0.99))
def test_an_interval_is_its_mean_and_half_width(numbers: list[float], confidence: float) -> None:
    found = mean_interval(numbers, confidence)
    assert found.half_width == half_width(numbers, confidence)
    assert found.mean == pytest.approx(sum(numbers) / len(numbers), **CLOSE)
    assert reached(found, found.half_width)
    assert found.half_width == 0 or not reached(found, found.half_width * 0.999)


@laws
@given(st.integers(2, 60), st.floats(0.5, 0.99), st.floats(0.55, 0.95), st.booleans())
def test_what_is_detectable_shrinks_with_replications(
    n: int, confidence: float, power: float, independent: bool
) -> None:
    few = detectable(1.0, n, confidence, power, independent=independent)
    assert 0 < detectable(1.0, n + 1, confidence, power, independent=independent) < few
    assert detectable(0.0, n, confidence, power) == 0.0


@laws
@given(st.integers(5, 10_000), st.floats(0.001, 0.5))
def test_looks_rise_to_the_last_and_spend_no_more_than_there_is(most: int, alpha: float) -> None:
    plan = sequential(alpha, most)
    assert plan.looks[0] == 5
    assert plan.looks[-1] == most
    assert np.all(np.diff(plan.looks) > 0)
    assert sum(1 - plan.confidence(look) for look in range(len(plan.looks))) <= alpha
