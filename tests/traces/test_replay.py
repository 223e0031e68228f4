"""Replaying a part of a trace, thinner, denser or faster: worked examples, laws, and a slow twin that must agree to the last bit."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from simtier.errors import TraceError
from simtier.traces import find, open_trace, search_directories
from simtier.traces.hashing import _finished, text_key, uniform
from simtier.traces.replay import ROWS_AT_ONCE, Replay, chained
from simtier.traces.tables import SCHEMAS, batch

SURE = 0.9999
CONVERSATIONS, CONTEXT_TOKENS = 11_309, 13_654_944
"""Of azure-llm-2023/conv from 10 to 40 minutes, counted with pandas straight from the file."""


def _requests(times: Any, sessions: Any = None) -> Any:
    """Requests whose input_tokens are their numbers in the trace."""
    rows = len(times)
    return batch(
        "llm_requests",
        {
            "arrival_s": np.asarray(times, dtype=np.float64),
            "input_tokens": np.arange(rows),
            "output_tokens": np.ones(rows, dtype=np.int64),
            "failed": np.zeros(rows, dtype=bool),
            "session": pa.array([None] * rows if sessions is None else sessions, pa.string()),
            "model": pa.array([f"m{number % 3}" for number in range(rows)]),
        },
        rows,
    )


def _cut(rows: Any, size: int) -> list[Any]:
    """Batches of `size`, each with a dictionary of its own."""
    pieces = []
    for first in range(0, rows.num_rows, size):
        piece = rows.slice(first, size)
        at = piece.schema.get_field_index("model")
        own = pa.array(piece.column(at).to_pylist()).dictionary_encode()
        pieces.append(piece.set_column(at, piece.schema.field(at), own))
    return pieces


def _replayed(replay: Replay, rows: Any, size: int = 1000) -> list[dict[str, Any]]:
    out = list(replay.apply(iter(_cut(rows, size)), "llm_requests"))
    assert all(part.schema.equals(SCHEMAS["llm_requests"], check_metadata=True) and part.num_rows for part in out)
    return [row for part in out for row in part.to_pylist()]


def _numbers(rows: list[dict[str, Any]]) -> list[int]:
    return [row["input_tokens"] for row in rows]


def _times(rows: list[dict[str, Any]]) -> list[float]:
    return [row["arrival_s"] for row in rows]


GAPS = st.one_of(st.just(0.0), st.floats(1e-9, 1e4))
TIMES = st.lists(GAPS, min_size=1, max_size=40).map(lambda gaps: np.cumsum(gaps) - gaps[0])
SIZES = st.integers(1, 50)
SHARES = st.floats(0.01, 1.0)
RATES = st.one_of(st.floats(0.05, 5.0), st.integers(1, 5).map(float))


@st.composite
def _traces(draw: Any) -> Any:
    times = draw(TIMES)
    names = st.one_of(st.none(), st.sampled_from(["a", "b", "ü", ""]))
    return _requests(times, draw(st.lists(names, min_size=len(times), max_size=len(times))))


REPLAYS = st.builds(
    Replay,
    share=SHARES,
    share_by=st.sampled_from([None, "session", "model"]),
    scale_rate=RATES,
    scale_time=st.floats(0.1, 10.0),
)


# The slow twin: one row after another, in Python's integers and floats.

MASK = 2**64 - 1


def _slow_finished(z: int) -> int:
    z = (z + 1) * 0x9E3779B97F4A7C15 & MASK
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ z >> 27) * 0x94D049BB133111EB & MASK
    return z ^ z >> 31


def _slow_mixed(key: int, salt: int) -> int:
    return _slow_finished(key + _slow_finished(salt) & MASK)


def _slow_uniform(key: int, salt: int = 0) -> float:
    return (_slow_mixed(key, salt) >> 11) / 2**53


def _slow_replay(replay: Replay, rows: Any) -> list[tuple[float, int]]:
    """(time, number in the trace) of all that is replayed."""
    left = list(enumerate(rows.to_pylist()))
    shift = 0.0
    if replay.window is not None:
        shift, stop = replay.window
        left = [(number, row) for number, row in left if shift <= row["arrival_s"] < stop]
    kept = []
    for number, row in left:
        text = row[replay.share_by] if replay.share_by else None
        key = number if text is None else text_key(text)
        chosen = replay.share == 1 or _slow_uniform(key, 1) < replay.share
        if chosen and (replay.scale_rate >= 1 or _slow_uniform(key, 2) < replay.scale_rate):
            kept.append((row["arrival_s"] - shift, number))
    out = []
    for place, (time, number) in enumerate(kept):
        end = kept[place + 1][0] if place + 1 < len(kept) else time
        more = int(replay.scale_rate) + (_slow_uniform(number, 2) < replay.scale_rate % 1) - 1
        base = _slow_mixed(number, 3)
        copies = [time + _slow_uniform(base + copy & MASK) * (end - time) for copy in range(1, more + 1)]
        out += [(at / replay.scale_time, number) for at in [time, *sorted(copies)]]
    return out


def test_the_hash_is_splitmix64() -> None:
    """The first numbers of the generator with seed 0, as Vigna's splitmix64.c prints them."""
    first = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F, 0xF88BB8A8724C81EC]
    assert _finished(np.arange(4, dtype=np.uint64)).tolist() == first
    assert [_slow_finished(place) for place in range(4)] == first


