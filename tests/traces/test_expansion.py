"""From counts to invocations: worked examples, laws, statistics with their intervals, and a slow twin that must agree to the last bit."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from simtier.errors import TraceError
from simtier.traces.durations import Durations
from simtier.traces.expansion import Expansion, _poisson, expand
from simtier.traces.hashing import mixed, text_key, uniform
from simtier.traces.ledger import Ledger
from simtier.traces.replay import Replay
from simtier.traces.tables import DURATION_PERCENTILES, SCHEMAS, batch

SURE = 0.9999
KEY = 20_231_116
UNIFORM, EVEN = Expansion("uniform", None, 1.0), Expansion("even", None, 1.0)
POISSON, GAMMA = Expansion("poisson", None, 1.0), Expansion("gamma", 2.5, 1.0)
EXACT = [UNIFORM, EVEN, GAMMA, Expansion("gamma", 0.3, 1.0)]
Row = tuple[float, float, str, float]


def _rates(rows: list[Row]) -> Any:
    starts, lengths, series, values = (list(column) for column in zip(*rows, strict=True))
    columns = {
        "time_s": pa.array(starts, pa.float64()),
        "length_s": pa.array(lengths, pa.float64()),
        "series": pa.array(series).dictionary_encode(),
        "value": pa.array(values, pa.float64()),
    }
    return batch("rates", columns, len(rows))


def _functions(quantiles: Mapping[str, list[float] | None], mean: float | None = None) -> Any:
    told: list[list[Any]] = [values or [None] * len(DURATION_PERCENTILES) for values in quantiles.values()]
    columns = {
        f"duration_p{p}_s": pa.array(column, pa.float64())
        for p, column in zip(DURATION_PERCENTILES, zip(*told, strict=True), strict=True)
    }
    columns |= {
        "function": pa.array(list(quantiles)),
        "app": pa.array([f"app of {name}" for name in quantiles]),
        "trigger": pa.array(["timer"] * len(told)),
        "memory_bytes": pa.array([128e6] * len(told)),
        "duration_mean_s": pa.array([mean] * len(told), pa.float64()),
    }
    return pa.Table.from_batches([batch("functions", columns, len(told))])


def _expanded(rows: list[Row], how: Expansion, size: int = 10_000, **told: Any) -> list[dict[str, Any]]:
    batches = [_rates(rows[first : first + size]) for first in range(0, len(rows), size)]
    parts = list(expand(iter(batches), how, told.pop("key", KEY), told.pop("functions", None), **told))
    assert all(part.schema.equals(SCHEMAS["invocations"], check_metadata=True) and part.num_rows for part in parts)
    return [row for part in parts for row in part.to_pylist()]


def _times(rows: list[dict[str, Any]]) -> np.ndarray:
    return np.array([row["arrival_s"] for row in rows])


@st.composite
def _counts(draw: Any, most: int = 12) -> list[Row]:
    """A few series; starts that repeat, intervals of different lengths that may overlap, one row for each start of a series."""
    starts = sorted(draw(st.lists(st.integers(0, 20), min_size=1, max_size=8, unique=True)))
    rows = []
    for start in starts:
        for series in sorted(draw(st.sets(st.sampled_from(["f", "g", "h"]), min_size=1))):
            length = draw(st.sampled_from([0.5, 1.0, 7.25, 60.0]))
            rows.append((start * 1.1, length, series, float(draw(st.integers(0, most)))))
    return rows


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
@given(rows=_counts(), how=st.sampled_from([UNIFORM, EVEN, POISSON, GAMMA]), size=st.integers(1, 9))
def test_fast_and_slow_agree_to_the_last_bit(rows: list[Row], how: Expansion, size: int) -> None:
    fast = _expanded(rows, how, size, functions=_functions(QUANTILES))
    slow = _slow_expand(rows, how, QUANTILES)
    assert [(row["arrival_s"], row["function"], row["duration_s"]) for row in fast] == slow


@settings(deadline=None)
@given(rows=_counts(), how=st.sampled_from([*EXACT, POISSON]), sizes=st.tuples(st.integers(1, 9), st.integers(1, 9)))
def test_the_size_of_a_batch_changes_nothing(rows: list[Row], how: Expansion, sizes: tuple[int, int]) -> None:
    assert _expanded(rows, how, sizes[0]) == _expanded(rows, how, sizes[1])


def test_neither_does_how_much_is_expanded_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    rows = [(60.0 * minute, 60.0, f"f{f}", float(rng.integers(0, 40))) for minute in range(20) for f in range(5)]
    whole = {how: _expanded(rows, how) for how in (*EXACT, POISSON)}
    monkeypatch.setattr("simtier.traces.expansion.ARRIVALS_AT_ONCE", 50)
    monkeypatch.setattr("simtier.traces.expansion.ROWS_AT_ONCE", 7)
    assert {how: _expanded(rows, how) for how in whole} == whole


@settings(deadline=None)
@given(rows=_counts(), how=st.sampled_from(EXACT))
def test_counts_are_kept_to_the_interval_and_all_is_in_order(rows: list[Row], how: Expansion) -> None:
    out = _expanded(rows, how)
    assert (np.diff(_times(out)) >= 0).all()
    assert Counter(row["function"] for row in out) == _totals(rows)
    for row in rows:
        assert len(_expanded([row], how)) == row[3]
        assert all(row[0] <= time < row[0] + row[1] for time in _times(_expanded([row], how)))


def _totals(rows: list[Row]) -> Counter[str]:
    totals: Counter[str] = Counter()
    for _, _, series, value in rows:
        totals[series] += int(value)
    return +totals


@settings(deadline=None)
@given(rows=_counts(), how=st.sampled_from([*EXACT, POISSON]), data=st.data())
def test_leaving_out_a_function_or_an_interval_shifts_nothing(rows: list[Row], how: Expansion, data: Any) -> None:
    left = data.draw(st.lists(st.sampled_from(rows), unique=True, min_size=1))
    alone = [row for each in sorted(left, key=rows.index) for row in _expanded([each], how)]
    alone.sort(key=lambda row: (row["arrival_s"], row["function"]))
    together = sorted(_expanded(sorted(left, key=rows.index), how), key=lambda row: (row["arrival_s"], row["function"]))
    assert together == alone


@settings(deadline=None)
@given(minutes=st.lists(st.integers(0, 9), min_size=2, max_size=8), cut=st.integers(1, 7), how=st.sampled_from(EXACT))
def test_windows_side_by_side_add_up(minutes: list[int], cut: int, how: Expansion) -> None:
    rows = [(60.0 * minute, 60.0, "f", float(count)) for minute, count in enumerate(minutes)]
    for start, stop in itertools.pairwise([0, min(cut, len(rows)), len(rows)]):
        wanted = sum(minutes[start:stop])
        if wanted:
            arrivals = expand(iter([_rates(rows)]), how, KEY, None)
            inside = Replay((60.0 * start, 60.0 * stop)).apply(arrivals, "invocations")
            assert sum(part.num_rows for part in inside) == wanted


def test_even_is_equally_spaced_from_a_phase() -> None:
    times = _times(_expanded([(120.0, 60.0, "f", 4.0)], EVEN))
    assert np.diff(times) == pytest.approx([15.0, 15.0, 15.0], rel=1e-12)
    assert 120.0 <= times[0] < 135.0


def test_another_key_another_name_another_start_other_times() -> None:
    first = _times(_expanded([(0.0, 60.0, "f", 5.0)], UNIFORM))
    others = [
        _times(_expanded([(0.0, 60.0, "f", 5.0)], UNIFORM, key=KEY + 1)),
        _times(_expanded([(0.0, 60.0, "g", 5.0)], UNIFORM)),
        _times(_expanded([(60.0, 60.0, "f", 5.0)], UNIFORM)) - 60.0,
    ]
    assert all(np.abs(first[:, None] - other).min() > 1e-6 for other in others)


# Statistics: the interval decides, at a level that fails by chance once in ten thousand; the numbers are fixed.


def _many(how: Expansion, cells: int, value: float, functions: Any = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(interval, place in it from 0 to 1, duration) of each arrival, in order of time."""
    rows = [(float(cell), 1.0, "f", value) for cell in range(cells)]
    out = _expanded(rows, how, functions=functions)
    times = _times(out)
    return np.floor(times).astype(int), times % 1.0, np.array([row["duration_s"] for row in out])


