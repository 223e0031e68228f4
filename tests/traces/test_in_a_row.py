"""Traces that are replayed one after another: where each begins, and which do not fit together."""

from __future__ import annotations

from typing import Any

import pytest
from trace_replays import minutes, requests

from simtier.errors import TraceError
from simtier.traces.replay import chained


def _chained(*parts: tuple[float | None, list[float]], make: Any = requests) -> list[float]:
    streams = ((origin, iter([make(times)])) for origin, times in parts)
    return [time for part in chained(streams) for time in part.column(0).to_pylist()]


def test_parts_with_a_clock_keep_their_distance() -> None:
    assert _chained((1000.0, [0, 5]), (1100.0, [0, 7]), (1107.0, [0])) == [0, 5, 100, 107, 107]


def test_parts_without_a_clock_follow_after_a_mean_gap() -> None:
    assert _chained((None, [0, 4, 8]), (None, [0, 1])) == [0, 4, 8, 12, 13]
    assert _chained((50.0, [0, 4, 8]), (None, [0, 1])) == [0, 4, 8, 12, 13]


def test_intervals_without_a_clock_follow_where_the_last_one_ended() -> None:
    assert _chained((None, [0.0, 0.0, 60.0]), (None, [0.0]), make=minutes) == [0, 0, 60, 120]


def test_going_back_in_time_names_both_parts() -> None:
    message = "trace 2 of those in a row begins 4 s after the first, but trace 1 ends at 5 s"
    with pytest.raises(TraceError, match=message):
        _chained((10.0, [0, 5]), (14.0, [0]))
    with pytest.raises(TraceError, match=r"trace 2 .* begins -5 s after the first, but trace 1 ends at 0 s"):
        _chained((10.0, [0]), (5.0, [0]))


def test_intervals_that_overlap_are_refused() -> None:
    assert _chained((0.0, [0.0, 60.0]), (120.0, [0.0]), make=minutes) == [0, 60, 120]
    with pytest.raises(TraceError, match=r"trace 2 .* begins 90 s after the first, but trace 1 ends at 120 s"):
        _chained((0.0, [0.0, 60.0]), (90.0, [0.0]), make=minutes)
