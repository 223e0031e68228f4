"""Azure LLM 2023 and 2024, and LMM 2025: stamps to the tick, columns by name, and what is refused with which words."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simtier.errors import TraceError
from simtier.traces import Trace, find, read
from simtier.traces.guess import find_any
from simtier.traces.official_formats import azure_llm
from simtier.traces.tables import LLM_REQUESTS
from simtier.traces.times import Stamp, nanoseconds

HEADER = "TIMESTAMP,ContextTokens,GeneratedTokens"
SECOND = 1_000_000_000
TICKS = 10_000_000

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


@pytest.mark.parametrize(
    ("stamp", "after"),
    [
        ("2023-11-16 18:17:04.0000001", 100),
        ("2023-11-16 18:17:04.000000001", 1),
        ("2023-11-16 18:17:04.000001", 1000),
        ("2023-11-16 18:17:04.5", SECOND // 2),
        ("2023-11-16T18:17:05Z", SECOND),
        ("2023-11-16 18:17:05.000000+00:00", SECOND),
        ("2023-11-16 19:17:05+01:00", SECOND),
        ("2023-11-16 12:47:05-0530", SECOND),
        ("2023-11-17 18:17:04", 86400 * SECOND),
    ],
)
def test_a_stamp_is_whole_nanoseconds_the_same_way_fast_and_slowly(stamp: str, after: int) -> None:
    begin = nanoseconds("2023-11-16 18:17:04")
    assert nanoseconds(stamp) - begin == after
    values, faults = Stamp().values(pa.array([stamp]))
    assert (values[0].as_py() - begin, faults) == (after, [])
    values, faults = Stamp().values(pa.array([stamp, "no stamp"]))  # a column with a fault is read one by one
    assert (values[0].as_py() - begin, [mask.to_pylist() for _, mask in faults]) == (after, [[False, True]])


def test_the_seventh_digit_survives_and_the_quotient_is_correctly_rounded(given_rows: Given) -> None:
    trace = given_rows(
        "2023-11-16 18:17:03.9799600,1,1", "2023-11-16 18:17:03.9799601,1,1", "2023-11-16 18:17:04.0799600,1,1"
    )
    assert trace.table["arrival_s"].to_pylist() == [0.0, 1e-7, 0.1]


def test_columns_are_read_by_name_and_others_are_passed_over(given_rows: Given) -> None:
    trace = given_rows("7,x,2023-11-16 18:17:04,9", header="GeneratedTokens,Model,TIMESTAMP,ContextTokens", end="\r\n")
    said = {"arrival_s": 0.0, "input_tokens": 9, "output_tokens": 7, "failed": False}
    assert trace.table.to_pylist() == [dict.fromkeys(LLM_REQUESTS.names) | said]
    assert trace.table.schema.equals(LLM_REQUESTS)
    assert trace.table.schema.field("input_tokens").metadata[b"unit"] == b"token"


def test_rows_out_of_order_are_sorted_stably_and_noted_and_zero_tokens_are_data(given_rows: Given) -> None:
    trace = given_rows("2023-11-16 00:00:02,1,0", "2023-11-16 00:00:01,2,0", "2023-11-16 00:00:02,0,3", "")
    assert trace.table["arrival_s"].to_pylist() == [0.0, 1.0, 1.0]
    assert trace.table["input_tokens"].to_pylist() == [2, 1, 0]
    assert trace.notes == ("1 rows lay before the row above them; sorted by time, equal times in file order",)
    assert (trace.rows_read, dict(trace.dropped)) == (3, {})
    assert not any(trace.table["failed"].to_pylist())


def test_equal_rows_are_all_kept(given_rows: Given) -> None:
    trace = given_rows(*["2023-11-16 00:00:01,2,3"] * 3)
    assert trace.table["arrival_s"].to_pylist() == [0.0, 0.0, 0.0]


_tokens = st.integers(0, 10**18 - 1)
_year = st.integers(0, 365 * 86400 * TICKS)  # of ticks that are correctly rounded from nanoseconds in 64 bits


@given(st.lists(st.tuples(_year, _tokens, _tokens), min_size=1, max_size=30))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # each example writes the file anew
def test_what_is_written_is_read_back(tmp_path: Path, rows: list[tuple[int, int, int]]) -> None:
    rows.sort(key=lambda row: row[0])
    path = tmp_path / "written.csv"
    ticks, given_tokens, made_tokens = zip(*rows, strict=True)
    arrivals = [tick / TICKS for tick in ticks]
    written = {"arrival_s": arrivals, "input_tokens": given_tokens, "output_tokens": made_tokens}
    path.write_bytes(azure_llm(pa.table(written), date(2000, 1, 1)))
    table = read(find(f"azure-llm-2023:{path}", [])).table
    assert table["arrival_s"].to_pylist() == [(tick - rows[0][0]) / TICKS for tick, _, _ in rows]
    assert table["input_tokens"].to_pylist() == [given for _, given, _ in rows]
    assert table["output_tokens"].to_pylist() == [made for _, _, made in rows]


def test_a_request_trace_has_no_period(given_rows: Given) -> None:
    with pytest.raises(TraceError, match="holds llm_requests, where a bandwidth trace is needed"):
        _ = given_rows("2023-11-16 18:17:04,5,6").period_s


WEEK = [
    "2024-05-10 00:00:00.009930+00:00,2162,5",
    "2024-05-10 00:00:01+00:00,2399,6",
    "2024-05-10 00:00:01.017335+00:00,76,15",
]


def test_2024_stamps_have_six_digits_and_an_offset_and_perhaps_no_fraction(given_rows: Given) -> None:
    trace = given_rows(*WEEK, dataset="azure-llm-2024")
    assert trace.table["arrival_s"].to_pylist() == [0.0, 0.99007, 1.007405]
    assert trace.table["input_tokens"].to_pylist() == [2162, 2399, 76]
    assert trace.facts["origin_s"] == repr(nanoseconds("2024-05-10 00:00:00.00993") / SECOND)
    assert (trace.notes, trace.rows_read) == ((), 3)


def test_the_weeks_are_found_by_name_plain_and_packed(tmp_path: Path) -> None:
    (tmp_path / "azure-llm-2024").mkdir()
    content = "\n".join([HEADER, *WEEK]).encode()
    (tmp_path / "azure-llm-2024/AzureLLMInferenceTrace_code_1week.csv").write_bytes(content)
    (tmp_path / "azure-llm-2024/AzureLLMInferenceTrace_conv_1week.csv.gz").write_bytes(gzip.compress(content))
    traces = [read(find(f"azure-llm-2024/{item}", [tmp_path])) for item in ("code", "conv")]
    assert traces[0].table.equals(traces[1].table)
    assert traces[0].sha256 == traces[1].sha256


@pytest.mark.parametrize(
    ("name", "dataset"),
    [
        ("AzureLLMInferenceTrace_code.csv", "azure-llm-2023"),
        ("AzureLLMInferenceTrace_conv.csv.gz", "azure-llm-2023"),
        ("AzureLLMInferenceTrace_code_1week.csv", "azure-llm-2024"),
        ("AzureLMMInferenceTrace_multimodal.csv.gz", "azure-lmm-2025"),
        ("BurstGPT_1.csv", "burstgpt"),
        ("BurstGPT_without_fails_3.csv", "burstgpt"),
        ("toolagent_trace.jsonl", "mooncake"),
        ("mooncake_trace.jsonl.gz", "mooncake"),
    ],
)
def test_a_file_with_its_official_name_is_known_wherever_it_lies(tmp_path: Path, name: str, dataset: str) -> None:
    (tmp_path / name).write_bytes(b"")
    assert find_any(str(tmp_path / name), []).name == f"{dataset}:{tmp_path / name}"


def test_2025_requests_carry_their_images(given_rows: Given, tmp_path: Path) -> None:
    rows = ["2024-10-15T12:00:00.269Z,1,1024,80", "2024-10-15T12:00:01.000Z,0,0,3"]
    header = "TIMESTAMP,NumImages,ContextTokens,GeneratedTokens"
    table = given_rows(*rows, header=header, dataset="azure-lmm-2025").table
    assert table["arrival_s"].to_pylist() == [0.0, 0.731]
    assert (table["images"].to_pylist(), table["input_tokens"].to_pylist()) == ([1, 0], [1024, 0])
    (tmp_path / "azure-lmm-2025").mkdir()
    packed = gzip.compress("\n".join([header, *rows]).encode())
    (tmp_path / "azure-lmm-2025/AzureLMMInferenceTrace_multimodal.csv.gz").write_bytes(packed)
    assert read(find("azure-lmm-2025/multimodal", [tmp_path])).table.equals(table)
    assert "'NumImages'" in _refused(given_rows, *WEEK, dataset="azure-lmm-2025")
