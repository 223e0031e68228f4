"""Huawei 2023: wide tables, in which a blank is no sample and a zero is one."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path

import pytest
from published import published

from simtier.errors import TraceError
from simtier.traces import Trace, available, find, read


def _file(tmp_path: Path, folder: str, name: str, content: str) -> Path:
    path = tmp_path / "huawei-2023" / "datasets" / folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def _rows(trace: Trace) -> list[tuple[float, str, float]]:
    table = trace.table
    return list(zip(table["time_s"].to_pylist(), table["series"].to_pylist(), table["value"].to_pylist(), strict=True))


def test_a_blank_is_no_row_and_a_zero_is_one(tmp_path: Path) -> None:
    _file(
        tmp_path, "private_dataset/requests_minute", "day_000.csv", "day,time,0,1,2\n0,0,5.0,,0\n0,60,,,\n0,120,,7,\n"
    )
    trace = read(find("huawei-2023/private-requests-minute-day-000", [tmp_path]))
    assert _rows(trace) == [(0.0, "0", 5.0), (0.0, "2", 0.0), (120.0, "1", 7.0)]
    assert (trace.rows_read, trace.family, trace.notes) == (3, "rates", ())
    assert trace.facts == {
        "metric": "requests",
        "unit": "",
        "absent": "unknown",
        "length_s": "60.0",
        "blank_cells": "6",
        "origin_s": "0.0",
    }


def test_time_is_absolute_and_the_day_is_not_added_again(tmp_path: Path) -> None:
    _file(tmp_path, "private_dataset/requests_minute", "day_234.csv", "day,time,3\n234,20303700,1\n234,20303760,2\n")
    trace = read(find("huawei-2023/private-requests-minute-day-234", [tmp_path]))
    assert (trace.table["time_s"].to_pylist(), trace.facts["origin_s"]) == ([0.0, 60.0], "20303700.0")


@pytest.mark.parametrize(
    ("metric", "unit", "value", "length"),
    [
        ("requests_second", "", 2.0, 1.0),
        ("function_delay_second", "s", 2.0, 1.0),
        ("platform_delay_minute", "s", 2.0, 60.0),
        ("cpu_usage_minute", "share of the limit", 2.0, 60.0),
        ("memory_usage_minute", "share of the limit", 2.0, 60.0),
        ("cpu_limit_minute", "normalized", 2.0, 60.0),
        ("memory_limit_minute", "B", 2 * 2.0**20, 60.0),
        ("instances_minute", "", 2.0, 60.0),
    ],
)
def test_each_metric_has_its_unit_and_interval(
    tmp_path: Path, metric: str, unit: str, value: float, length: float
) -> None:
    _file(tmp_path, f"private_dataset/{metric}", "day_007.csv", "day,time,9\n7,604800,2\n")
    trace = read(find(f"huawei-2023/private-{metric.replace('_', '-')}-day-007", [tmp_path]))
    assert (trace.facts["metric"], trace.facts["unit"]) == (metric.rpartition("_")[0], unit)
    assert (trace.table["value"].to_pylist(), trace.table["length_s"].to_pylist()) == ([value], [length])


def test_the_digits_of_the_day_tell_the_clouds_apart_in_folders_and_zip_files(tmp_path: Path) -> None:
    content = "day,time,0\n0,0,1\n"
    _file(tmp_path, "private_dataset/requests_minute", "day_001.csv", content)
    _file(tmp_path, "public_dataset/requests_minute", "day_01.csv", content)
    with zipfile.ZipFile(tmp_path / "huawei-2023" / "requests.zip", "w") as packed:
        packed.writestr("requests_minute/day_002.csv", content)
    assert sorted(available([tmp_path])) == [
        "huawei-2023/private-requests-minute-day-001",
        "huawei-2023/private-requests-minute-day-002",
        "huawei-2023/public-requests-minute-day-01",
    ]
    assert read(find("huawei-2023/private-requests-minute-day-002", [tmp_path])).table.num_rows == 1


def test_a_folder_that_names_no_metric_is_refused(tmp_path: Path) -> None:
    path = _file(tmp_path, "mine", "day_000.csv", "day,time,0\n0,0,1\n")
    with pytest.raises(TraceError) as error:
        read(find(f"huawei-2023:{path}", []))
    assert str(error.value) == (
        f"{path}: its folder 'mine' does not say what the numbers are: call it as the release does, one of requests, "
        "function_delay, platform_delay, cpu_usage, memory_usage, cpu_limit, memory_limit, instances with _minute or _second after it"
    )


@pytest.mark.parametrize(
    ("row", "column", "what", "reason"),
    [
        ("0,60,x,1", "3 (0)", "'x' is not a finite number", "0: not a finite number"),
        ("0,60,1,-2", "4 (1)", "'-2': negative number", "1: negative number"),
        ("0,,1,2", "2 (time)", "'': blank", "time: blank"),
    ],
)
def test_a_bad_row_is_refused_with_its_place_or_dropped_whole(
    tmp_path: Path, row: str, column: str, what: str, reason: str
) -> None:
    path = _file(
        tmp_path, "private_dataset/requests_minute", "day_000.csv", f"day,time,0,1\n0,0,1,2\n{row}\n0,120,3,\n"
    )
    found = find("huawei-2023/private-requests-minute-day-000", [tmp_path])
    with pytest.raises(TraceError) as error:
        read(found)
    assert str(error.value) == f"{path}, line 3, column {column}: {what}"
    trace = read(found, "drop")
    assert _rows(trace) == [(0.0, "0", 1.0), (0.0, "1", 2.0), (120.0, "0", 3.0)]
    assert (trace.rows_read, trace.dropped, trace.facts["blank_cells"]) == (3, {reason: 1}, "1")


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("day,time", "no column but day, time: expected one for each function"),
        ("day,0,1", "no column 'time'; the header is 'day,0,1', needed are 'time', '0', '1'"),
        ("day,time,0,0", "two columns '0'; the header is 'day,time,0,0', needed are 'time', '0'"),
    ],
)
def test_a_header_without_times_or_functions_is_refused(tmp_path: Path, header: str, message: str) -> None:
    path = _file(tmp_path, "private_dataset/requests_minute", "day_000.csv", f"{header}\n0,0,1\n")
    with pytest.raises(TraceError) as error:
        read(find("huawei-2023/private-requests-minute-day-000", [tmp_path]))
    assert str(error.value) == f"{path}, line 1: {message}"


def test_a_wide_file_of_blanks_only_has_no_rows(tmp_path: Path) -> None:
    path = _file(tmp_path, "private_dataset/requests_minute", "day_000.csv", "day,time,0\n0,0,\n")
    with pytest.raises(TraceError) as error:
        read(find("huawei-2023/private-requests-minute-day-000", [tmp_path]))
    assert str(error.value) == f"{path}: the file has a header and no rows"


@pytest.mark.parametrize(
    ("cell", "item", "first", "last"),
    [
        ("private_cell10", "private/requests_minute/day_000", (0.0, "4", 6.0), (20303940.0, "199", 17.0)),
        ("private_cell17", "private/cpu_usage_minute/day_000", (0.0, "4", 0.003), (20303940.0, "199", 0.001)),
        ("private_cell18", "private/cpu_limit_minute/day_000", (0.0, "4", 0.45), (20303940.0, "199", 1.95)),
        ("private_cell19", "private/instances_minute/day_000", (0.0, "6", 1.0), (20303940.0, "199", 1.0)),
        ("private_cell6", "private/requests_second/day_000", (0.0, "28", 816.0), (20303999.0, "164", 1346.0)),
        ("public_cell6", "public/requests_minute/day_00", (0.0, "3", 6772.0), (2246340.0, "6", 2826.0)),
    ],
)
def test_the_published_corners_read_as_printed(
    tmp_path: Path, cell: str, item: str, first: tuple[float, str, float], last: tuple[float, str, float]
) -> None:
    excerpt = published("huawei-2023") / "huawei-2023" / f"notebook_excerpt_demo_{cell}.csv"
    with excerpt.open(encoding="utf-8", newline="") as file:
        printed = list(csv.reader(file))
    kept = [place for place, name in enumerate(printed[0]) if name != "..."]  # columns the notebook did not print
    cloud, metric, day = item.split("/")
    lines = [",".join(row[place] for place in kept) for row in printed]
    _file(tmp_path, f"{cloud}_dataset/{metric}", f"{day}.csv", "\n".join(lines) + "\n")
    trace = read(find(f"huawei-2023/{item.replace('/', '-').replace('_', '-')}", [tmp_path]))
    given_out = _rows(trace)
    filled = sum(field != "" for line in lines[1:] for field in line.split(",")[2:])
    assert (trace.rows_read, len(given_out)) == (10, filled)
    assert (given_out[0], given_out[-1]) == (first, last)
