"""The reading of comma-separated files: columns by name, places of faults, counted drops."""

from __future__ import annotations

import csv
import gc
import gzip
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


def test_columns_are_found_by_name_whatever_their_order_and_others_are_left(tmp_path: Path) -> None:
    rows, ledger = _read(_file(tmp_path, "x,c,b,a\n9,u,0.5,1\n9,,2,3\n"))
    assert rows == [(1, 0.5, "u"), (3, 2.0, None)]
    assert (ledger.rows_read, dict(ledger.dropped)) == (2, {})


@pytest.mark.parametrize(
    "content",
    [
        "\ufeffa,b,c\n1,2,u\n",
        "a,b,c\r\n1,2,u\r\n",
        'a,"b",c\n1,"2","u"\n',
        "a,b,c\n\n1,2,u\n\n",
        "a,b,c\n1,2,u",
    ],
)
def test_marks_line_ends_quotes_and_blank_lines_do_not_matter(tmp_path: Path, content: str) -> None:
    rows, ledger = _read(_file(tmp_path, content))
    assert (rows, ledger.rows_read) == ([(1, 2.0, "u")], 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", ": the file is empty"),
        ("\n\n", ", line 1: the line is blank"),
        (
            "a;b;c\n1;2;u\n",
            ", line 1: no column 'a'; the header is 'a;b;c' (is it parted by ','?), needed are 'a', 'b', 'c'",
        ),
        ("a,b\n1,2\n", ", line 1: no column 'c'; the header is 'a,b', needed are 'a', 'b', 'c'"),
        ("a,b,c,a\n1,2,u,3\n", ", line 1: two columns 'a'; the header is 'a,b,c,a', needed are 'a', 'b', 'c'"),
        ("a,b,c\n1,2,u\nx,2,u\n", ", line 3, column 1 (a): 'x' is not a whole number of at most 18 digits"),
        ("a,b,c\n\n1,2,u\n\n1,-2,u\n", ", line 5, column 2 (b): '-2': negative number"),
        ("a,b,c\n1,,u\n", ", line 2, column 2 (b): '': blank"),
        ("a,b,c\n1,2\n", ", line 2: expected 3 columns, as in the header, got 2"),
        ("a,b,c\n1,2,u\n\n1,2,u,4\n", ", line 4: expected 3 columns, as in the header, got 4"),
        ("a,b,c\n1,x,u\ny,2,u\n", ", line 2, column 2 (b): 'x' is not a finite number"),
        (b"a,b,c\n1,2,u\n1,2,\xff\n", ", line 3: not UTF-8 text (byte 0xff)"),
        (b"\xff\xfe,b\n", ", line 1: not UTF-8 text (byte 0xff)"),
    ],
)
def test_what_is_wrong_is_told_with_file_line_and_column(tmp_path: Path, content: str | bytes, message: str) -> None:
    assert _message(_file(tmp_path, content)) == message


def test_an_optional_column_may_lack_and_is_then_not_given(tmp_path: Path) -> None:
    rows, _ = _read(_file(tmp_path, "a,b\n1,2\n"), optional=["c"])
    assert rows == [(1, 2.0, None)]


@pytest.mark.parametrize("bad", ["x,2,u", "1,2"])
def test_the_line_is_right_far_into_a_file_of_many_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bad: str
) -> None:
    monkeypatch.setattr(module, "BLOCK_BYTES", 1000)
    lines = ["a,b,c"] + ["1,2,u"] * 5000
    lines[1234] = ""
    lines[4321] = bad
    message = _message(_file(tmp_path, "\n".join(lines)))
    assert message.startswith(", line 4322")


def test_a_line_longer_than_a_block_is_refused_not_swallowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK_BYTES", 1000)
    assert "not comma-separated text" in _message(_file(tmp_path, "a,b,c\n1,2," + "u" * 5000 + "\n"))


def test_a_gzip_cut_in_the_middle_is_told_as_such_though_arrow_reads_it(tmp_path: Path) -> None:
    packed = gzip.compress(b"a,b,c\n" + b"".join(b"%d,%d,u\n" % (k, k * 7919 % 1000) for k in range(200_000)))
    path = tmp_path / "f.csv.gz"
    path.write_bytes(packed[: len(packed) // 2])
    message = _message(path)
    assert message.startswith(": cut short or damaged (")
    ledger = Ledger("drop")
    with pytest.raises(TraceError, match="cut short or damaged"):
        list(csv_rows(Source(path), ledger, KINDS))


def test_reading_given_up_half_way_leaves_no_open_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK_BYTES", 1000)
    rows = csv_rows(Source(_file(tmp_path, "a,b,c\n" + "1,2,u\n" * 5000)), Ledger(), KINDS)
    next(rows)
    rows.close()  # type: ignore[attr-defined]
    del rows
    gc.collect()  # an open file would be a ResourceWarning, which is an error


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
@given(lines)
def test_dropping_leaves_what_the_obvious_reader_leaves_and_counts_the_rest(
    tmp_path: Path, written: list[list[str]]
) -> None:
    text = "a,b,c\n" + "".join(",".join(line) + "\n" for line in written)
    path = _file(tmp_path, text)
    kept, dropped, read = _twin(text)
    rows, ledger = _read(path, "drop")
    assert (rows, dict(ledger.dropped), ledger.rows_read) == (kept, dict(dropped), read)
    if dropped:
        _message(path)
    else:
        assert _read(path)[0] == kept
