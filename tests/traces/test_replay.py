"""Replaying a part of a trace, thinner, denser or faster: worked examples, how it streams, and what is refused."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from trace_replays import minutes, numbers_of, replayed, requests, times_of

from simtier.errors import TraceError
from simtier.traces import find, open_trace, search_directories
from simtier.traces.replay import ROWS_AT_ONCE, Replay
from simtier.traces.tables import batch

CONVERSATIONS, CONTEXT_TOKENS = 11_309, 13_654_944
"""Of azure-llm-2023/conv from 10 to 40 minutes, counted with pandas straight from the file."""


def test_a_window_takes_its_start_in_and_leaves_its_end_out_and_begins_at_zero() -> None:
    rows = replayed(Replay(window=(2.0, 4.0)), requests([0, 1, 2, 2, 3, 4, 5]), size=2)
    assert (numbers_of(rows), times_of(rows)) == ([2, 3, 4], [0.0, 0.0, 1.0])


def test_nothing_asked_for_changes_nothing() -> None:
    rows = requests([0, 1, 1, 5])
    assert replayed(Replay(), rows) == rows.to_pylist()


def test_a_row_is_repeated_before_the_next_and_the_last_one_where_it_stands() -> None:
    rows = replayed(Replay(scale_rate=3.0), requests([0.0, 10.0, 10.0, 30.0]))
    assert numbers_of(rows) == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    times = times_of(rows)
    assert times[0] == 0.0 < times[1] < times[2] < 10.0
    assert times[3:7] == [10.0] * 4  # the gap is 0, and the next row's first copy keeps its time
    assert 10.0 < times[7] < times[8] < 30.0
    assert times[9:] == [30.0] * 3


def test_the_window_is_in_trace_seconds_and_times_are_scaled_last() -> None:
    rows = replayed(Replay(window=(2.0, 6.0), scale_time=2.0), requests([0, 2, 4, 6]))
    assert times_of(rows) == [0.0, 1.0]


def test_rows_are_repeated_between_those_that_the_share_has_left() -> None:
    rows = requests(np.arange(200.0))
    kept = times_of(replayed(Replay(share=0.2), rows))
    repeated = times_of(replayed(Replay(share=0.2, scale_rate=4.0), rows))
    assert repeated[::4] == kept
    assert any(repeated[4 * place + 3] > kept[place] + 1 for place in range(len(kept)))


def test_only_times_are_scaled() -> None:
    rows = batch(
        "invocations", {"arrival_s": [0.0, 8.0], "duration_s": [3.0, 5.0], "function": pa.array(["f", "g"])}, 2
    )
    (fast,) = Replay(scale_time=4.0).apply(iter([rows]), "invocations")
    assert fast.column("arrival_s").to_pylist() == [0.0, 2.0]
    assert fast.column("duration_s").to_pylist() == [3.0, 5.0]


def test_copies_come_in_batches_of_moderate_size() -> None:
    parts = list(Replay(scale_rate=40.5).apply(iter([requests(np.arange(5000.0))]), "llm_requests"))
    assert max(part.num_rows for part in parts) <= ROWS_AT_ONCE
    assert len(parts) > 3


def test_copies_never_pass_the_next_row_where_times_are_almost_equal() -> None:
    start = 1e9
    times = np.array([start, np.nextafter(start, 2e9), np.nextafter(np.nextafter(start, 2e9), 2e9)])
    crowded = np.array(times_of(replayed(Replay(scale_rate=50.0), requests(times))))
    assert (np.diff(crowded) >= 0).all()
    assert set(crowded.tolist()) <= set(times.tolist())


class _Source:
    """Batches without end that tell how many were taken and whether they were closed."""

    def __init__(self) -> None:
        self.taken, self.closed = 0, False

    def batches(self) -> Iterator[Any]:
        try:
            while True:
                self.taken += 1
                yield requests(np.arange(10.0) + 10.0 * (self.taken - 1))
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
        replayed(Replay(window=(50.0, 60.0)), requests([0, 7]))
    with pytest.raises(TraceError, match=r"window from 2 s to 3 s; its rows reach from 0 s to at least 7 s"):
        replayed(Replay(window=(2.0, 3.0)), requests([0, 7, 90]), size=2)


@pytest.mark.parametrize("family", ["bandwidth", "availability", "functions"])
def test_what_has_no_arrivals_is_refused_at_once(family: Any) -> None:
    with pytest.raises(TraceError, match=f"a trace of {family} has no arrivals"):
        Replay().apply(iter([]), family)


@pytest.mark.parametrize("column", ["failed", "input_tokens", "blocks", "elapsed_s", "nonsense"])
def test_a_share_is_chosen_by_text_only(column: str) -> None:
    with pytest.raises(TraceError, match=f"'{column}' is no text of llm_requests.*it has model, kind, session"):
        Replay(share_by=column).apply(iter([]), "llm_requests")


def test_rates_are_cut_and_not_scaled() -> None:
    rates = minutes([0.0, 60.0, 120.0])
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
