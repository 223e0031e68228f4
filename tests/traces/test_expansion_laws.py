"""Laws of expansion on counts that Hypothesis draws, and a slow twin that must agree to the last bit."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import numpy as np
import pytest
from expanding import EVEN, EXACT, GAMMA, KEY, POISSON, UNIFORM, Row, counts, expanded, functions_table, rates, times_of
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from simtier.traces.expansion import Expansion, expand
from simtier.traces.hashing import mixed, text_key, uniform
from simtier.traces.replay import Replay
from simtier.traces.tables import DURATION_PERCENTILES

# The slow twin: one invocation after another; exp and pow through arrays, as these round differently elsewhere.

MASK = 2**64 - 1


def _one(key: int, salt: int = 0) -> int:
    return int(mixed(np.array([key & MASK], np.uint64), salt)[0])


def _draw(cell: int, purpose: int, place: int) -> float:
    return float(uniform(np.array([_one(cell, purpose) + place & MASK], np.uint64))[0])


def _slow_shares(how: Expansion, cell: int, count: int) -> list[float]:
    if how.process == "even":
        phase = float(uniform(np.array([cell], np.uint64), 2)[0])
        return [(place + phase) / count for place in range(count)]
    if how.cv is None:
        return [_draw(cell, 2, place) for place in range(count)]
    gaps = [float(special.gammaincinv(1 / how.cv**2, max(_draw(cell, 2, gap), 2.0**-54))) for gap in range(count + 1)]
    sums = list(itertools.accumulate(gaps))
    return [part / max(sums[-1], float(np.finfo(float).tiny)) for part in sums[:-1]]


def _slow_expand(rows: list[Row], how: Expansion, quantiles: dict[str, list[float]]) -> list[tuple[float, str, float]]:
    out = []
    for start, length, series, value in rows:
        cell = _one(text_key(series) ^ _one(round(start * 1000), KEY))
        count = int(value)
        if how.process == "poisson" and value > 0:
            count = int(stats.poisson.ppf(uniform(np.array([cell], np.uint64), 1)[0], value))
        for place, share in enumerate(_slow_shares(how, cell, count)):
            time = min(start + share * length, float(np.nextafter(start + length, 0.0)))
            out.append((time, series, _slow_duration(quantiles[series], _draw(cell, 3, place))))
    return sorted(out, key=lambda each: each[0])


def _slow_duration(told: list[float], u: float) -> float:
    points = [p / 100 for p in DURATION_PERCENTILES]
    below = max(place for place, point in enumerate(points[:-1]) if point <= u)
    share = (u - points[below]) / (points[below + 1] - points[below])
    low, high = told[below], told[below + 1]
    if low > 0:
        return float(low * (np.array([high / low]) ** share)[0])
    return low + share * (high - low)


QUANTILES = {
    "f": [0.01, 0.02, 0.1, 0.2, 0.5, 3.0, 9.0],
    "g": [0.0, 0.0, 0.0, 1.0, 1.0, 2.0, 2.0],
    "h": [4.0] * 7,
}


@settings(deadline=None, max_examples=150)
@given(rows=counts(), how=st.sampled_from([UNIFORM, EVEN, POISSON, GAMMA]), size=st.integers(1, 9))
def test_fast_and_slow_agree_to_the_last_bit(rows: list[Row], how: Expansion, size: int) -> None:
    fast = expanded(rows, how, size, functions=functions_table(QUANTILES))
    slow = _slow_expand(rows, how, QUANTILES)
    assert [(row["arrival_s"], row["function"], row["duration_s"]) for row in fast] == slow


@settings(deadline=None)
@given(rows=counts(), how=st.sampled_from([*EXACT, POISSON]), sizes=st.tuples(st.integers(1, 9), st.integers(1, 9)))
def test_the_size_of_a_batch_changes_nothing(rows: list[Row], how: Expansion, sizes: tuple[int, int]) -> None:
    assert expanded(rows, how, sizes[0]) == expanded(rows, how, sizes[1])


def test_neither_does_how_much_is_expanded_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    rows = [(60.0 * minute, 60.0, f"f{f}", float(rng.integers(0, 40))) for minute in range(20) for f in range(5)]
    whole = {how: expanded(rows, how) for how in (*EXACT, POISSON)}
    monkeypatch.setattr("simtier.traces.expansion.ARRIVALS_AT_ONCE", 50)
    monkeypatch.setattr("simtier.traces.expansion.ROWS_AT_ONCE", 7)
    assert {how: expanded(rows, how) for how in whole} == whole


@settings(deadline=None)
@given(rows=counts(), how=st.sampled_from(EXACT))
def test_counts_are_kept_to_the_interval_and_all_is_in_order(rows: list[Row], how: Expansion) -> None:
    out = expanded(rows, how)
    assert (np.diff(times_of(out)) >= 0).all()
    assert Counter(row["function"] for row in out) == _totals(rows)
    for row in rows:
        assert len(expanded([row], how)) == row[3]
        assert all(row[0] <= time < row[0] + row[1] for time in times_of(expanded([row], how)))


def _totals(rows: list[Row]) -> Counter[str]:
    totals: Counter[str] = Counter()
    for _, _, series, value in rows:
        totals[series] += int(value)
    return +totals


@settings(deadline=None)
@given(rows=counts(), how=st.sampled_from([*EXACT, POISSON]), data=st.data())
def test_leaving_out_a_function_or_an_interval_shifts_nothing(rows: list[Row], how: Expansion, data: Any) -> None:
    left = data.draw(st.lists(st.sampled_from(rows), unique=True, min_size=1))
    alone = [row for each in sorted(left, key=rows.index) for row in expanded([each], how)]
    alone.sort(key=lambda row: (row["arrival_s"], row["function"]))
    together = sorted(expanded(sorted(left, key=rows.index), how), key=lambda row: (row["arrival_s"], row["function"]))
    assert together == alone


@settings(deadline=None)
@given(minutes=st.lists(st.integers(0, 9), min_size=2, max_size=8), cut=st.integers(1, 7), how=st.sampled_from(EXACT))
def test_windows_side_by_side_add_up(minutes: list[int], cut: int, how: Expansion) -> None:
    rows = [(60.0 * minute, 60.0, "f", float(count)) for minute, count in enumerate(minutes)]
    for start, stop in itertools.pairwise([0, min(cut, len(rows)), len(rows)]):
        wanted = sum(minutes[start:stop])
        if wanted:
            arrivals = expand(iter([rates(rows)]), how, KEY, None)
            inside = Replay((60.0 * start, 60.0 * stop)).apply(arrivals, "invocations")
            assert sum(part.num_rows for part in inside) == wanted
