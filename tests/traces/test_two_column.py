"""Two-column bandwidth text: what its rows mean, and what is refused with which words."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simtier.errors import TraceError
from simtier.traces import find, read, two_column
from simtier.traces.ledger import Ledger, OnError
from simtier.traces.source import Source
from simtier.traces.tables import BANDWIDTH

MBIT = 125_000.0
_times = st.lists(st.floats(0, 1e7), min_size=1, max_size=40, unique=True).map(sorted)


@dataclass(frozen=True)
class _Given(Source):
    """A file that is not there, with these bytes."""

    data: bytes = b""

    def read_bytes(self) -> bytes:
        return self.data


@dataclass(frozen=True)
class _Parsed:
    table: Any
    ledger: Ledger


def _parse(data: bytes, on_error: OnError = "fail") -> _Parsed:
    ledger = Ledger(on_error)
    (table,) = two_column.read(_Given(Path("f"), data=data), ledger)
    return _Parsed(table, ledger)


def _rows(parsed: _Parsed) -> list[tuple[float, float]]:
    return list(zip(parsed.table["time_s"].to_pylist(), parsed.table["rate_bytes_per_s"].to_pylist(), strict=True))


def test_mbit_become_bytes_and_zero_is_kept() -> None:
    parsed = _parse(b"0.0\t8.0\n2.5\t0\n5 0.5\n\n")
    assert _rows(parsed) == [(0.0, 1e6), (2.5, 0.0), (5.0, 62500.0)]
    assert (parsed.ledger.rows_read, dict(parsed.ledger.dropped), parsed.ledger.notes) == (3, {}, [])
    assert parsed.table.schema.equals(BANDWIDTH)
    assert [parsed.table.schema.field(i).metadata[b"unit"] for i in range(2)] == [b"s", b"B/s"]


def test_the_period_is_rows_times_mean_step(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_bytes(b"180.0 1\n185.0 2\n190.0 3\n")
    trace = read(find(f"fcc:{path}", []))
    assert (trace.period_s, trace.table["time_s"].to_pylist()) == (15.0, [0.0, 5.0, 10.0])
    assert trace.notes == ("stamps rebased by 180.0 s",)


def test_one_row_is_a_constant_rate() -> None:
    parsed = _parse(b"3 4\n")
    assert _rows(parsed) == [(0.0, 4 * MBIT)]
    assert parsed.ledger.facts == {"period_s": "1.0", "origin_s": "3.0"}
    assert parsed.ledger.notes == ["stamps rebased by 3.0 s", "one stamp only: a constant rate"]


def test_of_equal_stamps_the_last_counts_and_the_others_are_counted() -> None:
    parsed = _parse(b"0 1\n1 2\n1 3\n1 4\n2 5\n")
    assert _rows(parsed) == [(0.0, MBIT), (1.0, 4 * MBIT), (2.0, 5 * MBIT)]
    assert (parsed.ledger.rows_read, dict(parsed.ledger.dropped)) == (5, {"equal stamp": 2})


@given(times=_times, data=st.data(), separator=st.sampled_from(["\t", " ", "   "]))
def test_what_is_written_is_read_back(times: list[float], data: st.DataObject, separator: str) -> None:
    rates = data.draw(st.lists(st.floats(0, 1e5), min_size=len(times), max_size=len(times)))
    parsed = _parse(two_column.write(times, rates, separator))
    assert _rows(parsed) == [(time - times[0], rate * MBIT) for time, rate in zip(times, rates, strict=True)]
    stamps = [time for time, _ in _rows(parsed)]
    assert stamps[0] == 0
    assert all(earlier < later for earlier, later in itertools.pairwise(stamps))
    assert float(parsed.ledger.facts["period_s"]) > stamps[-1] or len(stamps) == 1
    assert parsed.ledger.rows_read == parsed.table.num_rows + sum(parsed.ledger.dropped.values())


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "f: the file is empty"),
        (b"\n \n", "f: the file is empty"),
        (
            b"0 1\n1,2\n",
            "f, line 2, column 1: expected two columns, seconds and Mbit/s, separated by a tab or spaces, got '1,2'",
        ),
        (
            b"0 1\n\n1\n",
            "f, line 3, column 1: expected two columns, seconds and Mbit/s, separated by a tab or spaces, got '1'",
        ),
        (
            b"0 1 2\n",
            "f, line 1, column 3: expected two columns, seconds and Mbit/s, separated by a tab or spaces, got '0 1 2'",
        ),
        (b"time rate\n", "f, line 1, column 1: 'time' is not a finite number"),
        (b"0 1\n1 fast\n", "f, line 2, column 2: 'fast' is not a finite number"),
        (b"0 1\n1 nan\n", "f, line 2, column 2: 'nan' is not a finite number"),
        (b"0 inf\n", "f, line 1, column 2: 'inf' is not a finite number"),
        (b"0 1e999\n", "f, line 1, column 2: '1e999' is not a finite number"),
        (b"0 1_0\n", "f, line 1, column 2: '1_0' is not a finite number"),
        (b"0 1\n1e10 1\n", "f, line 2, column 1: '1e10' s is beyond 292 years; is it in seconds?"),
        (b"0 1e305\n", "f, line 1, column 2: '1e305' Mbit/s is no finite number of bytes/s"),
        (b"0 " + b"x" * 99, f"f, line 1, column 2: {'x' * 60!r}... (99 characters) is not a finite number"),
        (b"0 1\n1 -0.5\n", "f, line 2, column 2: '-0.5' is negative"),
        (b"-1 1\n", "f, line 1, column 1: '-1' is negative"),
        (b"0 1\n5 1\n4 1\n", "f, line 3, column 1: time goes back from 5.0 to 4.0 s"),
        (b"0 1\n\xff 1\n", "f, line 2: not UTF-8 text (byte 0xff)"),
    ],
)
def test_malformed_files_are_refused_with_file_line_and_column(data: bytes, message: str) -> None:
    with pytest.raises(TraceError) as error:
        _parse(data)
    assert str(error.value) == message


def test_bad_lines_are_dropped_and_counted_where_that_is_asked_for() -> None:
    parsed = _parse(b"0 1\n1 fast\n2 2\n1.5 9\n3 3\n", "drop")
    assert _rows(parsed) == [(0.0, MBIT), (2.0, 2 * MBIT), (3.0, 3 * MBIT)]
    assert dict(parsed.ledger.dropped) == {"not two columns of numbers, or a time that goes back": 2}


def test_an_empty_trace_cannot_be_written() -> None:
    with pytest.raises(TraceError, match="at least one row"):
        two_column.write([], [])
