"""Azure Functions 2021: the end and the duration are recorded, and the arrival follows."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from published import published

from simtier.errors import TraceError
from simtier.traces import Trace, find, read

FULL = "AzureFunctionsInvocationTraceForTwoWeeksJan2021"
HEAD = "app,func,end_timestamp,duration\n"


def _file(tmp_path: Path, content: str, name: str = f"{FULL}.txt") -> Path:
    path = tmp_path / "azure-functions-2021" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def _read(tmp_path: Path) -> Trace:
    return read(find("azure-functions-2021/two-weeks", [tmp_path]))


def test_an_invocation_arrives_its_duration_before_its_end(tmp_path: Path) -> None:
    _file(tmp_path, f"{HEAD}a,f,10.5,0.5\nb,f,70.0,59.5\na,g,10.75,0\n")
    trace = _read(tmp_path)
    assert trace.table["arrival_s"].to_pylist() == [0.0, 0.5, 0.75]
    assert trace.table["duration_s"].to_pylist() == [0.5, 59.5, 0.0]
    assert (trace.family, trace.facts["origin_s"], trace.notes) == ("invocations", "10.0", ())


def test_a_function_is_unique_only_inside_its_application(tmp_path: Path) -> None:
    _file(tmp_path, f"{HEAD}a,f,1,0\nb,f,1,0\n")
    trace = _read(tmp_path)
    assert trace.table["function"].to_pylist() == ["a/f", "b/f"]
    assert trace.table["app"].to_pylist() == ["a", "b"]


def test_zero_durations_and_equal_arrivals_are_kept(tmp_path: Path) -> None:
    _file(tmp_path, f"{HEAD}a,f,1,0\na,f,1,0\na,f,1,0\n")
    trace = _read(tmp_path)
    assert (trace.table.num_rows, trace.dropped) == (3, {})
    assert trace.table["arrival_s"].to_pylist() == [0.0, 0.0, 0.0]


def test_arrivals_that_rounding_reversed_are_sorted_and_counted_and_may_lie_before_zero(tmp_path: Path) -> None:
    _file(tmp_path, f"{HEAD}a,f,5.0,4.9999\nb,f,2.0,2.0001\n")
    trace = _read(tmp_path)
    assert trace.table["app"].to_pylist() == ["b", "a"]
    assert trace.facts["origin_s"] == "-0.0001"
    assert trace.table["arrival_s"].to_pylist() == [0.0, 0.0002]
    assert trace.notes == ("1 rows lay before the row above them; sorted by time, equal times in file order",)


def test_columns_are_found_by_name(tmp_path: Path) -> None:
    _file(tmp_path, "duration,more,end_timestamp,func,app\n1,x,3,f,a\n", "Azure2021_200.csv")
    trace = read(find("azure-functions-2021/head-200", [tmp_path]))
    assert (trace.table["function"].to_pylist(), trace.facts["origin_s"]) == (["a/f"], "2.0")


def test_a_packed_file_is_read_and_a_rar_archive_is_refused_with_the_way_out(tmp_path: Path) -> None:
    path = _file(tmp_path, "")
    path.unlink()
    rar = path.with_suffix(".rar")
    rar.write_bytes(b"Rar!\x1a\x07\x01\x00")
    with pytest.raises(TraceError) as error:
        _read(tmp_path)
    assert (
        str(error.value) == f"{rar}: RAR archives cannot be read in place; unpack it with unrar and name the file in it"
    )
    Path(f"{path}.gz").write_bytes(gzip.compress(f"{HEAD}a,f,2,1\n".encode()))
    assert _read(tmp_path).table.num_rows == 1  # beside the archive, as unpacking it leaves them


@pytest.mark.parametrize(
    ("row", "column", "what", "reason"),
    [
        ("a,f,2,-1", "4 (duration)", "'-1': negative number", "duration: negative number"),
        ("a,f,2,", "4 (duration)", "'': blank", "duration: blank"),
        ("a,f,2,1e300", "4 (duration)", "'1e300' is beyond 292 years", "duration: beyond 292 years"),
        ("a,f,1e300,1", "3 (end_timestamp)", "'1e300' is beyond 292 years", "end_timestamp: beyond 292 years"),
        ("a,f,soon,1", "3 (end_timestamp)", "'soon' is not a finite number", "end_timestamp: not a finite number"),
        ("a,f,inf,1", "3 (end_timestamp)", "'inf' is not a finite number", "end_timestamp: not a finite number"),
    ],
)
def test_a_bad_row_is_refused_with_its_place_or_dropped_and_counted(
    tmp_path: Path, row: str, column: str, what: str, reason: str
) -> None:
    path = _file(tmp_path, f"{HEAD}a,f,1,1\n{row}\na,f,3,1\n")
    with pytest.raises(TraceError) as error:
        _read(tmp_path)
    assert str(error.value) == f"{path}, line 3, column {column}: {what}"
    trace = read(find("azure-functions-2021/two-weeks", [tmp_path]), "drop")
    assert (trace.rows_read, trace.table.num_rows, trace.dropped) == (3, 2, {reason: 1})


def test_times_that_64_bits_of_nanoseconds_do_not_hold_are_refused_not_turned_round(tmp_path: Path) -> None:
    path = _file(tmp_path, f"{HEAD}a,f,-9e9,9e9\n")
    with pytest.raises(TraceError) as error:
        _read(tmp_path)
    told = "something began more than 292 years before time zero: are times and durations in seconds?"
    assert str(error.value) == f"{path}: {told}"


def test_a_missing_column_is_refused(tmp_path: Path) -> None:
    path = _file(tmp_path, "app,func,start,duration\na,f,1,1\n")
    with pytest.raises(TraceError) as error:
        _read(tmp_path)
    assert str(error.value) == (
        f"{path}, line 1: no column 'end_timestamp'; the header is 'app,func,start,duration', "
        "needed are 'app', 'func', 'end_timestamp', 'duration'"
    )


def test_the_published_head_has_its_rows_functions_and_statistics() -> None:
    trace = read(find("azure-functions-2021/head-200", [published("azure-functions-2021")]))
    durations, arrivals = trace.table["duration_s"].to_numpy(), trace.table["arrival_s"].to_numpy()
    gaps = np.diff(arrivals)
    assert (trace.rows_read, trace.table.num_rows, trace.dropped, trace.notes) == (199, 199, {}, ())
    assert (len(trace.table["app"].unique()), len(trace.table["function"].unique())) == (13, 31)
    assert int((durations == 0).sum()) == 8
    assert (round(durations.mean(), 2), round(float(np.median(durations)), 3)) == (53.26, 1.634)
    assert (round(float(np.percentile(durations, 95)), 1), round(durations.max(), 2)) == (330.0, 404.99)
    assert (round(gaps.mean(), 3), round(gaps.std() / gaps.mean(), 3)) == (6.061, 1.864)
    assert float(trace.facts["origin_s"]) == pytest.approx(0.0015, abs=1e-4)
    assert arrivals[-1] + float(trace.facts["origin_s"]) == pytest.approx(1200.015, abs=1e-3)
