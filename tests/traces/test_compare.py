"""Two traces side by side: the Kolmogorov-Smirnov distance against scipy, and the table that goes into the documentation."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from simtier.errors import TraceError
from simtier.traces.compare import Comparison, Row, compare, markdown, number
from simtier.traces.statistics import Bounds
from simtier.traces.statistics.quantiles import Quantiles, distance
from simtier.traces.tables import batch


def llm(times: Any, inputs: Any, **more: Any) -> Any:
    rows = len(times)
    columns = {"arrival_s": np.asarray(times, float), "input_tokens": np.asarray(inputs), **more}
    return batch("llm_requests", {"output_tokens": np.ones(rows), "failed": np.zeros(rows, bool), **columns}, rows)


def cut(whole: Any, rows: int = 7) -> Iterator[Any]:
    return (whole.slice(start, rows) for start in range(0, whole.num_rows, rows))


def held(values: Any, bound: int = 10**6) -> Quantiles:
    quantiles = Quantiles(bound)
    for part in np.array_split(np.asarray(values, float), 3):
        quantiles.add(part)
    return quantiles


def row(comparison: Comparison, name: str) -> Row:
    return next(row for row in comparison.rows() if row.name == name)


_sample = st.lists(st.integers(-3, 3).map(float) | st.floats(-5, 5), min_size=1, max_size=60)


@given(_sample, _sample)
def test_the_distance_is_that_of_scipy_with_ties(one: list[float], other: list[float]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", RuntimeWarning
        )  # scipy's p-value, not looked at here, has trouble with few values
        expected = stats.ks_2samp(one, other, method="asymp").statistic
    assert distance(held(one), held(other)) == pytest.approx(expected, abs=1e-12)
    assert distance(held(other), held(one)) == pytest.approx(expected, abs=1e-12)


def test_the_distance_of_worked_examples() -> None:
    assert distance(held([1, 2, 2, 3]), held([2, 2, 3, 4])) == 0.25
    assert distance(held([1, 1, 1]), held([1])) == 0.0
    assert distance(held([1, 2]), held([3, 4])) == 1.0
    assert distance(held([1]), held([])) is None


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=80), st.lists(st.integers(0, 5000), min_size=1, max_size=80))
def test_buckets_never_exceed_the_exact_distance_and_find_it_for_values_they_tell_apart(
    one: list[int], other: list[int]
) -> None:
    exact = distance(held(one), held(other))
    assert exact is not None
    for bounds in ((0, 0), (0, 1000), (1000, 0)):
        rough = distance(held(one, bounds[0]), held(other, bounds[1]))
        assert rough is not None
        assert rough <= exact + 1e-12
        if max(*one, *other) < 400:  # whole numbers below 500 are more than 0.2 % apart
            assert rough == pytest.approx(exact, abs=1e-12)


def test_a_trace_beside_itself_has_no_distance_and_ratios_of_one() -> None:
    table = llm([0, 0.5, 3, 70], [5, 5, 8, 1000])
    rows = compare(cut(table, 1), cut(table, 3), "llm_requests").rows()
    assert [row.name for row in rows] == [
        "gap",
        "input_tokens",
        "output_tokens",
        "arrival rate",
        "gap CV",
        "dispersion in 1 s",
        "dispersion in 60 s",
        "share failed",
    ]
    assert {row.distance for row in rows} == {0.0, None}
    assert all(row.real == row.other for row in rows)
    assert {row.ratio for row in rows} == {1.0, None}  # of the failures, 0 beside 0, there is no ratio


def test_columns_and_gaps_are_compared() -> None:
    real, other = llm([0, 1, 2, 3, 4], [1, 2, 3, 4, 5]), llm([0, 2, 4], [3, 4, 8])
    comparison = compare(cut(real, 2), cut(other, 2), real.schema)
    gap, tokens = row(comparison, "gap"), row(comparison, "input_tokens")
    assert (gap.unit, gap.real, gap.other, gap.ratio, gap.distance) == ("s", (1, 1, 1), (2, 2, 2), 2.0, 1.0)
    assert (tokens.unit, tokens.real[:2], tokens.other[:2]) == ("token", (3.0, 3.0), (5.0, 4.0))
    assert tokens.distance == pytest.approx(stats.ks_2samp([1, 2, 3, 4, 5], [3, 4, 8]).statistic)
    assert not tokens.approximate
    assert row(comparison, "arrival rate").real == (1.25, None, None)


def test_a_column_that_one_trace_lacks_is_shown_without_a_distance() -> None:
    blocks = pa.array([[1], [1, 2]], pa.list_(pa.int64()))
    comparison = compare([llm([0, 1], [1, 1], blocks=blocks)], [llm([0, 1], [1, 1])], "llm_requests")
    lengths, hits = row(comparison, "blocks"), row(comparison, "block hit ratio")
    assert (lengths.real[0], lengths.other, lengths.ratio, lengths.distance) == (1.5, (None, None, None), None, None)
    assert (hits.real[0], hits.other[0]) == (pytest.approx(1 / 3), None)


def test_long_streams_are_compared_by_buckets_and_say_so() -> None:
    values = np.arange(1, 401)
    comparison = compare([llm(values, values)], [llm(values, values + 100)], "llm_requests", bounds=Bounds(values=50))
    tokens = row(comparison, "input_tokens")
    assert tokens.approximate
    assert tokens.distance == pytest.approx(0.25)
    assert tokens.real[1] == pytest.approx(200.5, rel=0.001)


def test_rates_compare_their_intervals_and_links_their_rate_over_time() -> None:
    columns = {"time_s": [0.0, 60.0], "length_s": [60.0, 60.0], "series": pa.array(["a", "a"]), "value": [1.0, 3.0]}
    rates = batch("rates", columns, 2)
    facts = ({"absent": "zero"}, {"absent": "zero"})
    assert row(compare([rates], [rates], "rates", facts), "interval").real[0] == 2.0
    link = batch("bandwidth", {"time_s": [0.0, 1.0], "rate_bytes_per_s": [10.0, 20.0]}, 2)
    assert row(compare([rates], [rates], "rates", facts), "value").distance == 0.0
    found = row(compare([link], [link], "bandwidth", ({"period_s": "2"}, {"period_s": "5"})), "rate over time")
    assert (found.unit, found.real[0], found.other[0]) == ("B/s", 15.0, 18.0)


def test_turns_of_sessions_are_compared() -> None:
    three, one = pa.array(["s", "s", "s"]), pa.array(["s", "t", "u"])
    comparison = compare([llm(range(3), [1] * 3, session=three)], [llm(range(3), [1] * 3, session=one)], "llm_requests")
    turns = row(comparison, "turns a session")
    assert (turns.real[0], turns.other[0], turns.ratio) == (3.0, 1.0, pytest.approx(1 / 3))


def test_an_unknown_family_is_refused() -> None:
    with pytest.raises(TraceError, match="'links' is no family of traces"):
        compare([], [], "links")


def test_the_markdown_table() -> None:
    real, other = llm([0, 1, 2, 3, 4], [1, 2, 3, 4, 5]), llm([0, 2, 4], [3, 4, 8])
    lines = markdown(compare([real], [other], "llm_requests"), "azure", "made").splitlines()
    assert lines[:3] == [
        "|  | azure: mean | p50 | p99 | made: mean | p50 | p99 | ratio of means | KS distance |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| gap (s) | 1 | 1 | 1 | 2 | 2 | 2 | 2 | 1.000 |",
    ]
    assert (
        lines[-1]
        == "| share failed | 0 | \N{EN DASH} | \N{EN DASH} | 0 | \N{EN DASH} | \N{EN DASH} | \N{EN DASH} | \N{EN DASH} |"
    )
    assert len(lines) == 2 + 8


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "\N{EN DASH}"),
        (0.0, "0"),
        (12_035.06, "12,040"),
        (5.0, "5"),
        (0.0637979, "0.0638"),
        (217.1689, "217.2"),
        (9_999.6, "10,000"),
        (-0.5, "-0.5"),
        (0.00001234, "1.234e-05"),
        (100.0, "100"),
        (7_107_399, "7,107,000"),
    ],
)
def test_numbers_have_four_significant_digits(value: float | None, text: str) -> None:
    assert number(value) == text