def test_uniform_times_are_uniform() -> None:
    _, shares, _ = _many(UNIFORM, 5000, 4.0)
    assert stats.chisquare(np.histogram(shares, 50, (0, 1))[0]).pvalue > 1 - SURE


@pytest.mark.parametrize("mean", [0.2, 2.5, 30.0])
def test_poisson_counts_have_their_mean_as_variance(mean: float) -> None:
    cells, _, _ = _many(POISSON, 4000, mean)
    counts = np.bincount(cells, minlength=4000)
    low, high = stats.poisson.interval(SURE, 4000 * mean)
    assert low <= counts.sum() <= high
    dispersion = ((counts - counts.mean()) ** 2).sum() / counts.mean()
    low, high = stats.chi2.interval(SURE, 3999)
    assert low <= dispersion <= high


def test_poisson_numbers_are_those_of_scipy() -> None:
    rng = np.random.default_rng(5)
    u, means = rng.uniform(0.0, 1.0, 20_000), np.power(10.0, rng.uniform(-3, 4, 20_000))
    assert (_poisson(u, means) == stats.poisson.ppf(u, means)).all()
    edges = np.array([0.0, 2.0**-53, 1 - 2.0**-53])
    assert _poisson(np.repeat(edges, 3), np.tile([0.0, 1.0, 1000.0], 3))[[0, 1, 2, 3, 6]].tolist() == [0] * 5


