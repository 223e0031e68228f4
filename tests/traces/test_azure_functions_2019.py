"""Azure Functions 2019: three tables of a day joined, and a table of functions turned into one that goes by time."""

from __future__ import annotations

import gzip
import tarfile
from pathlib import Path

import pytest
from published import published

from simtier.errors import TraceError
from simtier.traces import Trace, available, find, find_all, read

MIB = 2.0**20
RATES = "invocations_per_function_md.anon.d02.csv"
DURATIONS = "function_durations_percentiles.anon.d02.csv"
MEMORY = "app_memory_percentiles.anon.d02.csv"
DURATION_HEAD = "HashOwner,HashApp,HashFunction,Average,Count,Minimum,Maximum," + ",".join(
    f"percentile_Average_{p}" for p in (0, 1, 25, 50, 75, 99, 100)
)
MEMORY_HEAD = "HashOwner,HashApp,SampleCount,AverageAllocatedMb," + ",".join(
    f"AverageAllocatedMb_pct{p}" for p in (1, 5, 25, 50, 75, 95, 99, 100)
)


def _minutes(**counts: int) -> str:
    return ",".join(str(counts.get(f"m{minute}", 0)) for minute in range(1, 1441))


def _rates_file(*rows: str) -> str:
    header = ",".join(["HashOwner", "HashApp", "HashFunction", "Trigger", *map(str, range(1, 1441))])
    return "\n".join([header, *rows]) + "\n"


def _folder(tmp_path: Path, **files: str) -> Path:
    folder = tmp_path / "azure-functions-2019"
    folder.mkdir(exist_ok=True)
    for kind, content in files.items():
        name = {"rates": RATES, "durations": DURATIONS, "memory": MEMORY}[kind]
        (folder / name).write_text(content, encoding="utf-8")
    return folder


@pytest.fixture
def day(tmp_path: Path) -> Path:
    """Make a day: `f` and `g` in one application, `h` without durations, `k` without minutes, `g` with a negative average."""
    _folder(
        tmp_path,
        rates=_rates_file(
            f"o,a,f,http,{_minutes(m1=2, m3=1)}",
            f"o,a,g,timer,{_minutes(m1=1)}",
            f"o,b,h,queue,{_minutes(m1440=70000)}",
        ),
        durations=f"{DURATION_HEAD}\n"
        "o,a,f,100,3,0.0,2595.0,0,1,20,50,70.5,99,2595.0\n"
        "o,a,g,-7,1,-7.0,5.0,-7,1,2,3,4,5,6\n"
        "o,c,k,8,9.0,1,20,1,1,2,8,9,19,20\n",
        memory=f"{MEMORY_HEAD}\no,a,2386,145.5,108.0,133,142,144,150,160,168,171\n",
    )
    return tmp_path


def _rows(trace: Trace) -> list[tuple[float, str, float]]:
    table = trace.table
    return list(zip(table["time_s"].to_pylist(), table["series"].to_pylist(), table["value"].to_pylist(), strict=True))


def test_a_days_counts_go_by_time_and_zeros_are_no_rows(day: Path) -> None:
    trace = read(find("azure-functions-2019/d02", [day]))
    assert _rows(trace) == [(0.0, "f", 2.0), (0.0, "g", 1.0), (120.0, "f", 1.0), (86340.0, "h", 70000.0)]
    assert set(trace.table["length_s"].to_pylist()) == {60.0}
    assert (trace.family, trace.rows_read, trace.dropped, trace.notes) == ("rates", 3, {}, ())
    assert trace.facts == {
        "origin_s": "86400.0",
        "metric": "requests",
        "unit": "",
        "absent": "zero",
        "zero_cells": str(3 * 1440 - 4),
        "length_s": "60.0",
    }


def test_time_starts_at_the_first_minute_of_the_file_not_at_the_first_count(tmp_path: Path) -> None:
    folder = tmp_path / "azure-functions-2019" / "invitro_extremes"
    folder.mkdir(parents=True)
    (folder / "invocations.csv").write_text(
        "HashOwner,HashApp,HashFunction,Trigger,542,541\no,a,f,http,5,0\n", encoding="utf-8"
    )
    found = find("azure-functions-2019/invitro-extremes", [tmp_path])
    trace = read(found)
    assert (_rows(trace), trace.facts["origin_s"]) == ([(60.0, "f", 5.0)], repr(540 * 60.0))
    assert trace.notes == ("the file does not say of which day it is: origin_s counts from the start of its day",)
    assert found.functions() is None


def test_functions_join_durations_memory_of_the_application_and_trigger(day: Path) -> None:
    trace = read(find("azure-functions-2019/d02-functions", [day]))
    f, g, k, h = trace.table.to_pylist()
    assert [row["function"] for row in (f, g, k, h)] == ["f", "g", "k", "h"]
    assert (f["owner"], f["app"], f["trigger"], f["invocations"]) == ("o", "a", "http", 3)
    assert (f["duration_mean_s"], f["duration_p75_s"], f["duration_p100_s"]) == (0.1, 0.0705, 2.595)
    assert (f["memory_bytes"], f["memory_p1_bytes"], f["memory_p100_bytes"]) == (145.5 * MIB, 108 * MIB, 171 * MIB)
    assert (g["trigger"], g["memory_bytes"]) == ("timer", f["memory_bytes"])
    assert (k["trigger"], k["memory_bytes"], k["duration_mean_s"]) == (None, None, 0.008)
    assert (h["trigger"], h["app"], h["duration_mean_s"], h["invocations"]) == ("queue", "b", None, None)
    assert "1 functions have durations and no minutes, 1 have minutes and no durations" in trace.notes


