"""Parquet files of one's own: read as text is, units of a type kept, and what is refused with which words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from simtier.errors import TraceError
from simtier.traces import Trace, find, read
from simtier.traces.ledger import OnError
from simtier.traces.tables import SCHEMAS

REQUESTS = "arrival_s,input_tokens,output_tokens\n"


def _read(path: Path, on_error: OnError = "fail") -> Trace:
    return read(find(f"own:{path}", []), on_error)


def _parquet(folder: Path, columns: Mapping[str, Any], **options: Any) -> Path:
    pq.write_table(pa.table(columns), folder / "my.parquet", **options)
    return folder / "my.parquet"


def _columns(trace: Trace, *names: str) -> list[list[Any]]:
    return [trace.table.column(name).to_pylist() for name in names]


def test_parquet_is_read_as_text_is(tmp_path: Path) -> None:
    columns = {
        "arrival_s": pa.array([5, 3, 3], pa.int32()),
        "input_tokens": pa.array([1.0, 2.0, 3.0]),
        "output_tokens": pa.array(["1", "0", "3"]).dictionary_encode(),
        "failed": pa.array([False, True, False]),
        "images": pa.array([None, 2, None], pa.int64()),
        "blocks": pa.array([[1, 2], None, []], pa.large_list(pa.int32())),
        "extra": pa.array([{"a": 1}] * 3),
    }
    trace = _read(_parquet(tmp_path, columns, row_group_size=2))
    assert trace.table.schema.equals(SCHEMAS["llm_requests"])
    assert _columns(trace, "arrival_s", "input_tokens", "output_tokens") == [[0.0, 0.0, 2.0], [2, 3, 1], [0, 3, 1]]
    assert _columns(trace, "failed", "images", "blocks") == [[True, False, False], [2, None, None], [None, [], [1, 2]]]
    assert trace.notes[-1] == "columns not used: extra"


def test_date_times_of_parquet_keep_their_nanoseconds(tmp_path: Path) -> None:
    stamps = pa.array([1_700_000_000_000_000_000, 1_700_000_000_000_000_100], pa.timestamp("ns", "Europe/Berlin"))
    path = _parquet(tmp_path, {"arrival_s": stamps, "input_tokens": [1, 2], "output_tokens": [1, 2]})
    trace = _read(path)
    assert (_columns(trace, "arrival_s"), trace.facts["origin_s"]) == ([[0.0, 1e-7]], "1700000000.0")


@pytest.mark.parametrize(
    ("columns", "message", "dropped"),
    [
        (
            {"input_tokens": [1, 2, -3]},
            "row 3, column 'input_tokens': -3: negative number",
            "input_tokens: negative number",
        ),
        (
            {"input_tokens": ["1", "x", "3"]},
            "row 2, column 'input_tokens': 'x' is not a whole number of at most 18 digits",
            "input_tokens: not a whole number of at most 18 digits",
        ),
        (
            {"output_tokens": [1, 1.5, 2]},
            "row 2, column 'output_tokens': 1.5 is not a whole number of at most 18 digits",
            "output_tokens: not a whole number of at most 18 digits",
        ),
        (
            {"blocks": [[1], None, [2, None]]},
            "row 3, column 'blocks': [2, None] is not a list of whole numbers of 64 bits",
            "blocks: not a list of whole numbers of 64 bits",
        ),
        ({"output_tokens": [None, 1, 2]}, "row 1, column 'output_tokens': None: blank", "output_tokens: blank"),
        (
            {"arrival_s": [0.0, 1.0, float("nan")]},
            "row 3, column 'arrival_s': nan is not a finite number",
            "arrival_s: not a finite number",
        ),
    ],
)
def test_bad_rows_of_parquet_are_named_or_counted(
    tmp_path: Path, columns: dict[str, Any], message: str, dropped: str
) -> None:
    good = {"arrival_s": [0.0, 1.0, 2.0], "input_tokens": [1, 2, 3], "output_tokens": [1, 2, 3]}
    path = _parquet(tmp_path, {**good, **columns}, row_group_size=2)
    with pytest.raises(TraceError) as error:
        _read(path)
    assert str(error.value) == f"{path}, {message}"
    trace = _read(path, "drop")
    assert (trace.rows_read, trace.table.num_rows, trace.dropped) == (3, 2, {dropped: 1})


def test_what_is_no_parquet_to_read_is_refused(tmp_path: Path) -> None:
    path = _parquet(tmp_path, {"arrival_s": [1], "input_tokens": [[1]], "output_tokens": [1]})
    with pytest.raises(TraceError) as error:
        _read(path)
    assert (
        str(error.value) == f"{path}, column 'input_tokens': list<element: int64> cannot be read as what it stands for"
    )
    with pytest.raises(TraceError, match=r"my.parquet: the file has a header and no rows"):
        _read(_parquet(tmp_path, {name: pa.array([], pa.int64()) for name in REQUESTS.strip().split(",")}))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(TraceError, match=r"my.parquet: not a Parquet file, or cut short"):
        _read(path)


def test_a_column_twice_in_parquet_is_refused(tmp_path: Path) -> None:
    table = pa.Table.from_arrays([pa.array([1])] * 4, names=["arrival_s", "input_tokens", "output_tokens", "arrival_s"])
    pq.write_table(table, tmp_path / "my.parquet")
    with pytest.raises(TraceError, match=r"my.parquet: two columns 'arrival_s'"):
        _read(tmp_path / "my.parquet")


def _requests(**columns: Any) -> dict[str, Any]:
    return {"arrival_s": [1.0, 2.0], "input_tokens": [1, 2], "output_tokens": [1, 2], **columns}


@pytest.mark.parametrize(("unit", "a_second"), [("s", 1), ("ms", 1000), ("us", 10**6), ("ns", 10**9)])
def test_a_duration_counts_in_the_unit_of_its_type(tmp_path: Path, unit: str, a_second: int) -> None:
    took = pa.array([5, 18], pa.duration(unit))
    trace = _read(_parquet(tmp_path, _requests(arrival_s=took, elapsed_s=took)))
    assert trace.table.column("arrival_s").to_pylist() == [0.0, 13 / a_second]
    assert trace.table.column("elapsed_s").to_pylist() == [5 / a_second, 18 / a_second]
    assert trace.facts["origin_s"] == repr(5 / a_second)


def test_a_duration_of_too_many_seconds_or_none_is_a_bad_row(tmp_path: Path) -> None:
    path = _parquet(tmp_path, _requests(arrival_s=pa.array([None, 2**60], pa.duration("s")), elapsed_s=[1.0, 2.0]))
    with pytest.raises(TraceError, match=r"my\.parquet, row 1, column 'arrival_s': None: blank"):
        _read(path)
    with pytest.raises(TraceError, match=r"the file has a header and no rows: all 2 were dropped"):
        _read(path, "drop")
    path = _parquet(tmp_path, _requests(elapsed_s=[3.0, 1e300]))
    with pytest.raises(TraceError, match=r"row 2, column 'elapsed_s': 1e\+300 is beyond 292 years"):
        _read(path)
    assert _read(path, "drop").dropped == {"elapsed_s: beyond 292 years": 1}


@pytest.mark.parametrize("on_error", ["fail", "drop"])
@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"arrival_s": pa.array([1, 2], pa.time32("ms"))},
            "column 'arrival_s': time32[ms] holds times of day only: store date-times, or numbers with a unit",
        ),
        (
            {"elapsed_s": pa.array([1, 2], pa.time64("us"))},
            "column 'elapsed_s': time64[us] holds times of day only: store date-times, or numbers with a unit",
        ),
        (
            {"arrival_s": pa.array([1, 2], pa.date32())},
            "column 'arrival_s': date32[day] holds days only: store date-times, or numbers with a unit",
        ),
        (
            {"input_tokens": pa.array([1, 2], pa.duration("ms"))},
            "column 'input_tokens': duration[ms] says itself what its numbers are: it can stand for seconds only, without a unit",
        ),
        (
            {"blocks": pa.array([[1], [2]], pa.list_(pa.duration("s")))},
            "column 'blocks': list<element: duration[s]> cannot be read as what it stands for",
        ),
        (
            {"blocks": pa.array([[1], [2**63]], pa.list_(pa.uint64()))},
            "column 'blocks': list<element: uint64> cannot be read as what it stands for",
        ),
    ],
)
def test_types_that_are_no_numbers_of_seconds_are_refused(
    tmp_path: Path, columns: dict[str, Any], message: str, on_error: OnError
) -> None:
    path = _parquet(tmp_path, _requests(**columns))
    with pytest.raises(TraceError) as error:
        _read(path, on_error)
    assert str(error.value) == f"{path}, {message}"


def test_a_duration_under_a_unit_of_the_mapping_is_refused(tmp_path: Path) -> None:
    _parquet(tmp_path, _requests(elapsed_s=pa.array([1, 2], pa.duration("s"))))
    mapping = tmp_path / "my.yaml"
    mapping.write_text(
        "file: my.parquet\nfamily: llm_requests\ncolumns:\n  elapsed_s: {column: elapsed_s, unit: ms}\n",
        encoding="utf-8",
    )
    with pytest.raises(TraceError, match=r"duration\[s\] says itself what its numbers are"):
        _read(mapping)