@pytest.mark.parametrize("mean", [0.3, 2.5, 17.0, 400.0])
def test_a_poisson_number_is_the_smallest_whose_probability_reaches_the_draw(mean: float) -> None:
    numbers = np.arange(int(mean + 4 * mean**0.5))
    steps = special.pdtr(numbers, mean)
    assert (_poisson(steps, np.full(len(steps), mean)) == numbers).all()
    assert (_poisson(np.nextafter(steps, 1.0), np.full(len(steps), mean)) == numbers + 1).all()


@pytest.mark.parametrize(("cv", "count"), [(0.5, 1), (0.5, 20), (1.0, 6), (2.0, 5), (2.0, 100)])
def test_gamma_gaps_have_the_cv_that_the_module_states(cv: float, count: int) -> None:
    """Gaps of a Dirichlet distribution: E sum g^2 = (1 + c2) / (n + 1) with c2 = n / ((n + 1) / cv^2 + 1)."""
    cells = 2000
    _, shares, _ = _many(Expansion("gamma", cv, 1.0), cells, float(count))
    gaps = np.diff(shares.reshape(cells, count), axis=1, prepend=0.0, append=1.0)
    squares = (gaps**2).sum(axis=1)
    half = stats.norm.ppf(0.5 + SURE / 2) * squares.std() / np.sqrt(cells)
    wanted = (1 + count / ((count + 1) / cv**2 + 1)) / (count + 1)
    assert abs(squares.mean() - wanted) < half
    assert half < 0.2 * wanted


def test_gamma_comes_near_its_cv_where_counts_are_large() -> None:
    times = _times(_expanded([(0.0, 3600.0, "f", 100_000.0)], Expansion("gamma", 3.0, 1.0)))
    gaps = np.diff(times)
    assert gaps.std() / gaps.mean() == pytest.approx(3.0, rel=0.03)


