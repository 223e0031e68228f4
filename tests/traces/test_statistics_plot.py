"""Pictures of traces: few bins of time whatever the span, rows thinned evenly, and files that are the same each time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simtier.errors import TraceError
from simtier.traces.statistics import Bounds, Summary, plot_trace
from simtier.traces.statistics.timebins import MOST_BINS, Thinned, TimeBins
from simtier.traces.tables import Family, batch


def cut(whole: Any, rows: int = 1000) -> Iterator[Any]:
    return (whole.slice(start, rows) for start in range(0, whole.num_rows, rows))


@given(st.lists(st.floats(0, 1e4), min_size=1, max_size=100), st.floats(1e-3, 1e3))
def test_bins_of_time_stay_few_and_lose_nothing_but_an_unfinished_last_one(gaps: list[float], scale: float) -> None:
    times = (np.cumsum(gaps) - gaps[0]) * scale
    bins = TimeBins()
    for part in np.array_split(times, 3):
        if len(part):
            bins.add(part, np.ones(len(part)))
    begins, sums, counts = bins.bins()
    end = begins[-1] + bins.width_s
    assert len(begins) <= MOST_BINS
    assert sums.sum() == counts.sum() == pytest.approx(np.count_nonzero(times < end), abs=2)  # ends of bins are rounded


def test_rows_are_thinned_evenly_however_they_come() -> None:
    values = np.arange(1000.0)
    whole, pieces = Thinned(most=100), Thinned(most=100)
    whole.add(values, values)
    for start in range(0, 1000, 7):
        pieces.add(values[start : start + 7], values[start : start + 7])
    assert whole.stride == pieces.stride == 16
    assert list(whole.rows()[0]) == list(pieces.rows()[0]) == list(values[::16])


PLOTTED: dict[Family, Any] = {
    "llm_requests": batch(
        "llm_requests",
        {
            "arrival_s": np.arange(500) ** 1.5,
            "input_tokens": np.arange(500),
            "output_tokens": np.arange(500) ** 3,
            "failed": np.zeros(500, bool),
            "blocks": pa.array([[1]] * 500, pa.list_(pa.int64())),
        },
        500,
    ),
    "rates": batch(
        "rates",
        {
            "time_s": np.arange(500) * 60.0,
            "length_s": np.full(500, 60.0),
            "series": pa.array(["a"] * 500),
            "value": np.arange(500.0),
        },
        500,
    ),
    "bandwidth": batch("bandwidth", {"time_s": np.arange(9000.0), "rate_bytes_per_s": np.arange(9000.0)}, 9000),
    "availability": batch("availability", {"time_s": [0.0, 195.0], "available": [1, 0]}, 2),
    "functions": batch("functions", {"function": ["f", "g"], "duration_mean_s": [0.1, 20.0]}, 2),
}


@pytest.mark.parametrize("family", PLOTTED)
@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_a_plot_is_written_and_the_summary_comes_with_it(family: Family, suffix: str, tmp_path: Path) -> None:
    first, second = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    summary = plot_trace(cut(PLOTTED[family]), family, "a $trace", first, bounds=Bounds(values=50))
    plot_trace(cut(PLOTTED[family], 37), family, "a $trace", second, bounds=Bounds(values=50))
    assert isinstance(summary, Summary)
    assert summary.rows == PLOTTED[family].num_rows
    assert first.read_bytes() == second.read_bytes()
    assert first.read_bytes().startswith(b"\x89PNG" if suffix == ".png" else b"<?xml")


def test_a_plot_of_nothing_or_to_another_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="t: no rows, so there is nothing to plot"):
        plot_trace([], "rates", "t", tmp_path / "a.png")
    with pytest.raises(TraceError, match=r"a\.txt': a plot is a \.png, \.svg or \.pdf file"):
        plot_trace([], "rates", "t", tmp_path / "a.txt")