def test_hashes_of_neighbouring_keys_and_salts_never_coincide() -> None:
    keys = np.arange(1000, dtype=np.uint64)
    drawn = np.concatenate([uniform(keys, salt) for salt in range(50)])
    assert len(np.unique(drawn)) == len(drawn)


def test_a_window_takes_its_start_in_and_leaves_its_end_out_and_begins_at_zero() -> None:
    rows = _replayed(Replay(window=(2.0, 4.0)), _requests([0, 1, 2, 2, 3, 4, 5]), size=2)
    assert (_numbers(rows), _times(rows)) == ([2, 3, 4], [0.0, 0.0, 1.0])


def test_nothing_asked_for_changes_nothing() -> None:
    rows = _requests([0, 1, 1, 5])
    assert _replayed(Replay(), rows) == rows.to_pylist()


def test_a_row_is_repeated_before_the_next_and_the_last_one_where_it_stands() -> None:
    rows = _replayed(Replay(scale_rate=3.0), _requests([0.0, 10.0, 10.0, 30.0]))
    assert _numbers(rows) == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    times = _times(rows)
    assert times[0] == 0.0 < times[1] < times[2] < 10.0
    assert times[3:7] == [10.0] * 4  # the gap is 0, and the next row's first copy keeps its time
    assert 10.0 < times[7] < times[8] < 30.0
    assert times[9:] == [30.0] * 3


def test_the_window_is_in_trace_seconds_and_times_are_scaled_last() -> None:
    rows = _replayed(Replay(window=(2.0, 6.0), scale_time=2.0), _requests([0, 2, 4, 6]))
    assert _times(rows) == [0.0, 1.0]


def test_rows_are_repeated_between_those_that_the_share_has_left() -> None:
    rows = _requests(np.arange(200.0))
    kept = _times(_replayed(Replay(share=0.2), rows))
    repeated = _times(_replayed(Replay(share=0.2, scale_rate=4.0), rows))
    assert repeated[::4] == kept
    assert any(repeated[4 * place + 3] > kept[place] + 1 for place in range(len(kept)))


def test_only_times_are_scaled() -> None:
    rows = batch(
        "invocations", {"arrival_s": [0.0, 8.0], "duration_s": [3.0, 5.0], "function": pa.array(["f", "g"])}, 2
    )
    (fast,) = Replay(scale_time=4.0).apply(iter([rows]), "invocations")
    assert fast.column("arrival_s").to_pylist() == [0.0, 2.0]
    assert fast.column("duration_s").to_pylist() == [3.0, 5.0]


@settings(deadline=None, max_examples=200)
@given(rows=_traces(), replay=REPLAYS, size=SIZES)
def test_fast_and_slow_agree_to_the_last_bit(rows: Any, replay: Replay, size: int) -> None:
    fast = _replayed(replay, rows, size)
    assert list(zip(_times(fast), _numbers(fast), strict=True)) == _slow_replay(replay, rows)


@settings(deadline=None)
@given(rows=_traces(), replay=REPLAYS, start=st.floats(0, 1e4), data=st.data(), size=SIZES)
def test_fast_and_slow_agree_in_a_window(rows: Any, replay: Replay, start: float, data: Any, size: int) -> None:
    at = data.draw(st.sampled_from(rows.column(0).to_pylist()))
    cut = Replay((min(start, at), at + 1.0), replay.share, replay.share_by, replay.scale_rate, replay.scale_time)
    fast = _replayed(cut, rows, size)
    assert list(zip(_times(fast), _numbers(fast), strict=True)) == _slow_replay(cut, rows)


