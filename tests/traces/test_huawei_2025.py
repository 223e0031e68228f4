"""Huawei 2025: cold starts, requests, numbers by the minute and functions, each with its quirks."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pytest

from simtier.errors import TraceError
from simtier.traces import Trace, available, find, read

MIB = 2.0**20
COLD_HEAD = (
    "day,time,clusterName,funcName,userID,requestID,totalCost_cold_start,podAllocationCost,deployCodeCost,"
    "deployDependencyCost,schedulingCost,podID"
)
COLD = "3,259200.5,1,332,439,abc,2.0,0.5,0.25,0.000,1.25,pool22-300-128-0006319574"
REQUEST_HEAD = (
    "time_worker,time_frontend,requestID,clusterName,funcName,podID,userID,totalCost_worker,workerCost,runtimeCost,"
    "totalCost_frontend,frontendCost,busCost,readBodyCost,writeRspCost,cpu_usage,memory_usage,requestBodySize"
)
REQUEST = "100.5,100.6,r,3,411,pool22-300-128-0000177166,301,0.5,0.1,0.4,0.6,0,0,0,0,0.25,34.5,2.0"
BARE = "102.0,,r,3,411,pool22-300-128-0000177166,301,0.25,0.05,0.2,,,,,,0.1,34.5,"
TABLE = "df_funcID_runtime_triggerType.csv"
TABLE_HEAD = "funcID,cpu_request,runtime,triggerType-invocationType"


def _file(tmp_path: Path, name: str, *lines: str) -> Path:
    path = tmp_path / "huawei-2025" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return path


def _read(tmp_path: Path, item: str) -> Trace:
    return read(find(f"huawei-2025/{item}", [tmp_path]))


def test_a_cold_start_has_its_parts_its_region_and_the_id_of_its_function(tmp_path: Path) -> None:
    _file(tmp_path, "cold_start/R1/day_03.csv", COLD_HEAD, COLD)
    trace = _read(tmp_path, "R1-day-03")
    (row,) = trace.table.to_pylist()
    assert row == {
        "time_s": 0.0,
        "total_s": 2.0,
        "pod_allocation_s": 0.5,
        "deploy_code_s": 0.25,
        "deploy_dependency_s": 0.0,
        "scheduling_s": 1.25,
        "function": "332---439---pool22-300-128",
        "region": "R1",
        "user": "439",
        "runtime": None,
        "cluster": "1",
        "pod": "pool22-300-128-0006319574",
        "request": "abc",
    }
    assert trace.notes == (
        "whether time is the begin or the end of a cold start the release does not say; taken for the begin",
    )


def test_the_time_of_a_cold_start_is_absolute_and_the_day_is_not_added(tmp_path: Path) -> None:
    _file(tmp_path, "cold_start/R1/day_03.csv", COLD_HEAD, COLD, COLD.replace("259200.5", "259200.75"))
    trace = _read(tmp_path, "R1-day-03")
    assert (trace.facts["origin_s"], trace.table["time_s"].to_pylist()) == ("259200.5", [0.0, 0.25])


def test_one_request_may_cause_several_cold_starts_and_both_are_kept(tmp_path: Path) -> None:
    _file(tmp_path, "cold_start/R1/day_03.csv", COLD_HEAD, COLD, COLD)
    trace = _read(tmp_path, "R1-day-03")
    assert (trace.table.num_rows, trace.table["request"].to_pylist(), trace.dropped) == (2, ["abc", "abc"], {})


@pytest.mark.parametrize("name", [TABLE, f"R2_{TABLE}"])
@pytest.mark.parametrize("place", ["cold_start/R2", "cold_start", "runtime_triggerType"])
def test_runtimes_of_region_2_come_from_the_table_of_functions_near_it(tmp_path: Path, place: str, name: str) -> None:
    _file(tmp_path, f"{place}/{name}", TABLE_HEAD, "332---439---pool22-300-128,100,Java,APIG-S")
    for region in ("R1", "R2"):
        _file(tmp_path, f"cold_start/{region}/day_03.csv", COLD_HEAD, COLD, COLD.replace("332", "333"))
    trace = _read(tmp_path, "R2-day-03")
    assert trace.table["runtime"].to_pylist() == ["Java", None]
    assert not any("runtimes" in note for note in trace.notes)
    assert _read(tmp_path, "R1-day-03").table["runtime"].to_pylist() == [None, None]


@pytest.mark.parametrize("place", ["", "runtime_triggerType/"])
def test_runtimes_are_found_beside_the_archive_of_cold_starts_too(tmp_path: Path, place: str) -> None:
    table = _file(tmp_path, f"{place}{TABLE}", TABLE_HEAD, "332---439---pool22-300-128,100,Java,APIG-S")
    with zipfile.ZipFile(tmp_path / "huawei-2025" / "R2.zip", "w") as packed:
        packed.writestr("R2/day_03.csv", f"{COLD_HEAD}\n{COLD}\n")
    assert _read(tmp_path, "R2-day-03").table["runtime"].to_pylist() == ["Java"]
    table.with_name(f"{table.name}.gz").write_bytes(gzip.compress(table.read_bytes()))
    table.unlink()
    assert _read(tmp_path, "R2-day-03").table["runtime"].to_pylist() == ["Java"]


def test_a_pod_that_names_no_pool_leaves_the_runtime_unknown(tmp_path: Path) -> None:
    _file(tmp_path, f"cold_start/R2/{TABLE}", TABLE_HEAD, "332---439---custom.image.gpu-25800-32768,100,Custom,OBS-A")
    bare = COLD.removesuffix("pool22-300-128-0006319574")
    pods = ("custom.image.gpu-25800-32768-0000000001", "custom.image.gpu-25800-32768-x", "")
    _file(tmp_path, "cold_start/R2/day_03.csv", COLD_HEAD, *(bare + pod for pod in pods))
    table = _read(tmp_path, "R2-day-03").table
    assert table["runtime"].to_pylist() == ["Custom", None, None]
    assert table["function"].to_pylist() == [
        "332---439---custom.image.gpu-25800-32768",
        "332---439---custom.image.gpu-25800-32768-x",
        "332---439",
    ]


def test_without_a_table_of_functions_the_runtimes_of_region_2_are_not_known_and_it_is_said(tmp_path: Path) -> None:
    _file(tmp_path, "cold_start/R2/day_03.csv", COLD_HEAD, COLD)
    trace = _read(tmp_path, "R2-day-03")
    assert "no df_funcID_runtime_triggerType.csv lies near it: runtimes are not known" in trace.notes


def test_a_request_arrived_its_worker_time_before_its_stamp(tmp_path: Path) -> None:
    _file(tmp_path, "per_request/R5/part-00000-1e3cf064-4a06-c000.csv", REQUEST_HEAD, REQUEST, BARE)
    trace = _read(tmp_path, "R5-requests-00000")
    first, second = trace.table.to_pylist()
    assert (trace.facts["origin_s"], second["arrival_s"]) == ("100.0", 1.75)
    assert (first["duration_s"], first["function"]) == (0.5, "411---301---pool22-300-128")
    assert (first["cpu_cores"], first["memory_bytes"], first["request_bytes"]) == (0.25, 34.5 * MIB, 2.0)
    assert first["pod"] == "pool22-300-128-0000177166"


def test_the_frontends_columns_may_be_blank_and_blank_is_not_zero(tmp_path: Path) -> None:
    _file(tmp_path, "per_request/R5/part-00000-1e3cf064-4a06-c000.csv", REQUEST_HEAD, REQUEST, BARE)
    assert _read(tmp_path, "R5-requests-00000").table["request_bytes"].to_pylist() == [2.0, None]


def test_requests_in_the_order_of_their_ends_are_sorted_by_arrival_and_counted(tmp_path: Path) -> None:
    longer = BARE.replace(",0.25,0.05,", ",60.0,0.05,")
    _file(tmp_path, "per_request/R5/part-00000-1e3cf064-4a06-c000.csv", REQUEST_HEAD, REQUEST, longer)
    trace = _read(tmp_path, "R5-requests-00000")
    assert trace.table["duration_s"].to_pylist() == [60.0, 0.5]
    assert trace.notes == ("1 rows lay before the row above them; sorted by time, equal times in file order",)


@pytest.mark.parametrize(
    ("metric", "item", "unit", "value"),
    [
        ("requests", "requests", "", 3.0),
        ("num_pods", "num-pods", "", 3.0),
        ("num_cold_starts", "num-cold-starts", "", 3.0),
        ("totalCost_cold_start_quantile_050", "totalCost-cold-start-quantile-050", "s", 3.0),
        ("busCost_avg", "busCost-avg", "s", 3.0),
        ("cpu_usage_quantile_099", "cpu-usage-quantile-099", "core", 3.0),
        ("memory_usage_std", "memory-usage-std", "B", 3 * MIB),
        ("requestBodySize_quantile_100", "requestBodySize-quantile-100", "B", 3.0),
    ],
)
def test_a_wide_table_is_named_by_its_folder(tmp_path: Path, metric: str, item: str, unit: str, value: float) -> None:
    _file(
        tmp_path, f"quantiles/R2/{metric}/day_01.csv", "day,time,1---2---pool22-300-128,x", "1,86400,,3", "1,86460,0,"
    )
    trace = _read(tmp_path, f"R2-{item}-day-01")
    assert trace.table["time_s"].to_pylist() == [0.0, 60.0]
    assert trace.table["series"].to_pylist() == ["x", "1---2---pool22-300-128"]
    assert trace.table["value"].to_pylist() == [value, 0.0]
    assert (trace.facts["metric"], trace.facts["unit"], trace.facts["absent"]) == (metric, unit, "unknown")
    assert (trace.facts["origin_s"], trace.facts["blank_cells"]) == ("86400.0", "2")


def test_functions_have_cores_pool_and_the_memory_in_its_name(tmp_path: Path) -> None:
    _file(
        tmp_path,
        "runtime_triggerType/df_funcID_runtime_triggerType.csv",
        TABLE_HEAD,
        "400---418---pool22-300-128,100,Python3,APIG-S TIMER-A",
        "7---9---custom.image.gpu-25800-32768,12900,Custom,",
        "odd,,,",
    )
    first, second, odd = _read(tmp_path, "R2-functions").table.to_pylist()
    assert (first["function"], first["owner"], first["pool"]) == ("400---418---pool22-300-128", "418", "pool22-300-128")
    assert (first["cpu_cores"], first["memory_bytes"]) == (0.1, 128 * MIB)
    assert (first["runtime"], first["trigger"]) == ("Python3", "APIG-S TIMER-A")
    assert (second["pool"], second["memory_bytes"]) == ("custom.image.gpu-25800-32768", 32768 * MIB)
    assert (second["cpu_cores"], second["trigger"]) == (12.9, None)
    assert (odd["function"], odd["pool"], odd["memory_bytes"], odd["cpu_cores"]) == ("odd", None, None, None)


def test_zip_archives_as_published_are_read_in_place(tmp_path: Path) -> None:
    folder = tmp_path / "huawei-2025"
    folder.mkdir()
    with zipfile.ZipFile(folder / "R1.zip", "w") as packed:
        packed.writestr("R1/day_03.csv", f"{COLD_HEAD}\n{COLD}\n")
    with zipfile.ZipFile(folder / "R2_00000_00019.zip", "w") as packed:
        packed.writestr("R2_00000_00019/part-00007-1e3cf064-c000.csv", f"{REQUEST_HEAD}\n{REQUEST}\n")
    assert sorted(available([tmp_path])) == ["huawei-2025/R1-day-03", "huawei-2025/R2-requests-00007"]
    assert _read(tmp_path, "R1-day-03").table["region"].to_pylist() == ["R1"]
    assert _read(tmp_path, "R2-requests-00007").table.num_rows == 1


def test_a_file_of_ones_own_is_told_by_its_folders(tmp_path: Path) -> None:
    cold = _file(tmp_path, "R4/day_00.csv", COLD_HEAD, COLD)
    wide = _file(tmp_path, "R4/requests/day_00.csv", "day,time,a", "0,0,1")
    assert read(find(f"huawei-2025:{cold}", [])).family == "cold_starts"
    assert read(find(f"huawei-2025:{wide}", [])).family == "rates"


@pytest.mark.parametrize(
    ("old", "new", "column", "what", "reason"),
    [
        (
            ",2.0,",
            ",-2.0,",
            "7 (totalCost_cold_start)",
            "'-2.0': negative number",
            "totalCost_cold_start: negative number",
        ),
        (",0.25,", ",,", "9 (deployCodeCost)", "'': blank", "deployCodeCost: blank"),
        (",0.25,", ",1e300,", "9 (deployCodeCost)", "'1e300' is beyond 292 years", "deployCodeCost: beyond 292 years"),
        ("259200.5", "now", "2 (time)", "'now' is not a finite number", "time: not a finite number"),
    ],
)
def test_a_bad_cold_start_is_refused_with_its_place_or_dropped(
    tmp_path: Path, old: str, new: str, column: str, what: str, reason: str
) -> None:
    path = _file(tmp_path, "cold_start/R1/day_03.csv", COLD_HEAD, COLD, COLD.replace(old, new))
    with pytest.raises(TraceError) as error:
        _read(tmp_path, "R1-day-03")
    assert str(error.value) == f"{path}, line 3, column {column}: {what}"
    trace = read(find("huawei-2025/R1-day-03", [tmp_path]), "drop")
    assert (trace.rows_read, trace.table.num_rows, trace.dropped) == (2, 1, {reason: 1})


def test_a_request_of_centuries_is_refused_or_dropped(tmp_path: Path) -> None:
    name = "per_request/R5/part-00000-1e3cf064-4a06-c000.csv"
    path = _file(tmp_path, name, REQUEST_HEAD, REQUEST, BARE.replace(",0.25,", ",1e10,"))
    with pytest.raises(TraceError) as error:
        _read(tmp_path, "R5-requests-00000")
    assert str(error.value) == f"{path}, line 3, column 8 (totalCost_worker): '1e10' is beyond 292 years"
    dropped = read(find("huawei-2025/R5-requests-00000", [tmp_path]), "drop").dropped
    assert dropped == {"totalCost_worker: beyond 292 years": 1}


def test_a_request_without_a_duration_is_refused_or_dropped(tmp_path: Path) -> None:
    name = "per_request/R5/part-00000-1e3cf064-4a06-c000.csv"
    path = _file(tmp_path, name, REQUEST_HEAD, REQUEST, BARE.replace(",0.25,", ",,"))
    with pytest.raises(TraceError) as error:
        _read(tmp_path, "R5-requests-00000")
    assert str(error.value) == f"{path}, line 3, column 8 (totalCost_worker): '': blank"
    assert read(find("huawei-2025/R5-requests-00000", [tmp_path]), "drop").dropped == {"totalCost_worker: blank": 1}
