"""Laws of a replay on traces that Hypothesis draws, and statistics of long ones."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from trace_replays import REPLAYS, SHARES, SIZES, numbers_of, replayed, requests, times_of, traces

from simtier.traces.replay import Replay

SURE = 0.9999


@settings(deadline=None)
@given(rows=traces(), replay=REPLAYS, first=SIZES, second=SIZES)
def test_the_size_of_a_batch_changes_nothing(rows: Any, replay: Replay, first: int, second: int) -> None:
    assert replayed(replay, rows, first) == replayed(replay, rows, second)


@settings(deadline=None)
@given(rows=traces(), replay=REPLAYS)
def test_what_is_replayed_is_in_order_of_time(rows: Any, replay: Replay) -> None:
    times = times_of(replayed(replay, rows))
    assert times == sorted(times)


@given(rows=traces(), shares=st.tuples(SHARES, SHARES), by=st.sampled_from([None, "session"]))
def test_a_smaller_share_lies_inside_a_larger(rows: Any, shares: tuple[float, float], by: str | None) -> None:
    small, large = (numbers_of(replayed(Replay(share=share, share_by=by), rows)) for share in sorted(shares))
    assert set(small) <= set(large)


@given(rows=traces(), share=SHARES, cuts=st.tuples(st.floats(0, 1e4), st.floats(0.1, 1e4)))
def test_a_share_of_windows_side_by_side_is_the_share_of_all(
    rows: Any, share: float, cuts: tuple[float, float]
) -> None:
    last = rows.column(0)[-1].as_py()
    borders = [0.0, cuts[0], cuts[0] + cuts[1], max(last, cuts[0] + cuts[1]) + 1.0]
    parts = []
    for start, stop in itertools.pairwise(borders):
        inside = [time for time in rows.column(0).to_pylist() if start <= time < stop]
        if inside:
            parts += numbers_of(replayed(Replay((start, stop), share), rows))
    assert parts == numbers_of(replayed(Replay(share=share), rows))


@given(rows=traces(), share=SHARES)
def test_sessions_are_kept_or_left_out_whole(rows: Any, share: float) -> None:
    kept = set(numbers_of(replayed(Replay(share=share, share_by="session"), rows)))
    alone = set(numbers_of(replayed(Replay(share=share), rows)))
    sessions: dict[str, set[bool]] = {}
    for number, row in enumerate(rows.to_pylist()):
        if row["session"] is None:
            assert (number in kept) == (number in alone)
        else:
            sessions.setdefault(row["session"], set()).add(number in kept)
    assert all(len(fates) == 1 for fates in sessions.values())


@given(rows=traces(), times=st.integers(1, 6))
def test_a_whole_rate_repeats_every_row_as_often(rows: Any, times: int) -> None:
    numbers = numbers_of(replayed(Replay(scale_rate=float(times)), rows))
    assert numbers == [number for number in range(rows.num_rows) for _ in range(times)]


@given(rows=traces(), rate=st.floats(1.0, 5.0))
def test_the_first_copy_keeps_its_time(rows: Any, rate: float) -> None:
    first: dict[int, float] = {}
    for row in replayed(Replay(scale_rate=rate), rows):
        first.setdefault(row["input_tokens"], row["arrival_s"])
    assert list(first.values()) == rows.column(0).to_pylist()


def _holds(chosen: int, rows: int, probability: float) -> bool:
    interval = stats.binomtest(chosen, rows, probability).proportion_ci(SURE)
    return bool(interval.low <= probability <= interval.high)


@pytest.mark.parametrize("share", [0.01, 0.3, 0.9])
def test_a_share_of_many_rows_is_as_large_as_asked_and_no_run_of_them(share: float) -> None:
    kept = np.array(numbers_of(replayed(Replay(share=share), requests(np.arange(50_000.0)), 9000)))
    assert _holds(len(kept), 50_000, share)
    chosen = np.zeros(50_000, dtype=bool)
    chosen[kept] = True
    assert _holds(int((chosen[1:] & chosen[:-1]).sum()), 49_999, share**2)


@pytest.mark.parametrize("rate", [0.25, 1.5, 2.75])
def test_a_broken_rate_is_met_on_average(rate: float) -> None:
    extra = len(replayed(Replay(scale_rate=rate), requests(np.arange(50_000.0)), 9000)) - int(rate) * 50_000
    assert _holds(extra, 50_000, rate % 1)


def test_a_share_and_a_rate_choose_independently() -> None:
    both = replayed(Replay(share=0.5, scale_rate=0.5), requests(np.arange(50_000.0)), 9000)
    assert _holds(len(both), 50_000, 0.25)


@pytest.mark.parametrize("copies", [2, 3, 8])
def test_copies_split_a_gap_as_uniform_places_do(copies: int) -> None:
    """So the docstring's CV follows: r - 1 uniform points make spacings whose squares add up to 2 / (r + 1) of the gap's."""
    times = np.array(times_of(replayed(Replay(scale_rate=float(copies)), requests(np.arange(20_001.0)), 7000)))
    gaps = np.diff(times[: 20_000 * copies + 1]).reshape(20_000, copies)
    squares = (gaps**2).sum(axis=1)
    half = stats.norm.ppf(0.5 + SURE / 2) * squares.std() / np.sqrt(len(squares))
    assert abs(squares.mean() - 2 / (copies + 1)) < half