@settings(deadline=None)
@given(rows=_traces(), replay=REPLAYS, first=SIZES, second=SIZES)
def test_the_size_of_a_batch_changes_nothing(rows: Any, replay: Replay, first: int, second: int) -> None:
    assert _replayed(replay, rows, first) == _replayed(replay, rows, second)


@settings(deadline=None)
@given(rows=_traces(), replay=REPLAYS)
def test_what_is_replayed_is_in_order_of_time(rows: Any, replay: Replay) -> None:
    times = _times(_replayed(replay, rows))
    assert times == sorted(times)


@given(rows=_traces(), shares=st.tuples(SHARES, SHARES), by=st.sampled_from([None, "session"]))
def test_a_smaller_share_lies_inside_a_larger(rows: Any, shares: tuple[float, float], by: str | None) -> None:
    small, large = (_numbers(_replayed(Replay(share=share, share_by=by), rows)) for share in sorted(shares))
    assert set(small) <= set(large)


@given(rows=_traces(), share=SHARES, cuts=st.tuples(st.floats(0, 1e4), st.floats(0.1, 1e4)))
def test_a_share_of_windows_side_by_side_is_the_share_of_all(
    rows: Any, share: float, cuts: tuple[float, float]
) -> None:
    last = rows.column(0)[-1].as_py()
    borders = [0.0, cuts[0], cuts[0] + cuts[1], max(last, cuts[0] + cuts[1]) + 1.0]
    parts = []
    for start, stop in itertools.pairwise(borders):
        inside = [time for time in rows.column(0).to_pylist() if start <= time < stop]
        if inside:
            parts += _numbers(_replayed(Replay((start, stop), share), rows))
    assert parts == _numbers(_replayed(Replay(share=share), rows))


@given(rows=_traces(), share=SHARES)
def test_sessions_are_kept_or_left_out_whole(rows: Any, share: float) -> None:
    kept = set(_numbers(_replayed(Replay(share=share, share_by="session"), rows)))
    alone = set(_numbers(_replayed(Replay(share=share), rows)))
    sessions: dict[str, set[bool]] = {}
    for number, row in enumerate(rows.to_pylist()):
        if row["session"] is None:
            assert (number in kept) == (number in alone)
        else:
            sessions.setdefault(row["session"], set()).add(number in kept)
    assert all(len(fates) == 1 for fates in sessions.values())


@given(rows=_traces(), times=st.integers(1, 6))
def test_a_whole_rate_repeats_every_row_as_often(rows: Any, times: int) -> None:
    numbers = _numbers(_replayed(Replay(scale_rate=float(times)), rows))
    assert numbers == [number for number in range(rows.num_rows) for _ in range(times)]


@given(rows=_traces(), rate=st.floats(1.0, 5.0))
def test_the_first_copy_keeps_its_time(rows: Any, rate: float) -> None:
    first: dict[int, float] = {}
    for row in _replayed(Replay(scale_rate=rate), rows):
        first.setdefault(row["input_tokens"], row["arrival_s"])
    assert list(first.values()) == rows.column(0).to_pylist()


def _holds(chosen: int, rows: int, probability: float) -> bool:
    interval = stats.binomtest(chosen, rows, probability).proportion_ci(SURE)
    return bool(interval.low <= probability <= interval.high)


@pytest.mark.parametrize("share", [0.01, 0.3, 0.9])
def test_a_share_of_many_rows_is_as_large_as_asked_and_no_run_of_them(share: float) -> None:
    kept = np.array(_numbers(_replayed(Replay(share=share), _requests(np.arange(50_000.0)), 9000)))
    assert _holds(len(kept), 50_000, share)
    chosen = np.zeros(50_000, dtype=bool)
    chosen[kept] = True
    assert _holds(int((chosen[1:] & chosen[:-1]).sum()), 49_999, share**2)


@pytest.mark.parametrize("rate", [0.25, 1.5, 2.75])
def test_a_broken_rate_is_met_on_average(rate: float) -> None:
    extra = len(_replayed(Replay(scale_rate=rate), _requests(np.arange(50_000.0)), 9000)) - int(rate) * 50_000
    assert _holds(extra, 50_000, rate % 1)


