"""Files of one's own: by the family's names, by a mapping, by options; and what is refused with which words."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simtier.errors import TraceError
from simtier.traces import Trace, find, open_trace, read
from simtier.traces.convert import convert, target_for
from simtier.traces.guess import find_any, found_with
from simtier.traces.ledger import Ledger, OnError
from simtier.traces.source import Source
from simtier.traces.tables import SCHEMAS, Family

MAPPING = """\
file: my.csv
family: llm_requests
columns:
  arrival_s: {column: ts, unit: ms}
  input_tokens: prompt
  output_tokens: {column: completion}
"""
REQUESTS = "arrival_s,input_tokens,output_tokens\n"


def _put(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def _read(path: Path, on_error: OnError = "fail") -> Trace:
    return read(find(f"own:{path}", []), on_error)


def _mapped(folder: Path, content: str, mapping: str = MAPPING, on_error: OnError = "fail") -> Trace:
    _put(folder, "my.csv", content)
    return _read(_put(folder, "my.yaml", mapping), on_error)


def _columns(trace: Trace, *names: str) -> list[list[Any]]:
    return [trace.table.column(name).to_pylist() for name in names]


# One file of each family, as its columns' names tell, and what its rows become.
EXAMPLES: list[tuple[Family, str, list[dict[str, Any]]]] = [
    (
        "llm_requests",
        'failed,arrival_s,output_tokens,input_tokens,session,elapsed_s,blocks\ntrue,8.5,0,3,,2.5,\n0,7,6,5,a,,"[4, 5]"\n',
        [
            {
                "arrival_s": 0.0,
                "input_tokens": 5,
                "output_tokens": 6,
                "failed": False,
                "session": "a",
                "elapsed_s": None,
                "blocks": [4, 5],
            },
            {
                "arrival_s": 1.5,
                "input_tokens": 3,
                "output_tokens": 0,
                "failed": True,
                "session": None,
                "elapsed_s": 2.5,
                "blocks": None,
            },
        ],
    ),
    (
        "invocations",
        "function,app,arrival_s,duration_s,memory_bytes,cpu_cores\nf,a,10,0,1e6,\nf,,10.25,0.5,,0.5\n",
        [
            {"arrival_s": 0.0, "duration_s": 0.0, "function": "f", "app": "a", "memory_bytes": 1e6, "cpu_cores": None},
            {
                "arrival_s": 0.25,
                "duration_s": 0.5,
                "function": "f",
                "app": None,
                "memory_bytes": None,
                "cpu_cores": 0.5,
            },
        ],
    ),
    (
        "cold_starts",
        "time_s,total_s,pod_allocation_s,deploy_code_s,deploy_dependency_s,scheduling_s,function,user\n5,4,1,1,0,2,f,u\n",
        [{"time_s": 0.0, "total_s": 4.0, "deploy_dependency_s": 0.0, "function": "f", "user": "u", "pod": None}],
    ),
    (
        "rates",
        "time_s,length_s,series,value\n60,60,f,3\n0,60,g,0\n",
        [
            {"time_s": 0.0, "length_s": 60.0, "series": "g", "value": 0.0},
            {"time_s": 60.0, "length_s": 60.0, "series": "f", "value": 3.0},
        ],
    ),
    (
        "bandwidth",
        "time_s,rate_bytes_per_s\n1,0\n3,5\n",
        [{"time_s": 0.0, "rate_bytes_per_s": 0.0}, {"time_s": 2.0, "rate_bytes_per_s": 5.0}],
    ),
    ("availability", "available,time_s\n4,1\n", [{"time_s": 0.0, "available": 4}]),
    (
        "functions",
        "function,app,owner,trigger,memory_bytes,cpu_cores\nf,a,o,http,,2\n",
        [{"function": "f", "app": "a", "owner": "o", "trigger": "http", "memory_bytes": None, "cpu_cores": 2.0}],
    ),
]


def test_there_is_an_example_of_each_family() -> None:
    assert [family for family, _, _ in EXAMPLES] == list(SCHEMAS)


@pytest.mark.parametrize(("family", "content", "rows"), EXAMPLES)
def test_columns_with_a_familys_names_tell_the_family(
    tmp_path: Path, family: Family, content: str, rows: list[dict[str, Any]]
) -> None:
    trace = _read(_put(tmp_path, "my.csv", content))
    assert trace.family == family
    assert trace.table.schema.equals(SCHEMAS[family])
    assert [
        {name: row[name] for name in wanted} for row, wanted in zip(trace.table.to_pylist(), rows, strict=True)
    ] == rows
    assert trace.rows_read == len(rows)


@pytest.mark.parametrize("name", ["my.csv", "my.csv.gz"])
@pytest.mark.parametrize(("begin", "end"), [("", "\n"), ("\ufeff", "\n"), ("", "\r\n"), ("", "\n\n")])
def test_compression_byte_order_mark_line_ends_and_blank_lines_change_nothing(
    tmp_path: Path, name: str, begin: str, end: str
) -> None:
    data = (begin + "arrival_s,input_tokens,output_tokens\n1,2,3\n4,5,6\n".replace("\n", end)).encode()
    path = _put(tmp_path, name, gzip.compress(data) if name.endswith("gz") else data)
    assert _columns(_read(path), "arrival_s", "input_tokens", "failed") == [[0.0, 3.0], [2, 5], [False, False]]


def test_a_mapping_renames_converts_units_and_sets_constants(tmp_path: Path) -> None:
    mapping = (
        MAPPING.replace("{column: completion}", "{constant: 7}")
        + "  model: {constant: llama}\n  failed: {constant: true}\n"
    )
    trace = _mapped(tmp_path, "ts,prompt,note,kind\n2000.5,5,x,API\n1000,4,y,API\n", mapping)
    wanted = ("arrival_s", "input_tokens", "output_tokens", "model", "failed", "kind")
    assert _columns(trace, *wanted) == [[0.0, 1.0005], [4, 5], [7, 7], ["llama"] * 2, [True] * 2, ["API"] * 2]
    assert trace.notes == (
        "1 rows lay before the row above them; sorted by time, equal times in file order",
        "columns not used: note",
    )
    assert trace.facts == {
        "mapping": "arrival_s=ts:ms, input_tokens=prompt, output_tokens='7', failed='true', model='llama'",
        "origin_s": "1.0",
    }
    assert trace.found.path == tmp_path / "my.csv"


@pytest.mark.parametrize(
    ("unit", "one"), [("s", 1.0), ("ms", 0.001), ("us", 1e-6), ("ns", 1e-9), ("min", 60.0), ("h", 3600.0)]
)
def test_a_time_may_be_in_any_unit_of_time(tmp_path: Path, unit: str, one: float) -> None:
    trace = _mapped(tmp_path, "ts,prompt,completion\n1,1,1\n3,1,1\n", MAPPING.replace("ms", unit))
    assert _columns(trace, "arrival_s") == [[0.0, 2 * one]]


def test_other_units_and_date_times_are_converted(tmp_path: Path) -> None:
    mapping = """\
