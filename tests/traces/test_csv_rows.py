"""The reading of comma-separated files: columns by name, places of faults, counted drops."""

from __future__ import annotations

import gc
import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from simtier.errors import TraceError
from simtier.traces import csv_rows as module
from simtier.traces.columns import Kind, Label, Number, Whole
from simtier.traces.csv_rows import csv_rows
from simtier.traces.ledger import Ledger, OnError
from simtier.traces.source import Source
from simtier.traces.times import Stamp

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
        ("a,b,c\nx,2,u\n1,2\n", ", line 2, column 1 (a): 'x' is not a whole number of at most 18 digits"),
        ("a,b,c\n1,2,u\n1,2\nx,2,u\n", ", line 3: expected 3 columns, as in the header, got 2"),
        ("a,b,c\n  \n1,2,u\n", ", line 2: expected 3 columns, as in the header, got 1"),
        ("a,b,c\n1,2,u\n\x1a", ", line 3: expected 3 columns, as in the header, got 1"),
        ("a,b,c\n\0,2,u\n", ", line 2, column 1 (a): '\\x00' is not a whole number of at most 18 digits"),
        ("a,b,c\n" + "\0" * 99, ", line 2: expected 3 columns, as in the header, got 1"),
        (
            "a,b,c\n1,2,u\x85\u2028\x0c\nx,2,u\n",
            ", line 3, column 1 (a): 'x' is not a whole number of at most 18 digits",
        ),
        ("a,b,c\r\n\r\n1,2,u\r\n1,2\r\n", ", line 4: expected 3 columns, as in the header, got 2"),
        (b"a,b,c\n1,2,u\n1,2,\xff\n", ", line 3, column 3 (c): '\ufffd' is not UTF-8 text"),
        (b"a,b,c\n\xe9,2,u\n", ", line 2, column 1 (a): '\ufffd' is not UTF-8 text"),
        (b"a,b,c\n1,2,u\n1,\xe9\n", ", line 3: expected 3 columns, as in the header, got 2"),
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


@pytest.mark.parametrize("on_error", ["fail", "drop"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b,c\r1,2,u\r", ", line 1: no header of a table (new-line character seen in unquoted field"),
        ('a,b,c,"d\ne"\n1,2,u,3\n', ", line 1: no header of a table (unexpected end of data)"),
        ('a,b,c,"' + "d" * 200_000 + '"\n1,2,u,3\n', ", line 1: no header of a table (field larger than field limit"),
        ('a,b,c\n1,2,u\n1,2,"u\n3,4,v\n5,6,w\n', ", line 3: a line end within a field; is a quote left open?"),
        ('a,b,c\n1,"2\n3,4,v\n5,6,w\n', ", line 2: a line end within a field; is a quote left open?"),
        ('a,b,c\n1,2,"u\r"\n', ", line 2: a line end within a field; is a quote left open?"),
        ('x,a,b,c\n"\n",1,2,u\n', ", line 2: a line end within a field; is a quote left open?"),
    ],
)
def test_what_may_hide_lines_is_refused_also_where_bad_rows_are_dropped(
    tmp_path: Path, content: str, message: str, on_error: OnError
) -> None:
    assert _message(_file(tmp_path, content), on_error=on_error).startswith(message)


@pytest.mark.parametrize("on_error", ["fail", "drop"])
@pytest.mark.parametrize("block", [50, 51, 52, 53, 54, 55])
def test_a_quote_left_open_at_the_end_of_a_block_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int, on_error: OnError
) -> None:
    monkeypatch.setattr(module, "BLOCK_BYTES", block)
    for line in range(2, 20):
        lines = ["a,b,c"] + ["1,2,u"] * 40
        lines[line - 1] = '1,2,"u'
        message = _message(_file(tmp_path, "\n".join(lines)), on_error=on_error)
        assert message == f", line {line}: a line end within a field; is a quote left open?"


def test_quoted_fields_of_any_text_but_line_ends_are_read_as_they_are(tmp_path: Path) -> None:
    rows, _ = _read(_file(tmp_path, 'a,b,c\n"1","2","u, ""v"""\n1,2,u"x\n1,2,"\\"\n'))
    assert [label for _, _, label in rows] == ['u, "v"', 'u"x', "\\"]


def test_a_line_longer_than_a_block_is_refused_not_swallowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK_BYTES", 1000)
    path = _file(tmp_path, "a,b,c\n1,2,u\n1,2," + "u" * 5000 + "\n")
    assert _message(path) == _message(path, on_error="drop") == ", line 3: longer than 1000 bytes"
    path = _file(tmp_path, "a,b,c\n1,2,u\n1,2," + "u" * 200_000 + "\n")
    assert _message(path) == _message(path, on_error="drop") == ", line 3: longer than 1000 bytes"
    path = _file(tmp_path, 'a,b,c\n1,2,u\n1,2,"' + "u" * 200_000 + '"\n')
    told = ", line 3: a field of more than 131072 characters; is a quote left open?"
    assert _message(path) == _message(path, on_error="drop") == told


