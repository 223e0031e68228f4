"""Azure LLM 2023 and 2024, and LMM 2025: what is refused with which words, or dropped and counted."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simtier.errors import TraceError
from simtier.traces import Trace, find, read
from simtier.traces.times import STAMP_FORM

HEADER = "TIMESTAMP,ContextTokens,GeneratedTokens"

Given = Callable[..., Trace]


@pytest.fixture(name="given_rows")
def _given_rows(tmp_path: Path) -> Given:
    """Return what reads a file with a header and rows."""

    def reading(
        *rows: str, header: str = HEADER, end: str = "\n", dataset: str = "azure-llm-2023", **how: Any
    ) -> Trace:
        path = tmp_path / "f.csv"
        path.write_bytes((end.join([header, *rows]) + end).encode())
        return read(find(f"{dataset}:{path}", []), **how)

    return reading


def _refused(rows: Given, *lines: str, **how: Any) -> str:
    """Return the message a file is refused with, without its folder."""
    with pytest.raises(TraceError) as error:
        rows(*lines, **how)
    return str(error.value).partition("/f.csv")[2].removeprefix(", ").removeprefix(": ")


T, C, G = "column 1 (TIMESTAMP)", "column 2 (ContextTokens)", "column 3 (GeneratedTokens)"
WHOLE = "is not a whole number of at most 18 digits"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "the file has a header and no rows"),
        (["2023-11-16 18:17:04,5"], "line 2: expected 3 columns, as in the header, got 2"),
        (["2023-11-16 18:17:04;5;6"], "line 2: expected 3 columns, as in the header, got 1"),
        (["yesterday,5,6"], f"line 2, {T}: 'yesterday' is not a time stamp ({STAMP_FORM})"),
        (
            ["2023-11-16 18:17:04.1234567890,5,6"],
            f"line 2, {T}: '2023-11-16 18:17:04.1234567890' is not a time stamp ({STAMP_FORM})",
        ),
        (["2023-11-16 24:00:00,5,6"], f"line 2, {T}: '2023-11-16 24:00:00' is not a time stamp ({STAMP_FORM})"),
        ([",5,6"], f"line 2, {T}: '' is not a time stamp ({STAMP_FORM})"),
        (
            ["2023-11-16 18:17:04,5,6", "2023-11-16 18:17:05+00:00,5,6"],
            f"line 3, {T}: '2023-11-16 18:17:05+00:00': stamps with and without a UTC offset in one file",
        ),
        (["2023-11-16 18:17:04,5.0,6"], f"line 2, {C}: '5.0' {WHOLE}"),
        (["2023-11-16 18:17:04,nan,6"], f"line 2, {C}: 'nan' {WHOLE}"),
        (["2023-11-16 18:17:04,0x10,6"], f"line 2, {C}: '0x10' {WHOLE}"),
        (["2023-11-16 18:17:04,5,six"], f"line 2, {G}: 'six' {WHOLE}"),
        (["2023-11-16 18:17:04,5,"], f"line 2, {G}: '': blank"),
        (["", "2023-11-16 18:17:04,5,-6"], f"line 3, {G}: '-6': negative number"),
        ([f"2023-11-16 18:17:04,{10**18},6"], f"line 2, {C}: '{10**18}' {WHOLE}"),
        (["2023-11-16 18:17:04,5,6", "2023-11-16 18:17:04,x,y"], f"line 3, {C}: 'x' {WHOLE}"),
    ],
)
def test_malformed_rows_are_refused_with_file_line_and_column(given_rows: Given, rows: list[str], message: str) -> None:
    assert _refused(given_rows, *rows) == message


def test_with_drop_bad_rows_are_left_out_and_counted_by_reason(given_rows: Given) -> None:
    trace = given_rows(
        "2023-11-16 18:17:04,5,6",
        "2023-11-16 18:17:05,5",
        "yesterday,-5,6",
        "2023-11-16 18:17:05,-5,six",
        "2023-11-16 18:17:05,,6",
        "2023-11-16 18:17:06+00:00,5,6",
        "2023-11-16 18:17:07,0,0",
        on_error="drop",
    )
    assert trace.dropped == {
        "wrong number of columns": 1,
        f"TIMESTAMP: not a time stamp ({STAMP_FORM})": 1,
        "TIMESTAMP: stamps with and without a UTC offset in one file": 1,
        "ContextTokens: negative number": 1,
        "ContextTokens: blank": 1,
    }
    assert (trace.rows_read, trace.table["arrival_s"].to_pylist()) == (7, [0.0, 3.0])


def test_a_file_of_which_nothing_is_left_is_refused_even_then(given_rows: Given) -> None:
    message = _refused(given_rows, "yesterday,5,6", "today,5,6", on_error="drop")
    assert message == "the file has a header and no rows: all 2 were dropped"


@pytest.mark.parametrize(
    ("header", "fault", "hint"),
    [
        ("TIMESTAMP;ContextTokens;GeneratedTokens", "no column 'TIMESTAMP'", " (is it parted by ','?)"),
        ("TIMESTAMP,context_tokens,GeneratedTokens", "no column 'ContextTokens'", ""),
        ("TIMESTAMP,ContextTokens,ContextTokens,GeneratedTokens", "two columns 'ContextTokens'", ""),
        ("2023-11-16 18:17:04,5,6", "no column 'TIMESTAMP'", ""),
    ],
)
@pytest.mark.parametrize("on_error", ["fail", "drop"])
def test_a_wrong_header_is_refused(given_rows: Given, header: str, fault: str, hint: str, on_error: str) -> None:
    message = _refused(given_rows, "2023-11-16 18:17:04,5,6", header=header, on_error=on_error)
    needed = "'TIMESTAMP', 'ContextTokens', 'GeneratedTokens'"
    assert message == f"line 1: {fault}; the header is {header!r}{hint}, needed are {needed}"


def test_broken_quotes_and_other_encodings_are_refused(given_rows: Given, tmp_path: Path) -> None:
    message = _refused(given_rows, '"2023-11-16 18:17:04,5,6')
    assert message == "line 2: a line end within a field; is a quote left open?"
    (tmp_path / "f.csv").write_bytes(f"{HEADER}\n2023-11-16 18:17:04,5,\xff\n".encode("latin-1"))
    with pytest.raises(TraceError, match=r"f\.csv, line 2, column 3 \(GeneratedTokens\): '\ufffd' is not UTF-8 text"):
        read(find(f"azure-llm-2023:{tmp_path / 'f.csv'}", []))


def test_empty_files_and_cut_ones_are_refused_and_marks_and_line_ends_are_not_data(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(b"")
    with pytest.raises(TraceError, match=r"f\.csv: the file is empty"):
        read(find(f"azure-llm-2023:{path}", []))
    path.write_bytes(b"\xef\xbb\xbf" + HEADER.encode() + b"\r\n2023-11-16 18:17:04,5,6\r\n")  # with a byte order mark
    assert read(find(f"azure-llm-2023:{path}", [])).table["output_tokens"].to_pylist() == [6]
    packed = gzip.compress("\n".join([HEADER, *(f"2023-11-16 18:17:04.{k:07d},5,{k}" for k in range(9999))]).encode())
    cut = tmp_path / "cut.csv.gz"
    cut.write_bytes(packed[: len(packed) // 2])
    for on_error in ("fail", "drop"):
        with pytest.raises(TraceError, match=r"cut.csv.gz: cut short or damaged .*; copy or download it again"):
            read(find(f"azure-llm-2023:{cut}", []), on_error)  # type: ignore[arg-type]