def test_negative_averages_become_null_and_are_counted(day: Path) -> None:
    trace = read(find("azure-functions-2019/d02-functions", [day]))
    g = trace.table.to_pylist()[1]
    assert (g["duration_mean_s"], g["duration_p0_s"], g["duration_p1_s"]) == (None, None, 0.001)
    assert "2 negative durations, a known fault of the release, are null" in trace.notes


def test_the_table_of_functions_is_found_from_the_rates(day: Path) -> None:
    functions = find("azure-functions-2019/d02", [day]).functions()
    assert functions is not None
    assert functions.equals(read(find("azure-functions-2019/d02-functions", [day])).table)


def test_a_pattern_of_days_means_the_counts_not_the_tables_of_functions(day: Path) -> None:
    assert [found.name for found in find_all("azure-functions-2019/d*", [day])] == ["azure-functions-2019/d02"]
    tables = find_all("azure-functions-2019/*-functions", [day])
    assert [found.name for found in tables] == ["azure-functions-2019/d02-functions"]


def test_the_last_two_days_have_no_memory_and_it_is_said(day: Path) -> None:
    (day / "azure-functions-2019" / MEMORY).unlink()
    trace = read(find("azure-functions-2019/d02-functions", [day]))
    assert trace.table["memory_bytes"].null_count == trace.table.num_rows
    assert "no table of memory lies beside it (d13 and d14 have none): memory is not known" in trace.notes


def test_durations_alone_have_no_triggers_and_it_is_said(day: Path) -> None:
    (day / "azure-functions-2019" / RATES).unlink()
    trace = read(find("azure-functions-2019/d02-functions", [day]))
    assert (trace.table.num_rows, trace.table["trigger"].null_count) == (3, 3)
    assert "no table of invocations lies beside it: triggers are not known" in trace.notes


def test_a_hash_under_two_applications_is_called_by_all_three_in_both_tables(tmp_path: Path) -> None:
    _folder(
        tmp_path,
        rates=_rates_file(*(f"{app},http,{_minutes(m1=1)}" for app in ("o,a,f", "o,b,f", "o,b,g"))),
        durations=f"{DURATION_HEAD}\no,b,f,1,1,1,1,1,1,1,1,1,1,1\no,z,g,1,1,1,1,1,1,1,1,1,1,1\n",
    )
    trace = read(find("azure-functions-2019/d02", [tmp_path]))
    assert trace.table["series"].to_pylist() == ["o/a/f", "o/b/f", "g"]
    assert trace.notes == ("2 rows bear the HashFunction of another function: called owner/application/function",)
    functions = find("azure-functions-2019/d02", [tmp_path]).functions()
    assert functions is not None
    assert functions["function"].to_pylist() == ["o/b/f", "o/z/g", "o/a/f", "g"]


def test_a_function_with_two_rows_keeps_both_counts(tmp_path: Path) -> None:
    rows = (f"o,a,f,http,{_minutes(m1=1)}", f"o,a,f,timer,{_minutes(m1=4)}")
    _folder(tmp_path, rates=_rates_file(*rows))
    trace = read(find("azure-functions-2019/d02", [tmp_path]))
    assert _rows(trace) == [(0.0, "f", 1.0), (0.0, "f", 4.0)]
    assert trace.notes == ("1 rows are of a function that has a row already: counts of both are given out, unmerged",)


def test_ints_and_floats_mix_but_a_count_is_whole(day: Path) -> None:
    path = day / "azure-functions-2019" / RATES
    path.write_text(_rates_file(f"o,a,f,http,{_minutes(m1=3)}").replace(",3,", ",3.0,"), encoding="utf-8")
    assert _rows(read(find("azure-functions-2019/d02", [day]))) == [(0.0, "f", 3.0)]


