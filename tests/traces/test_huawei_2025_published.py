"""Huawei 2025 as published: what the real files say, figure by figure."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from published import published

from simtier.traces import Trace, find, read
from simtier.traces.convert import convert

FOLDER = "huawei-2025-cold-starts"
CORES_ASKED = {
    300: 100,
    400: 125,
    600: 300,
    800: 375,
    1000: 500,
    1200: 625,
    1400: 750,
    1600: 875,
    1800: 1000,
    2200: 1250,
    2600: 1500,
    3000: 1750,
    3400: 2000,
    6600: 4000,
    8200: 5000,
    13000: 6500,
    25800: 12900,
}
"""Limit and request, in millicores, as the release lists them."""


def _published(tmp_path: Path, excerpt: str, name: str) -> None:
    content = (published(FOLDER) / FOLDER / excerpt).read_text(encoding="utf-8")
    path = tmp_path / "huawei-2025" / name
    path.parent.mkdir(parents=True)
    path.write_text(content, encoding="utf-8")


def _read(tmp_path: Path, item: str) -> Trace:
    return read(find(f"huawei-2025/{item}", [tmp_path]))


def test_the_published_rows_of_cold_starts_read_as_printed(tmp_path: Path) -> None:
    _published(tmp_path, "notebook_excerpt_cold_starts_cell6.csv", "cold_start/R1/day_00.csv")
    table = _read(tmp_path, "R1-day-00").table
    assert table["region"].to_pylist() == ["R1"] * 5 + ["R5"] * 5  # the notebook's own column goes before the folder
    parts = sum(
        table[name].to_numpy() for name in ("pod_allocation_s", "deploy_code_s", "deploy_dependency_s", "scheduling_s")
    )
    assert np.abs(table["total_s"].to_numpy() - parts).max() < 1.5e-6
    assert table["time_s"].to_pylist()[-1] == pytest.approx(2678388.616 - 0.104, abs=1e-9)


def test_in_the_published_requests_one_pod_ends_each_after_the_one_before(tmp_path: Path) -> None:
    _published(tmp_path, "notebook_excerpt_requests_R5_cell50.csv", "per_request/R5/part-00000-x-c000.csv")
    trace = _read(tmp_path, "R5-requests-00000")
    last = trace.table.slice(5)
    assert set(last["pod"].to_pylist()) == {"pool22-300-128-0000206093"}
    arrivals, durations = last["arrival_s"].to_numpy(), last["duration_s"].to_numpy()
    pauses = arrivals[1:] - (arrivals + durations)[:-1]
    # The evidence for `time_worker` being the end: read as the begin, these five would overlap by up to 12 ms.
    assert (np.abs(pauses) < 2e-3).all()
    assert trace.table["request_bytes"].to_pylist() == [2.0, 979.0, 979.0, 120.0, 2.0] + [None] * 5


def test_the_published_counts_of_cold_starts_have_the_known_sums_and_dispersion() -> None:
    trace = read(find("huawei-2025/cold-starts-per-minute", [published(FOLDER)]))
    assert (trace.rows_read, trace.table.num_rows, trace.facts["blank_cells"]) == (44_640, 223_200, "0")
    assert (trace.facts["origin_s"], trace.table["time_s"].to_numpy().max()) == ("0.0", 44_639 * 60.0)
    series = np.array(trace.table["series"].to_pylist())
    values = trace.table["value"].to_numpy()
    told = {region: values[series == region] for region in ("R1", "R2", "R3", "R4", "R5")}
    assert [int(told[region].sum()) for region in told] == [7_107_399, 2_072_823, 308_605, 1_619_285, 805_745]
    assert int(values.sum()) == 11_913_857
    assert [int(counts.max()) for counts in told.values()] == [3409, 615, 39, 467, 54]
    assert [round(float(counts.mean()), 1) for counts in told.values()] == [159.2, 46.4, 6.9, 36.3, 18.0]
    assert [round(float(counts.std() / counts.mean()), 3) for counts in told.values()] == [
        0.701,
        0.468,
        0.743,
        0.848,
        0.401,
    ]
    assert [round(float(counts.var() / counts.mean()), 1) for counts in told.values()] == [78.3, 10.2, 3.8, 26.1, 2.9]
    assert [int(np.percentile(counts, 99)) for counts in told.values()] == [506, 124, 21, 171, 37]
    assert int(told["R1"][28 * 1440 : 29 * 1440].sum()) == 239_405
    hourly = {region: counts.reshape(-1, 60).sum(axis=1) for region, counts in told.items()}
    daily = [round(float(np.corrcoef(counts[:-24], counts[24:])[0, 1]), 3) for counts in hourly.values()]
    assert daily == [0.837, 0.733, 0.130, 0.894, 0.954]
    assert [round(31 * 86400 / counts.sum(), 4) for counts in told.values()] == [0.3768, 1.2922, 8.6791, 1.6541, 3.3241]


def test_the_published_counts_are_the_same_once_converted(tmp_path: Path) -> None:
    found = find("huawei-2025/cold-starts-per-minute", [published(FOLDER)])
    convert(found, tmp_path / "huawei-2025" / "cold-starts-per-minute.parquet", "test")
    again, first = read(find("huawei-2025/cold-starts-per-minute", [tmp_path])), read(found)
    assert again.table.equals(first.table)
    assert (again.sha256, again.facts, again.notes) == (first.sha256, first.facts, first.notes)


def test_the_published_table_of_functions_has_the_known_runtimes_triggers_and_pools() -> None:
    table = read(find("huawei-2025/R2-functions", [published(FOLDER)])).table
    runtimes, triggers = Counter(table["runtime"].to_pylist()), Counter(table["trigger"].to_pylist())
    pools, owners = Counter(table["pool"].to_pylist()), set(table["owner"].to_pylist())
    assert (table.num_rows, len(table["function"].unique())) == (2418, 2418)
    assert runtimes == {
        "Python3": 1493,
        "Java": 450,
        "Node.js": 159,
        "Python2": 93,
        "http": 72,
        "Custom": 57,
        "PHP7.3": 38,
        "unknown": 31,
        "Go1.x": 21,
        "C#": 4,
    }
    assert (triggers["TIMER-A"], triggers["APIG-S"], triggers["APIG-S TIMER-A"]) == (1018, 551, 312)
    assert (pools["pool22-300-128"], len(pools), len(owners)) == (2070, 27, 1144)
    independent = published(FOLDER) / FOLDER / "R1_day28_quantiles_thirdparty.json"  # which counted the triggers too
    assert triggers == json.loads(independent.read_text(encoding="utf-8"))["trigger_type_distribution"]


def test_the_published_functions_ask_for_the_cores_that_the_release_lists_for_their_limit() -> None:
    table = read(find("huawei-2025/R2-functions", [published(FOLDER)])).table
    asked = {
        (int(pool.split("-")[-2]), round(1000 * cores))
        for pool, cores in zip(table["pool"].to_pylist(), table["cpu_cores"].to_pylist(), strict=True)
    }
    assert asked == set(CORES_ASKED.items())
    memory = zip(table["pool"].to_pylist(), table["memory_bytes"].to_pylist(), strict=True)
    assert all(size == int(pool.rpartition("-")[2]) * 2**20 for pool, size in memory)
