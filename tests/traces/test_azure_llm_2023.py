"""Azure LLM 2023: stamps as whole ticks, columns by name, and what is refused with which words."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simtier.errors import TraceError
from simtier.traces import azure_llm_2023, find, read
from simtier.traces.tables import LLM_REQUESTS, Parsed

HEADER = "TIMESTAMP,ContextTokens,GeneratedTokens"
SECOND = azure_llm_2023.TICKS_PER_SECOND


def _parse(*rows: str, header: str = HEADER, end: str = "\n") -> Parsed:
    return azure_llm_2023.parse("f", (end.join([header, *rows]) + end).encode())


@pytest.mark.parametrize(
    ("stamp", "after"),
    [
        ("2023-11-16 18:17:04.0000001", 1),
        ("2023-11-16 18:17:04.000001", 10),
        ("2023-11-16 18:17:04.5", SECOND // 2),
        ("2023-11-16T18:17:05Z", SECOND),
        ("2023-11-16 18:17:05.000000+00:00", SECOND),
        ("2023-11-16 19:17:05+01:00", SECOND),
        ("2023-11-16 12:47:05-0530", SECOND),
        ("2023-11-17 18:17:04", 86400 * SECOND),
    ],
)
def test_a_stamp_is_whole_ticks_of_100_ns(stamp: str, after: int) -> None:
    assert azure_llm_2023.ticks(stamp) - azure_llm_2023.ticks("2023-11-16 18:17:04") == after


def test_the_seventh_digit_survives_and_the_quotient_is_correctly_rounded() -> None:
    parsed = _parse(
        "2023-11-16 18:17:03.9799600,1,1", "2023-11-16 18:17:03.9799601,1,1", "2023-11-16 18:17:04.0799600,1,1"
    )
    assert parsed.table["arrival_s"].to_pylist() == [0.0, 1e-7, 0.1]


def test_columns_are_read_by_name_and_others_are_passed_over() -> None:
    parsed = _parse("7,x,2023-11-16 18:17:04,9", header="GeneratedTokens,Model,TIMESTAMP,ContextTokens", end="\r\n")
    assert parsed.table.to_pylist() == [{"arrival_s": 0.0, "input_tokens": 9, "output_tokens": 7}]
    assert parsed.table.schema.equals(LLM_REQUESTS)
    assert parsed.table.schema.field("input_tokens").metadata[b"unit"] == b"token"


def test_rows_out_of_order_are_sorted_stably_and_noted_and_zero_tokens_are_data() -> None:
    parsed = _parse("2023-11-16 00:00:02,1,0", "2023-11-16 00:00:01,2,0", "2023-11-16 00:00:02,0,3", "")
    assert parsed.table["arrival_s"].to_pylist() == [0.0, 1.0, 1.0]
    assert parsed.table["input_tokens"].to_pylist() == [2, 1, 0]
    assert parsed.notes == ("stamps are arrivals; sorted, 1 lay before the row above them",)
    assert (parsed.rows_read, dict(parsed.dropped)) == (3, {})


_tokens = st.integers(0, 10**18 - 1)


@given(st.lists(st.tuples(st.integers(0, 10**15), _tokens, _tokens), min_size=1, max_size=30))
def test_what_is_written_is_read_back(rows: list[tuple[int, int, int]]) -> None:
    rows.sort(key=lambda row: row[0])
    data = azure_llm_2023.write(*zip(*rows, strict=True), date(2000, 1, 1))
    parsed = azure_llm_2023.parse("f", data)
    assert parsed.table["arrival_s"].to_pylist() == [(tick - rows[0][0]) / SECOND for tick, _, _ in rows]
    assert parsed.table["input_tokens"].to_pylist() == [given for _, given, _ in rows]
    assert parsed.table["output_tokens"].to_pylist() == [made for _, _, made in rows]


STAMP_FORM = "expected YYYY-MM-DD HH:MM:SS with at most 7 digits of fraction and an optional UTC offset"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "f: the file has a header and no rows"),
        (["2023-11-16 18:17:04,5"], "f, line 2, column 2: expected 3 columns, as in the header, got 2"),
        (["2023-11-16 18:17:04;5;6"], "f, line 2, column 1: expected 3 columns, as in the header, got 1"),
        (["yesterday,5,6"], f"f, line 2, column 1: 'yesterday' is not a time stamp: {STAMP_FORM}"),
        (
            ["2023-11-16 18:17:04.12345678,5,6"],
            f"f, line 2, column 1: '2023-11-16 18:17:04.12345678' is not a time stamp: {STAMP_FORM}",
        ),
        (
            ["2023-11-16 24:00:00,5,6"],
            "f, line 2, column 1: '2023-11-16 24:00:00' is not a time stamp: hour, minute or second is out of range",
        ),
        (
            ["2023-11-16 18:17:04,5,6", "2023-11-16 18:17:05+00:00,5,6"],
            "f, line 3, column 1: '2023-11-16 18:17:05+00:00': stamps with and without a UTC offset in one file",
        ),
        (["2023-11-16 18:17:04,5.0,6"], "f, line 2, column 2: '5.0' is not a whole number of at most 18 digits"),
        (["2023-11-16 18:17:04,nan,6"], "f, line 2, column 2: 'nan' is not a whole number of at most 18 digits"),
        (["2023-11-16 18:17:04,5,six"], "f, line 2, column 3: 'six' is not a whole number of at most 18 digits"),
        (["", "2023-11-16 18:17:04,5,-6"], "f, line 3, column 3: '-6' is negative"),
        (
            [f"2023-11-16 18:17:04,{10**18},6"],
            f"f, line 2, column 2: '{10**18}' is not a whole number of at most 18 digits",
        ),
    ],
)
def test_malformed_rows_are_refused_with_file_line_and_column(rows: list[str], message: str) -> None:
    with pytest.raises(TraceError) as error:
        _parse(*rows)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("header", "fault"),
    [
        ("TIMESTAMP;ContextTokens;GeneratedTokens", "no column 'TIMESTAMP'"),
        ("TIMESTAMP,context_tokens,GeneratedTokens", "no column 'ContextTokens'"),
        ("TIMESTAMP,ContextTokens,ContextTokens,GeneratedTokens", "two columns 'ContextTokens'"),
        ("2023-11-16 18:17:04,5,6", "no column 'TIMESTAMP'"),
    ],
)
def test_a_wrong_header_is_refused(header: str, fault: str) -> None:
    with pytest.raises(TraceError) as error:
        _parse("2023-11-16 18:17:04,5,6", header=header)
    needed = "TIMESTAMP, ContextTokens, GeneratedTokens"
    assert str(error.value) == f"f, line 1: {fault}; the header is {header!r}, needed are {needed}"


def test_broken_quotes_are_refused() -> None:
    with pytest.raises(TraceError, match=r"f, line 2: not comma-separated text \("):
        _parse('"2023-11-16 18:17:04,5,6')


def test_a_request_trace_has_no_period(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(f"{HEADER}\n2023-11-16 18:17:04,5,6\n")
    trace = read(find(f"azure-llm-2023:{path}", []))
    with pytest.raises(TraceError, match="holds llm_requests, where a bandwidth trace is needed"):
        _ = trace.period_s