def test_a_share_and_a_rate_choose_independently() -> None:
    both = _replayed(Replay(share=0.5, scale_rate=0.5), _requests(np.arange(50_000.0)), 9000)
    assert _holds(len(both), 50_000, 0.25)


@pytest.mark.parametrize("copies", [2, 3, 8])
def test_copies_split_a_gap_as_uniform_places_do(copies: int) -> None:
    """So the docstring's CV follows: r - 1 uniform points make spacings whose squares add up to 2 / (r + 1) of the gap's."""
    times = np.array(_times(_replayed(Replay(scale_rate=float(copies)), _requests(np.arange(20_001.0)), 7000)))
    gaps = np.diff(times[: 20_000 * copies + 1]).reshape(20_000, copies)
    squares = (gaps**2).sum(axis=1)
    half = stats.norm.ppf(0.5 + SURE / 2) * squares.std() / np.sqrt(len(squares))
    assert abs(squares.mean() - 2 / (copies + 1)) < half


def test_copies_come_in_batches_of_moderate_size() -> None:
    parts = list(Replay(scale_rate=40.5).apply(iter([_requests(np.arange(5000.0))]), "llm_requests"))
    assert max(part.num_rows for part in parts) <= ROWS_AT_ONCE
    assert len(parts) > 3


def test_copies_never_pass_the_next_row_where_times_are_almost_equal() -> None:
    start = 1e9
    times = np.array([start, np.nextafter(start, 2e9), np.nextafter(np.nextafter(start, 2e9), 2e9)])
    replayed = np.array(_times(_replayed(Replay(scale_rate=50.0), _requests(times))))
    assert (np.diff(replayed) >= 0).all()
    assert set(replayed.tolist()) <= set(times.tolist())


class _Source:
    """Batches without end that tell how many were taken and whether they were closed."""

    def __init__(self) -> None:
        self.taken, self.closed = 0, False

    def batches(self) -> Iterator[Any]:
        try:
            while True:
                self.taken += 1
                yield _requests(np.arange(10.0) + 10.0 * (self.taken - 1))
        finally:
            self.closed = True


def test_reading_stops_and_the_source_is_closed_past_the_window() -> None:
    source = _Source()
    batches = source.batches()
    rows = list(Replay(window=(0.0, 15.0)).apply(batches, "llm_requests"))
    assert sum(part.num_rows for part in rows) == 15
    assert (source.taken, source.closed) == (2, True)


def test_the_source_is_closed_also_when_the_window_was_empty() -> None:
    source = _Source()
    batches = source.batches()
    with pytest.raises(TraceError, match="no row of the trace") as caught:
        list(Replay(window=(11.2, 11.8)).apply(batches, "llm_requests"))
    assert caught.tb is not None  # which still holds every frame that could have closed it by ending
    assert (source.taken, source.closed) == (2, True)


@pytest.mark.parametrize("replay", [Replay(), Replay(share=0.9), Replay(scale_rate=2.5), Replay(scale_time=2.0)])
def test_one_batch_comes_out_before_many_went_in(replay: Replay) -> None:
    source = _Source()
    out = replay.apply(source.batches(), "llm_requests")
    next(out)
    assert source.taken <= 2


def test_a_window_without_a_row_says_how_far_the_rows_reach() -> None:
    with pytest.raises(TraceError, match=r"window from 50 s to 60 s; its rows reach from 0 s to 7 s: choose another"):
        _replayed(Replay(window=(50.0, 60.0)), _requests([0, 7]))
    with pytest.raises(TraceError, match=r"window from 2 s to 3 s; its rows reach from 0 s to at least 7 s"):
        _replayed(Replay(window=(2.0, 3.0)), _requests([0, 7, 90]), size=2)


@pytest.mark.parametrize("family", ["bandwidth", "availability", "functions"])
def test_what_has_no_arrivals_is_refused_at_once(family: Any) -> None:
    with pytest.raises(TraceError, match=f"a trace of {family} has no arrivals"):
        Replay().apply(iter([]), family)


@pytest.mark.parametrize("column", ["failed", "input_tokens", "blocks", "elapsed_s", "nonsense"])
def test_a_share_is_chosen_by_text_only(column: str) -> None:
    with pytest.raises(TraceError, match=f"'{column}' is no text of llm_requests.*it has model, kind, session"):
        Replay(share_by=column).apply(iter([]), "llm_requests")


