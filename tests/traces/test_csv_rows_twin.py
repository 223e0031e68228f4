"""The reading of comma-separated files, against the slow and obvious way of doing it."""

from __future__ import annotations

import csv
import io
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simtier.errors import TraceError
from simtier.traces import csv_rows as module
from simtier.traces.columns import Kind, Label, Number, Whole
from simtier.traces.csv_rows import csv_rows
from simtier.traces.ledger import Ledger, OnError
from simtier.traces.source import Source

KINDS: dict[str, Kind] = {"a": Whole(), "b": Number(), "c": Label(blank=True)}
Row = tuple[int, float, str | None]


def _read(path: Path, on_error: OnError = "fail", **more: object) -> tuple[list[Row], Ledger]:
    ledger = Ledger(on_error)
    rows: list[Row] = []
    for block in csv_rows(Source(path), ledger, KINDS, **more):  # type: ignore[arg-type]
        columns = [block[name].to_pylist() if name in block else [None] * len(block["a"]) for name in KINDS]
        rows += zip(*columns, strict=True)
    return rows, ledger


def _file(folder: Path, content: str | bytes) -> Path:
    path = folder / "f.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def _message(path: Path, **more: object) -> str:
    with pytest.raises(TraceError) as error:
        _read(path, **more)  # type: ignore[arg-type]
    return str(error.value).removeprefix(str(path))


fields = st.sampled_from(["0", "1", "42", "-3", "x", "", "1.5", "nan", "u", "0x1", "999999999999999999999"])
lines = st.lists(st.lists(fields, min_size=2, max_size=4), max_size=30)


def _twin(text: str) -> tuple[list[Row], Counter[str], int]:
    """Read the slow and obvious way, dropping bad rows."""
    reader = csv.reader(io.StringIO(text))
    next(reader)
    kept: list[Row] = []
    dropped: Counter[str] = Counter()
    rows = 0
    for row in filter(None, reader):
        rows += 1
        fault = _fault(row)
        if fault:
            dropped[fault] += 1
        else:
            kept.append((int(row[0]), float(row[1]), row[2] or None))
    return kept, dropped, rows


def _first_bad(text: str) -> int:
    reader = csv.reader(io.StringIO(text, newline=""))
    next(reader)
    return next(reader.line_num for row in reader if row and _fault(row))


def _fault(row: list[str]) -> str | None:
    if len(row) != 3:
        return "wrong number of columns"
    return _wrong("a", row[0], whole=True) or _wrong("b", row[1], whole=False)


def _wrong(name: str, field: str, *, whole: bool) -> str | None:
    digits = field.removeprefix("-")
    number = digits.isdecimal() and len(digits) <= 18 if whole else digits.replace(".", "", 1).isdecimal()
    if not field:
        return f"{name}: blank"
    if not number:
        return f"{name}: not a {'whole number of at most 18 digits' if whole else 'finite number'}"
    return f"{name}: negative number" if float(field) < 0 else None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    written=lines,
    block=st.sampled_from([80, 100, 2**20]),
    end=st.sampled_from(["\n", "\r\n", "\n\n"]),
    mark=st.sampled_from(["", '"']),
)
def test_dropping_leaves_what_the_obvious_reader_leaves_and_counts_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: list[list[str]], block: int, end: str, mark: str
) -> None:
    monkeypatch.setattr(module, "BLOCK_BYTES", block)
    text = f"a,b,c{end}" + "".join(",".join(f"{mark}{field}{mark}" for field in line) + end for line in written)
    path = _file(tmp_path, text)
    kept, dropped, read = _twin(text)
    rows, ledger = _read(path, "drop")
    assert (rows, dict(ledger.dropped), ledger.rows_read) == (kept, dict(dropped), read)
    if dropped:
        assert _message(path).startswith(f", line {_first_bad(text)}")
    else:
        assert _read(path)[0] == kept