file: my.csv
family: invocations
delimiter: ";"
columns:
  arrival_s: {column: at, unit: stamp}
  duration_s: {column: took, unit: ms}
  memory_bytes: {column: memory, unit: MiB}
  function: {constant: f}
"""
    trace = _mapped(tmp_path, "at;took;memory\n2024-05-01T00:00:00.5Z;18;1\n2024-05-01T01:00:01+01:00;0;\n", mapping)
    assert _columns(trace, "arrival_s", "duration_s", "memory_bytes") == [[0.0, 0.5], [0.018, 0.0], [2.0**20, None]]
    rates = "file: my.csv\nfamily: bandwidth\ncolumns:\n  rate_bytes_per_s: {column: r, unit: Mbit/s}\n"
    assert _columns(_mapped(tmp_path, "time_s,r\n0,8\n", rates), "rate_bytes_per_s") == [[1e6]]


def test_of_equal_stamps_of_a_level_the_last_counts_and_the_period_is_rows_times_mean_step(tmp_path: Path) -> None:
    trace = _read(_put(tmp_path, "my.csv", "time_s,rate_bytes_per_s\n180,1\n185,2\n185,3\n190,4\n190,5\n"))
    assert _columns(trace, "time_s", "rate_bytes_per_s") == [[0.0, 5.0, 10.0], [1.0, 3.0, 5.0]]
    assert (trace.period_s, trace.rows_read, trace.dropped) == (15.0, 5, {"equal stamp": 2})
    one = _read(_put(tmp_path, "one.csv", "time_s,available\n7,2\n"))
    assert (one.facts["period_s"], one.notes) == ("1.0", ("one stamp only: a constant level",))


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 9)), min_size=1, max_size=40))
def test_a_level_is_the_same_in_blocks_and_whole(rows: list[tuple[int, int]]) -> None:
    from simtier.traces.datasets.own import _levels
    from simtier.traces.tables import batch

    rows.sort(key=lambda row: row[0])
    parts = [batch("bandwidth", {"time_s": [float(t)], "rate_bytes_per_s": [float(r)]}, 1) for t, r in rows]
    ledger = Ledger()
    given_out = pa.Table.from_batches(list(_levels(parts, ledger))).to_pylist()
    expected = {float(t): float(r) for t, r in rows}
    assert {row["time_s"]: row["rate_bytes_per_s"] for row in given_out} == expected
    assert len(given_out) + ledger.dropped["equal stamp"] == len(rows)


def test_a_number_by_interval_is_named_by_its_column(tmp_path: Path) -> None:
    _put(tmp_path, "my.csv", "time_s,length_s,series,calls\n0,60,f,3\n")
    found = found_with(tmp_path / "my.csv", "rates", ["value=calls"])
    assert read(found).facts == {
        "mapping": "value=calls",
        "metric": "calls",
        "absent": "unknown",
        "origin_s": "0.0",
    }


def test_times_are_exact_to_the_nanosecond_and_parts_of_a_unit_to_the_last_digit(tmp_path: Path) -> None:
    rows = "ts,prompt,completion,elapsed_s\n1700000000000000001,1,1,9\n1700000000000000002,1,1,0.7\n1700000000000000101,1,1,\n"
    trace = _mapped(tmp_path, rows, MAPPING.replace("ms", "ns") + "  elapsed_s: {column: elapsed_s, unit: ms}\n")
    assert _columns(trace, "arrival_s", "elapsed_s") == [[0.0, 1e-9, 1e-7], [0.009, 0.0007, None]]


def test_a_table_with_times_is_none_of_functions(tmp_path: Path) -> None:
    extra = "runtime,owner,pool,trigger,app,memory_bytes,cpu_cores"
    path = _put(tmp_path, "my.csv", f"arrival_s,duration_s,function,{extra}\n1,2,f,py,o,p,http,a,1,1\n")
    trace = _read(path)
    assert (trace.family, trace.notes) == ("invocations", ("columns not used: runtime, owner, pool",))
    with pytest.raises(TraceError, match="as invocations it lacks duration_s"):
        _read(_put(tmp_path, "my.csv", "arrival_s,function,app\n1,f,a\n"))


def test_a_converted_file_is_own_by_name_and_by_path(tmp_path: Path) -> None:
    path = _put(tmp_path, "my.csv", "ts,prompt,output_tokens\n3000,7,8\n1000,5,6\n")
    target = target_for("own/web", tmp_path)
    convert(found_with(path, "llm_requests", ["arrival_s=ts:ms", "input_tokens=prompt"]), target, "my.csv")
    assert target == tmp_path / "own/web.parquet"
    by_name, by_path = read(find("own/web", [tmp_path])), _read(target)
    assert by_name.table.equals(by_path.table)
    assert _columns(by_name, "arrival_s", "input_tokens") == [[0.0, 2.0], [5, 7]]
    assert by_name.sha256 == Source(path).sha256()


def test_a_file_that_nothing_else_knows_is_own(tmp_path: Path) -> None:
    path = _put(tmp_path, "my.csv", REQUESTS + "1,2,3\n")
    assert find_any(str(path), []).name == f"own:{path}"
    _put(tmp_path, "my.yaml", "file: my.csv\nfamily: llm_requests\ncolumns: {}\n")
    assert open_trace(find("own:./my.yaml", [], base=tmp_path)).family == "llm_requests"


def test_a_name_that_is_not_there_says_where_own_files_lie(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=r"no trace 'own/web' in .*: looked for own with \*\.parquet"):
        find("own/web", [tmp_path])