def test_rates_are_cut_and_not_scaled() -> None:
    rates = _rates([0.0, 60.0, 120.0])
    (cut,) = Replay(window=(60.0, 180.0)).apply(iter([rates]), "rates")
    assert cut.column("time_s").to_pylist() == [0.0, 60.0]
    for replay in (Replay(scale_rate=2.0), Replay(scale_time=2.0)):
        with pytest.raises(TraceError, match="expand them to arrivals first"):
            replay.apply(iter([rates]), "rates")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"window": (5.0, 5.0)}, "window from 5 s to 5 s is empty"),
        ({"share": 0.0}, "share 0 must be"),
        ({"share": 1.5}, r"share 1\.5 must be"),
        ({"scale_rate": 0.0}, "scale_rate is 0"),
        ({"scale_rate": float("inf")}, "scale_rate is inf"),
        ({"scale_time": float("nan")}, "scale_time is nan"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(TraceError, match=message):
        Replay(**wrong)


def _rates(starts: list[float]) -> Any:
    rows = len(starts)
    return batch(
        "rates",
        {"time_s": starts, "length_s": [60.0] * rows, "series": pa.array(["f"] * rows), "value": [1.0] * rows},
        rows,
    )


def _chained(*parts: tuple[float | None, list[float]], make: Any = _requests) -> list[float]:
    streams = ((origin, iter([make(times)])) for origin, times in parts)
    return [time for part in chained(streams) for time in part.column(0).to_pylist()]


def test_parts_with_a_clock_keep_their_distance() -> None:
    assert _chained((1000.0, [0, 5]), (1100.0, [0, 7]), (1107.0, [0])) == [0, 5, 100, 107, 107]


def test_parts_without_a_clock_follow_after_a_mean_gap() -> None:
    assert _chained((None, [0, 4, 8]), (None, [0, 1])) == [0, 4, 8, 12, 13]
    assert _chained((50.0, [0, 4, 8]), (None, [0, 1])) == [0, 4, 8, 12, 13]


def test_intervals_without_a_clock_follow_where_the_last_one_ended() -> None:
    assert _chained((None, [0.0, 0.0, 60.0]), (None, [0.0]), make=_rates) == [0, 0, 60, 120]


def test_going_back_in_time_names_both_parts() -> None:
    message = "trace 2 of those in a row begins 4 s after the first, but trace 1 ends at 5 s"
    with pytest.raises(TraceError, match=message):
        _chained((10.0, [0, 5]), (14.0, [0]))
    with pytest.raises(TraceError, match=r"trace 2 .* begins -5 s after the first, but trace 1 ends at 0 s"):
        _chained((10.0, [0]), (5.0, [0]))


def test_intervals_that_overlap_are_refused() -> None:
    assert _chained((0.0, [0.0, 60.0]), (120.0, [0.0]), make=_rates) == [0, 60, 120]
    with pytest.raises(TraceError, match=r"trace 2 .* begins 90 s after the first, but trace 1 ends at 120 s"):
        _chained((0.0, [0.0, 60.0]), (90.0, [0.0]), make=_rates)


def test_half_an_hour_of_the_azure_conversations() -> None:
    if not os.environ.get("SIMTIER_TRACES"):
        pytest.skip("SIMTIER_TRACES names no directory with azure-llm-2023")
    try:
        found = find("azure-llm-2023/conv", search_directories([]))
    except TraceError as missing:
        pytest.skip(str(missing))
    reading = open_trace(found)
    if reading.generated:
        pytest.skip("only a look-alike of azure-llm-2023/conv is here")
    rows = list(Replay(window=(600.0, 2400.0)).apply(reading.batches(), reading.family))
    table = pa.Table.from_batches(rows)
    assert table.num_rows == CONVERSATIONS
    assert sum(table.column("input_tokens").to_pylist()) == CONTEXT_TOKENS
    doubled = Replay(window=(600.0, 2400.0), scale_rate=2.0).apply(open_trace(found).batches(), reading.family)
    times = np.concatenate([part.column(0).to_numpy() for part in doubled])
    assert len(times) == 2 * CONVERSATIONS
    assert (np.diff(times) >= 0).all()
    assert times[-1] < 1800.0