@pytest.mark.parametrize("mark", ["", '"'])
def test_after_a_very_long_field_the_line_is_told_and_of_the_field_its_begin(tmp_path: Path, mark: str) -> None:
    long = "u" * 200_000
    path = _file(tmp_path, f"a,b,c\n1,2,{mark}{long}{mark}\n\n1,x,u\n")
    assert _message(path) == ", line 4, column 2 (b): 'x' is not a finite number"
    path = _file(tmp_path, f"a,b,c\n1,2,{mark}{long}{mark}\n1,{mark}{long}{mark},u\n")
    assert _message(path) == f", line 3, column 2 (b): {'u' * 60!r}... (200000 characters) is not a finite number"
    path = _file(tmp_path, f"a,b,c\n1,2,{mark}{long}{mark}\n1,2\n")
    assert _message(path) == ", line 3: expected 3 columns, as in the header, got 2"


def test_of_names_of_columns_the_begin_is_told(tmp_path: Path) -> None:
    name = "n" * 5000
    path = _file(tmp_path, f"{name}\nx\n")
    with pytest.raises(TraceError) as error:
        list(csv_rows(Source(path), Ledger(), {name: Whole()}))
    assert (
        str(error.value) == f"{path}, line 2, column 1 ({'n' * 60}...): 'x' is not a whole number of at most 18 digits"
    )


def test_a_long_first_line_is_no_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LONGEST_HEADER", 8)
    for names in ("a,b,c,dddd", "a,b,c,d\u20ac", "a,b,c,,,"):
        assert _message(_file(tmp_path, f"{names}\n1,2,u,3\n")) == ", line 1: longer than 8 bytes; is the file text?"
    assert _read(_file(tmp_path, "a,b,c,x\n1,2,u,3\n"))[0] == [(1, 2.0, "u")]


def test_a_header_without_rows_gives_none(tmp_path: Path) -> None:
    for content in ("a,b,c", "a,b,c\n", "a,b,c\n\n\r\n"):
        rows, ledger = _read(_file(tmp_path, content))
        assert (rows, ledger.rows_read) == ([], 0)


def test_text_of_another_encoding_is_a_bad_row_and_may_be_dropped(tmp_path: Path) -> None:
    rows, ledger = _read(_file(tmp_path, b"a,b,c,x\n1,2,\xe9,\n\xe9,2,u,\n3,4,v,\xe9\n"), "drop")
    assert (rows, ledger.rows_read) == ([(3, 4.0, "v")], 3)  # in a column that is not needed it does not matter
    assert dict(ledger.dropped) == {"c: not UTF-8 text": 1, "a: not UTF-8 text": 1}


@pytest.mark.parametrize("block", [40, 41, 42, 43, 44, 2**20])
def test_rows_that_are_no_text_and_have_the_wrong_number_of_columns_are_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(module, "BLOCK_BYTES", block)
    euros = "1,2,\u20ac\u20ac\u20ac\n".encode()
    path = _file(tmp_path, b"a,b,c\n" + (euros + b"1,\xe9\n" + b"1,2,\xe2\x82\n") * 20 + b"3,4,\xe2")
    rows, ledger = _read(path, "drop")
    assert rows == [(1, 2.0, "\u20ac\u20ac\u20ac")] * 20
    assert dict(ledger.dropped) == {"wrong number of columns": 20, "c: not UTF-8 text": 21}
    assert ledger.rows_read == 61


def test_stamps_with_and_without_an_offset_are_told_apart_over_many_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BLOCK_BYTES", 100)
    path = _file(tmp_path, "t\n" + "2024-05-10 00:00:00+00:00\n" * 50 + "2024-05-10 00:00:00\n" * 50)
    with pytest.raises(
        TraceError, match=r"line 52, column 1 \(t\): .*stamps with and without a UTC offset in one file"
    ):
        list(csv_rows(Source(path), Ledger(), {"t": Stamp()}))
    ledger = Ledger("drop")
    assert sum(len(block["t"]) for block in csv_rows(Source(path), ledger, {"t": Stamp()})) == 50
    assert (ledger.rows_read, sum(ledger.dropped.values())) == (100, 50)


def test_a_gzip_cut_in_the_middle_is_told_as_such_though_arrow_reads_it(tmp_path: Path) -> None:
    packed = gzip.compress(b"a,b,c\n" + b"".join(b"%d,%d,u\n" % (k, k * 7919 % 1000) for k in range(200_000)))
    path = tmp_path / "f.csv.gz"
    path.write_bytes(packed[: len(packed) // 2])
    message = _message(path)
    assert message.startswith(": cut short or damaged (")
    ledger = Ledger("drop")
    with pytest.raises(TraceError, match="cut short or damaged"):
        list(csv_rows(Source(path), ledger, KINDS))


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("after", [0, 1, 3])
def test_reading_given_up_half_way_leaves_no_open_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pack: Callable[[bytes], bytes], after: int
) -> None:
    monkeypatch.setattr(module, "BLOCK_BYTES", 1000)
    path = tmp_path / ("f.csv" if pack is bytes else "f.csv.gz")
    path.write_bytes(pack(b"a,b,c\n" + b"1,2,u\n" * 50_000))
    rows = csv_rows(Source(path), Ledger(), KINDS)
    for _ in range(after):
        next(rows)
    rows.close()  # type: ignore[attr-defined]
    del rows
    gc.collect()  # an open file would be a ResourceWarning, which is an error