@pytest.mark.parametrize("packed", ["gz", "tar.xz"])
def test_packed_days_are_read_in_place(day: Path, packed: str) -> None:
    folder = day / "azure-functions-2019"
    plain = (
        read(find("azure-functions-2019/d02", [day])).table,
        read(find("azure-functions-2019/d02-functions", [day])).table,
    )
    files = list(folder.iterdir())
    if packed == "tar.xz":
        with tarfile.open(folder / "azurefunctions-dataset2019.tar.xz", "w:xz") as archive:
            for file in files:
                archive.add(file, f"dataset/{file.name}")
    else:
        for file in files:
            (folder / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
    for file in files:
        file.unlink()
    assert sorted(available([day])) == ["azure-functions-2019/d02", "azure-functions-2019/d02-functions"]
    for item, table in zip(("d02", "d02-functions"), plain, strict=True):
        assert read(find(f"azure-functions-2019/{item}", [day])).table.equals(table)


def test_a_file_of_ones_own_is_told_by_its_name(day: Path) -> None:
    folder = day / "azure-functions-2019"
    assert read(find(f"azure-functions-2019:{folder / RATES}", [])).family == "rates"
    assert read(find(f"azure-functions-2019:{folder / DURATIONS}", [])).family == "functions"


@pytest.mark.parametrize(
    ("bad", "column", "what", "reason"),
    [
        ("x", "5 (1)", "'x' is not a finite number", "1: not a finite number"),
        ("1.5", "5 (1)", "'1.5' is not a whole number", "1: not a whole number"),
        ("-1", "5 (1)", "'-1': negative number", "1: negative number"),
        ("", "5 (1)", "'': blank", "1: blank"),
    ],
)
def test_a_bad_count_is_refused_with_its_place_or_its_row_dropped(
    tmp_path: Path, bad: str, column: str, what: str, reason: str
) -> None:
    rows = (f"o,a,f,http,{_minutes(m2=1)}", f"o,a,g,http,{bad}{_minutes()[1:]}")
    path = _folder(tmp_path, rates=_rates_file(*rows)) / RATES
    with pytest.raises(TraceError) as error:
        read(find("azure-functions-2019/d02", [tmp_path]))
    assert str(error.value) == f"{path}, line 3, column {column}: {what}"
    trace = read(find("azure-functions-2019/d02", [tmp_path]), "drop")
    assert (_rows(trace), trace.rows_read, trace.dropped) == ([(60.0, "f", 1.0)], 2, {reason: 1})


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("HashOwner,HashApp,HashFunction,Trigger", "line 1: no column for a minute: expected columns named 1 to 1440"),
        ("HashFunction,Trigger,1,1441", "line 1: column '1441' is no minute of a day: expected 1 to 1440"),
        ("HashFunction,Trigger,1,01", "line 1: column '01' is no minute of a day: expected 1 to 1440"),
        ("HashFunction,Trigger,\u0661", "line 1: column '\u0661' is no minute of a day: expected 1 to 1440"),
        (
            f"HashFunction,{'9' * 5000}",
            f"line 1: column {'9' * 60!r}... (5000 characters) is no minute of a day: expected 1 to 1440",
        ),
        ("HashOwner,Trigger,1", "line 1: no column 'HashFunction'; the header is 'HashOwner,Trigger,1', needed are "),
    ],
)
def test_a_header_without_minutes_or_functions_is_refused(tmp_path: Path, header: str, message: str) -> None:
    path = _folder(tmp_path, rates=f"{header}\n") / RATES
    with pytest.raises(TraceError) as error:
        read(find("azure-functions-2019/d02", [tmp_path]))
    assert str(error.value).startswith(f"{path}, {message}")


def test_text_in_a_duration_is_refused_or_dropped_and_a_second_row_is_counted(day: Path) -> None:
    path = day / "azure-functions-2019" / DURATIONS
    path.write_text(
        f"{DURATION_HEAD}\no,a,f,1,1,1,1,1,1,1,1,1,1,1\no,a,g,slow,1,1,1,1,1,1,1,1,1,1\no,a,f,2,1,1,1,1,1,1,1,1,1,1\n",
        encoding="utf-8",
    )
    with pytest.raises(TraceError) as error:
        read(find("azure-functions-2019/d02-functions", [day]))
    assert str(error.value) == f"{path}, line 3, column 4 (Average): 'slow' is not a finite number"
    trace = read(find("azure-functions-2019/d02-functions", [day]), "drop")
    assert trace.dropped == {"Average: not a finite number": 1, "second row of a function": 1}
    assert trace.table["duration_mean_s"].to_pylist() == [0.001, None, None]


def test_the_published_extremes_have_counts_1_1_and_46() -> None:
    found = find("azure-functions-2019/invitro-extremes", [published("azure-functions-2019")])
    trace = read(found)
    sums: dict[str, float] = {}
    for _, series, value in _rows(trace):
        sums[series[:4]] = sums.get(series[:4], 0) + value
    assert sums == {"4dd1": 46, "f862": 1, "fdd2": 1}
    functions = found.functions()
    assert functions is not None
    told = {row["function"][:4]: row for row in functions.to_pylist()}
    assert {name: row["trigger"] for name, row in told.items()} == {"fdd2": "timer", "f862": "http", "4dd1": "http"}
    assert told["fdd2"]["duration_mean_s"] == 93.983
    assert told["4dd1"]["memory_bytes"] == pytest.approx(48.333333333333336 * MIB)


def test_the_published_ten_functions_are_joined_without_owner_and_application() -> None:
    found = find("azure-functions-2019/freyr-10-functions", [published("azure-functions-2019")])
    assert (read(found).rows_read, read(found).table.num_rows) == (10, 211)
    functions = found.functions()
    assert functions is not None
    first = functions.to_pylist()[0]
    assert (first["function"], first["owner"], first["trigger"]) == ("dh", None, "orchestration")
    assert (first["duration_mean_s"], first["memory_bytes"]) == (62.927, 185 * MIB)