def test_gamma_with_cv_one_is_uniform() -> None:
    _, shares, _ = _many(Expansion("gamma", 1.0, 1.0), 5000, 3.0)
    for place in range(3):  # order statistics of uniform numbers
        assert stats.kstest(shares.reshape(5000, 3)[:, place], stats.beta(place + 1, 3 - place).cdf).pvalue > 1 - SURE


def test_extreme_cvs_stay_in_the_interval() -> None:
    for cv in (0.001, 30.0):
        times = _times(_expanded([(60.0, 60.0, "f", 7.0), (120.0, 60.0, "f", 1.0)], Expansion("gamma", cv, 1.0)))
        assert ((times >= 60.0) & (times < 180.0)).all()
        assert len(times) == 8


@pytest.mark.parametrize("how", [UNIFORM, EVEN, GAMMA])
def test_durations_follow_the_quantiles_and_have_nothing_to_do_with_times(how: Expansion) -> None:
    told = {"f": [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0]}
    _, shares, durations = _many(how, 3000, 6.0, _functions(told))
    points = np.interp(np.log(durations), np.log(told["f"]), np.array(DURATION_PERCENTILES) / 100)
    assert stats.kstest(points, "uniform").pvalue > 1 - SURE
    assert stats.spearmanr(shares, durations).pvalue > 1 - SURE
    assert stats.spearmanr(shares[1:], durations[:-1]).pvalue > 1 - SURE


@pytest.mark.parametrize("how", [UNIFORM, POISSON, EVEN])
def test_no_draw_serves_twice(how: Expansion) -> None:
    """A duration from the numbers that place the next arrival would pass most tests of correlation."""
    told = {"f": [0.0, 0.01, 0.25, 0.5, 0.75, 0.99, 1.0]}
    straight = Durations(_functions(told), None)
    straight.add(["f"])
    _, shares, durations = _many(how, 200, 5.0, _functions(told))
    for place in np.unique(shares):
        assert np.abs(straight.draw(np.zeros(1, int), np.array([place])) - durations).min() > 1e-9


def test_a_quantile_function_is_straight_in_the_logarithm_between_its_points() -> None:
    durations = Durations(
        _functions({"f": [1.0, 1.0, 1.0, 100.0, 100.0, 100.0, 100.0], "g": [0.0, 0.0, 0.0, 8.0, 8.0, 8.0, 8.0]}), None
    )
    durations.add(["f", "g"])
    assert durations.draw(np.array([0, 0, 0, 1, 1]), np.array([0.1, 0.375, 0.6, 0.375, 0.0])) == pytest.approx(
        [1.0, 10.0, 100.0, 4.0, 0.0]
    )


def test_constant_durations_and_what_is_known_of_a_function_come_along() -> None:
    (row,) = _expanded([(0.0, 60.0, "f", 1.0)], Expansion("uniform"), functions=_functions({"f": [2.5] * 7}))
    assert row["duration_s"] == 2.5
    assert (row["app"], row["trigger"], row["memory_bytes"], row["pod"]) == ("app of f", "timer", 128e6, None)


def test_functions_without_durations_are_left_out_and_counted() -> None:
    rows = [(0.0, 60.0, "f", 2.0), (0.0, 60.0, "stranger", 5.0), (60.0, 60.0, "untold", 1.0)]
    functions = _functions({"f": [2.5] * 7, "untold": None})
    ledger = Ledger()
    out = _expanded(rows, Expansion("uniform"), functions=functions, ledger=ledger)
    assert [row["function"] for row in out] == ["f", "f"]
    assert ledger.dropped == {"function without known durations": 6}
    assert ledger.notes == ["counts became arrivals by `uniform`, a choice of the model"]


def test_those_left_out_are_counted_even_if_nobody_reads_on() -> None:
    ledger = Ledger()
    rows = [(60.0 * minute, 60.0, name, 3.0) for minute in range(4) for name in ("f", "stranger")]
    batches = (_rates(rows[first : first + 2]) for first in range(0, len(rows), 2))
    next(expand(batches, Expansion("even"), KEY, _functions({"f": [1.0] * 7}), ledger))
    assert ledger.dropped == {"function without known durations": 6}


