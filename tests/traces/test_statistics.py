"""The statistics of traces: worked examples, and laws of streaming."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simtier.errors import TraceError
from simtier.traces.statistics import Bounds, summarise
from simtier.traces.statistics.columns import PERCENTS
from simtier.traces.statistics.quantiles import ACCURACY, Quantiles
from simtier.traces.tables import RATES, SCHEMAS, Family, batch


def llm(times: Any, inputs: Any = 1, outputs: Any = 1, **more: Any) -> Any:
    rows = len(times)
    columns = {"input_tokens": inputs, "output_tokens": outputs, "failed": False, **more}
    whole = {name: np.full(rows, value) if np.ndim(value) == 0 else value for name, value in columns.items()}
    return batch("llm_requests", {"arrival_s": np.asarray(times, float), **whole}, rows)


def rates(times: Any, values: Any, series: Any = None, length_s: float = 60.0) -> Any:
    rows = len(times)
    named = series if series is not None else ["a"] * rows
    columns = {"time_s": times, "length_s": np.full(rows, length_s), "series": pa.array(named), "value": values}
    return batch("rates", {name: np.asarray(c, float) if name != "series" else c for name, c in columns.items()}, rows)


def cut(whole: Any, rows: int = 1000) -> Iterator[Any]:
    return (whole.slice(start, rows) for start in range(0, whole.num_rows, rows))


# --- worked examples


def test_gaps_ties_and_rate_are_counted_by_hand() -> None:
    arrivals = summarise([llm([0, 0, 1, 4])], "llm_requests").arrivals
    assert arrivals is not None
    assert arrivals.rate_per_s == 1.0  # 4 rows over 4 s
    assert (arrivals.gaps.count, arrivals.ties, arrivals.gaps.p50, arrivals.gaps.max) == (3, 1, 1.0, 3.0)
    assert arrivals.gaps.mean == pytest.approx(4 / 3)
    assert arrivals.gap_cv == pytest.approx(np.std([0, 1, 3]) / np.mean([0, 1, 3]))


def test_dispersion_takes_half_open_bins_from_the_first_row_and_the_unfinished_last_one() -> None:
    # counts in 1 s: 2 (0, 0.5), 1 (1.0), 0, 1 (3.2); mean 1, variance of the population 0.5
    arrivals = summarise([llm([10, 10.5, 11, 13.2])], "llm_requests").arrivals
    assert arrivals is not None
    assert arrivals.dispersion_1s == 0.5
    assert arrivals.dispersion_60s == 0.0  # one bin has no variance


def test_null_is_not_zero_and_what_is_not_finite_is_null() -> None:
    elapsed = pa.array([0.0, None, float("nan"), 4.0])
    numbers = summarise([llm([0, 1, 2, 3], elapsed_s=elapsed)], "llm_requests").numbers
    assert (numbers["elapsed_s"].count, numbers["elapsed_s"].nulls, numbers["elapsed_s"].zeros) == (2, 2, 1)
    assert (numbers["elapsed_s"].mean, numbers["elapsed_s"].sd, numbers["elapsed_s"].cv) == (2.0, 2.0, 1.0)
    assert (numbers["images"].count, numbers["images"].nulls, numbers["images"].mean) == (0, 4, None)


def test_labels_failures_and_sessions_are_counted() -> None:
    sessions = pa.array(["s", None, "t", "s", "s"])
    model = pa.array(["b", "a", "a", "b", "c"])
    summary = summarise(
        [llm(range(5), failed=[True, False, False, False, False], session=sessions, model=model)], "llm_requests"
    )
    assert summary.labels["model"].top == (("a", 2), ("b", 2), ("c", 1))
    assert (summary.labels["session"].nulls, summary.labels["session"].distinct) == (1, 2)
    assert (summary.flags["failed"].count, summary.flags["failed"].share) == (1, 0.2)
    assert summary.sessions is not None
    assert (summary.sessions.count, summary.sessions.mean_turns, summary.sessions.max_turns) == (2, 2.0, 3)


def test_more_texts_than_are_told_apart_are_said_to_be_more() -> None:
    summary = summarise(
        cut(llm(range(6), session=pa.array(list("aabbca"))), 2), "llm_requests", bounds=Bounds(labels=2)
    )
    labels = summary.labels["session"]
    assert (labels.distinct, labels.more, labels.top) == (2, True, (("a", 3), ("b", 2)))
    assert summary.sessions is not None
    assert (summary.sessions.more, summary.sessions.mean_turns) == (True, None)
    assert summary.notes() == ("session has more than 2 different texts; the most frequent are of the first 2",)


def test_blocks_seen_before_are_hits_of_an_endless_prefix_cache() -> None:
    rows = [[1, 2, 3], [1, 2, 4], None, [], [1, 2, 4]]
    blocks = summarise(cut(llm(range(5), blocks=pa.array(rows, pa.list_(pa.int64()))), 1), "llm_requests").blocks[
        "blocks"
    ]
    assert (blocks.total, blocks.distinct, blocks.hit_ratio) == (9, 4, pytest.approx(5 / 9))
    assert (blocks.lengths.count, blocks.lengths.nulls, blocks.lengths.zeros, blocks.lengths.max) == (4, 1, 1, 3.0)


def test_too_many_blocks_are_estimated_within_three_standard_deviations() -> None:
    ids = np.repeat(np.arange(40_000), 2)
    lists = pa.ListArray.from_arrays(np.arange(0, len(ids) + 1, 8, dtype=np.int32), pa.array(ids))
    k = 2000
    summary = summarise(cut(llm(range(len(lists)), blocks=lists)), "llm_requests", bounds=Bounds(blocks=k))
    blocks = summary.blocks["blocks"]
    assert blocks.approximate
    assert blocks.distinct == pytest.approx(40_000, rel=3 / np.sqrt(k - 2))
    assert blocks.hit_ratio == pytest.approx(0.5, abs=1.5 / np.sqrt(k - 2))
    assert summary.notes() == ("the number of different blocks is an estimate",)


@pytest.mark.parametrize("absent", ["zero", "unknown"])
def test_rates_are_summed_over_series_and_absent_rows_mean_what_the_trace_says(absent: str) -> None:
    table = rates([0, 0, 60, 240], [1, 2, 3, 6], ["a", "b", "a", "a"])
    found = summarise(cut(table, 1), RATES, {"absent": absent}).rates
    assert found is not None
    totals = [3, 3, 0, 0, 6] if absent == "zero" else [3, 3, 6]
    assert (found.total, found.series, found.total_per_series) == (12.0, 2, 6.0)
    assert (found.intervals.count, found.covered_s, found.s_per_unit) == (
        len(totals),
        60 * len(totals),
        5 * len(totals),
    )
    assert (found.intervals.mean, found.intervals.max) == (pytest.approx(np.mean(totals)), 6.0)
    assert found.interval_cv == pytest.approx(np.std(totals) / np.mean(totals))
    assert found.interval_dispersion == pytest.approx(np.var(totals) / np.mean(totals))


def test_the_correlation_with_the_next_day_needs_two_days_and_sees_a_daily_wave() -> None:
    hours = np.arange(72)
    wave = 10 + np.cos(hours / 24 * 2 * np.pi)
    for length, expected in ((72, pytest.approx(1.0)), (48, pytest.approx(1.0)), (47, None)):
        found = summarise([rates(hours[:length] * 3600.0, wave[:length], length_s=3600.0)], "rates").rates
        assert found is not None
        assert found.lag_24h == expected


def test_a_rate_is_weighted_by_how_long_it_held() -> None:
    table = batch("bandwidth", {"time_s": [0.0, 1.0, 4.0], "rate_bytes_per_s": [100.0, 0.0, 50.0]}, 3)
    open_ended = summarise([table], "bandwidth")
    assert open_ended.level is not None
    assert (open_ended.level.covered_s, open_ended.level.mean, open_ended.level.share_above_zero) == (4.0, 25.0, 0.25)
    assert (open_ended.numbers["rate_bytes_per_s"].mean, open_ended.arrivals) == (50.0, None)
    looped = summarise(cut(table, 1), "bandwidth", {"period_s": "6"}).level
    assert looped is not None
    assert (looped.covered_s, looped.mean, looped.share_above_zero) == (6.0, pytest.approx(200 / 6), 0.5)


def test_availability_is_the_share_of_time_with_an_instance() -> None:
    table = batch("availability", {"time_s": np.arange(4) * 195.0, "available": [1, 0, 3, 1]}, 4)
    level = summarise([table], "availability", {"period_s": str(4 * 195)}).level
    assert level is not None
    assert (level.share_above_zero, level.mean) == (0.75, 1.25)


def test_functions_have_columns_and_no_times() -> None:
    summary = summarise(
        [batch("functions", {"function": ["f", "g"], "invocations": [3, None]}, 2)], SCHEMAS["functions"]
    )
    assert (summary.rows, summary.span_s, summary.arrivals, summary.numbers["invocations"].mean) == (2, None, None, 3.0)


@pytest.mark.parametrize("family", SCHEMAS)
def test_an_empty_stream_is_summarised_without_nan(family: Family) -> None:
    summary = summarise([llm([])] if family == "llm_requests" else [], family)
    assert summary.rows == 0
    json.dumps(summary.as_dict(), allow_nan=False)


def test_one_row_has_no_gaps_and_the_dict_is_json() -> None:
    found = summarise([llm([0.0], inputs=7)], "llm_requests").as_dict()
    text = json.loads(json.dumps(found, allow_nan=False))
    assert text["arrivals"]["rate_per_s"] is None
    assert text["arrivals"]["gap_cv"] is None
    assert text["numbers"]["input_tokens"]["p99"] == 7.0
    assert text["numbers"]["input_tokens"]["sd"] == 0.0
    assert text["labels"]["model"]["top"] == []


@pytest.mark.parametrize(
    ("batches", "family", "message"),
    [
        ([llm([0, 1]), llm([0.5])], "llm_requests", r"row 3: its time, 0.5 s, lies before that of the row above"),
        ([rates([0, 60], [1, 1]), rates([0], [1])], "rates", "row 3: its time lies before"),
        (
            [batch("bandwidth", {"time_s": [1.0, 0.0], "rate_bytes_per_s": [1.0, 1.0]}, 2)],
            "bandwidth",
            "row 2: its time lies before",
        ),
        ([], "requests", "'requests' is no family of traces: expected one of llm_requests, "),
        ([], pa.schema([]), "'' is no family of traces"),
    ],
)
def test_time_that_goes_back_and_unknown_families_are_refused(batches: Any, family: Any, message: str) -> None:
    with pytest.raises(TraceError, match=message):
        summarise(batches, family)


# --- laws

_gaps = st.lists(st.sampled_from([0.0, 0.25, 1.0, 7.5, 61.0]) | st.floats(0, 500), min_size=1, max_size=60)


@given(_gaps, st.integers(1, 20), st.data())
def test_streaming_equals_numpy_on_the_whole_however_the_stream_is_cut(gaps: list[float], rows: int, data: Any) -> None:
    times = np.cumsum(gaps) - gaps[0]
    tokens = np.array(data.draw(st.lists(st.integers(0, 10**6), min_size=len(gaps), max_size=len(gaps))))
    table = llm(times, inputs=tokens, model=pa.array([f"m{token % 7}" for token in tokens]))
    whole, pieces = summarise([table], "llm_requests"), summarise(cut(table, rows), "llm_requests")
    mine, theirs = whole.arrivals, pieces.arrivals
    assert mine is not None
    assert theirs is not None
    for exact in ("count", "nulls", "zeros", "min", "max", *(f"p{percent}" for percent in PERCENTS)):
        assert getattr(whole.numbers["input_tokens"], exact) == getattr(pieces.numbers["input_tokens"], exact)
        assert getattr(mine.gaps, exact) == getattr(theirs.gaps, exact)
    assert (whole.labels, whole.flags, whole.span_s) == (pieces.labels, pieces.flags, pieces.span_s)
    assert (mine.dispersion_1s, mine.dispersion_60s) == (theirs.dispersion_1s, theirs.dispersion_60s)
    found = pieces.numbers["input_tokens"]
    assert [found.mean, found.sd] == pytest.approx([tokens.mean(), tokens.std()], rel=1e-9, abs=1e-9)
    assert [getattr(found, f"p{percent}") for percent in PERCENTS] == list(np.percentile(tokens, PERCENTS))
    for width, dispersion in ((1, mine.dispersion_1s), (60, mine.dispersion_60s)):
        counts = np.bincount((times // width).astype(int))
        assert dispersion == pytest.approx(counts.var() / counts.mean(), rel=1e-9, abs=1e-12)


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 50)), min_size=1, max_size=80), st.integers(1, 9))
def test_totals_by_interval_do_not_depend_on_how_the_stream_is_cut(rows: list[tuple[int, int]], size: int) -> None:
    rows.sort()
    table = rates([1800.0 * hour for hour, _ in rows], [value for _, value in rows], length_s=1800.0)
    for absent in ("zero", "unknown"):
        whole = summarise([table], "rates", {"absent": absent}).rates
        pieces = summarise(cut(table, size), "rates", {"absent": absent}).rates
        assert whole is not None
        assert pieces is not None
        assert (whole.total, whole.covered_s, whole.intervals.p50) == (
            pieces.total,
            pieces.covered_s,
            pieces.intervals.p50,
        )
        assert (pieces.lag_24h is None) == (whole.lag_24h is None)
        assert pieces.lag_24h is None or pieces.lag_24h == pytest.approx(whole.lag_24h, rel=1e-9)
        totals = pd.Series([v for _, v in rows], dtype=float).groupby([t for t, _ in rows]).sum()
        if absent == "zero":
            totals = totals.reindex(range(rows[0][0], rows[-1][0] + 1), fill_value=0.0)
        assert whole.intervals.count == len(totals)
        assert whole.intervals.mean == pytest.approx(totals.mean())
        assert whole.intervals.p99 == pytest.approx(np.percentile(totals, 99))


_values = st.floats(1e-11, 1e17) | st.sampled_from([0.0, 1.0, 1.0])


@given(
    st.lists(_values, min_size=1, max_size=200), st.lists(st.floats(0, 100), min_size=1, max_size=5), st.integers(1, 50)
)
def test_percentiles_from_buckets_keep_their_promised_accuracy(
    values: list[float], percents: list[float], size: int
) -> None:
    quantiles = Quantiles(bound=0)
    for start in range(0, len(values), size):
        quantiles.add(np.array(values[start : start + size]))
    assert quantiles.approximate
    exact = np.percentile(values, percents)
    assert quantiles.percentiles(percents) == pytest.approx(exact, rel=ACCURACY * (1 + 1e-6), abs=0)


def test_buckets_mirror_negative_values() -> None:
    quantiles = Quantiles(bound=2)
    quantiles.add(np.array([-100.0, -1.0, 0.0, 2.0, 300.0]))
    assert quantiles.percentiles([0, 25, 50, 75, 100]) == pytest.approx(
        [-100, -1, 0, 2, 300], rel=ACCURACY * (1 + 1e-6)
    )


def test_a_long_stream_takes_no_more_memory_than_a_short_one() -> None:
    def stream(batches: int) -> Iterator[Any]:
        table = llm(np.arange(20_000) * 0.5, inputs=np.arange(20_000))
        for part in range(batches):
            yield table.set_column(0, table.schema.field(0), pa.array(np.arange(20_000) * 0.5 + 10_000 * part))

    def peak(batches: int) -> int:
        tracemalloc.start()
        summary = summarise(stream(batches), "llm_requests", bounds=Bounds(values=50_000))
        assert summary.notes()[0].startswith("percentiles are within 0.1% of the exact ones: input_tokens")
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(60) < 1.1 * peak(6)