def test_a_default_duration_and_a_mean_fill_in() -> None:
    rows = [(0.0, 60.0, "untold", 1.0), (60.0, 60.0, "stranger", 1.0)]
    out = _expanded(rows, Expansion("uniform", None, 7.0), functions=_functions({"untold": None}, mean=3.0))
    assert [(row["duration_s"], row["app"]) for row in out] == [(3.0, "app of untold"), (7.0, None)]


def test_an_endless_stream_is_expanded_as_it_comes() -> None:
    taken = itertools.count(1)
    batches = (_rates([(60.0 * (next(taken) - 1), 60.0, "f", 3.0)]) for _ in itertools.repeat(None))
    out = expand(batches, UNIFORM, KEY, None)
    assert [next(out).num_rows for _ in range(5)] == [3] * 5
    assert next(taken) == 7


@pytest.mark.parametrize(
    ("row", "how", "message"),
    [
        ((60.0, 60.0, "f", -1.0), UNIFORM, "'f', interval at 60 s: the count is -1"),
        ((60.0, 60.0, "f", -1.0), POISSON, "'f', interval at 60 s: the count is -1"),
        ((60.0, 60.0, "f", float("inf")), POISSON, "the count is inf"),
        ((60.0, 60.0, "f", float("nan")), UNIFORM, "the count is nan"),
        ((60.0, 0.0, "f", 1.0), UNIFORM, "the interval has a length of 0 s"),
        ((60.0, 60.0, "f", 2.5), UNIFORM, r"the count 2\.5 is not whole: only `poisson`"),
        ((60.0, 60.0, "f", 2.5), EVEN, r"the count 2\.5 is not whole"),
        ((60.0, 60.0, "f", 2.5), GAMMA, r"the count 2\.5 is not whole"),
    ],
)
def test_what_is_no_count_of_an_interval_is_refused_with_its_place(row: Row, how: Expansion, message: str) -> None:
    with pytest.raises(TraceError, match=message):
        _expanded([(0.0, 60.0, "e", 1.0), row], how)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"process": "weibull"}, "no expansion 'weibull': there are uniform, even, poisson, gamma"),
        ({"process": "gamma"}, "`cv` belongs to gamma"),
        ({"process": "uniform", "cv": 2.0}, "`cv` belongs to gamma"),
        ({"process": "gamma", "cv": 0.0}, "cv 0 must be above 0"),
        ({"process": "even", "default_duration_s": -1.0}, "default duration -1 s"),
    ],
)
def test_choices_that_make_no_sense_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(TraceError, match=message):
        Expansion(**wrong)


def test_counts_without_any_duration_are_refused_at_once() -> None:
    with pytest.raises(TraceError, match="give `default_duration`"):
        expand(iter([]), Expansion("uniform"), KEY, None)


@pytest.mark.parametrize("how", EXACT)
def test_three_real_functions_keep_their_counts_minute_by_minute(how: Expansion) -> None:
    frame = pd.read_csv(_real_counts()).set_index("HashFunction").drop(columns=["HashOwner", "HashApp", "Trigger"])
    rows = [
        (60.0 * place, 60.0, function, float(frame.loc[function, minute]))
        for place, minute in enumerate(frame.columns)
        for function in frame.index
    ]
    out = _expanded(rows, how)
    assert [Counter(row["function"] for row in out)[function] for function in frame.index] == [1, 1, 46]
    expanded = Counter((row["function"], int(row["arrival_s"] // 60)) for row in out)
    assert expanded == Counter({(row[2], int(row[0] // 60)): int(row[3]) for row in rows if row[3]})


def _real_counts() -> Path:
    for part in os.environ.get("SIMTIER_TRACES", "").split(os.pathsep):
        path = Path(part) / "azure-functions-2019" / "invitro_extremes" / "invocations.csv"
        if part and path.is_file():
            return path
    pytest.skip("SIMTIER_TRACES names no directory with azure-functions-2019/invitro_extremes")
