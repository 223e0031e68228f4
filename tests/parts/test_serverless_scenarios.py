"""The shipped scenarios of function platforms: the traces that drive them, and what they are there to show."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simtier import Scenario, run
from simtier.traces import available, find, read

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "traces"
REGIONS = ("R1", "R2", "R3", "R4", "R5")


def functions_of(name: str, directory: Path) -> Any:
    """Return the table of functions beside a trace."""
    return find(name, [directory]).functions()


def summary(folder: Path, name: str, *changes: str) -> dict[str, Any]:
    """Return the summary of a shipped scenario on the shipped traces, one replication."""
    loaded = Scenario.load(ROOT / "scenarios" / f"{name}.yaml", ["run.replications=1", "run.samples=0", *changes])
    found: dict[str, Any] = run(loaded, out=folder / name, traces=[SHIPPED]).summary
    return found


@pytest.mark.parametrize("region", REGIONS)
def test_the_counts_of_a_region_are_its_column_of_all(region: str) -> None:
    every = read(find("huawei-2025/cold-starts-per-minute", [SHIPPED])).table.to_pandas()
    one = read(find(f"huawei-2025/{region}-cold-starts-per-minute", [SHIPPED]))
    mine = every[every["series"] == region]
    assert len(mine) == one.table.num_rows == 2 * 1440
    assert one.table["time_s"].to_pylist() == mine["time_s"].tolist()
    assert one.table["value"].to_pylist() == mine["value"].tolist()


@pytest.mark.parametrize("region", REGIONS)
def test_the_published_counts_of_a_region_are_its_column_of_all(region: str) -> None:
    """31 days; the sum over the regions is the published number of cold starts."""
    named = [Path(part) for part in os.environ.get("SIMTIER_TRACES", "").split(os.pathsep) if part]
    if f"huawei-2025/{region}-cold-starts-per-minute" not in available(named):
        pytest.skip("SIMTIER_TRACES does not name a directory with the counts of Huawei 2025")
    every = read(find("huawei-2025/cold-starts-per-minute", named)).table
    one = read(find(f"huawei-2025/{region}-cold-starts-per-minute", named)).table
    assert sum(every["value"].to_pylist()) == 11_913_857
    assert one.num_rows == 44_640
    published = {"R1": 7_107_399, "R2": 2_072_823, "R3": 308_605, "R4": 1_619_285, "R5": 805_745}
    assert sum(one["value"].to_pylist()) == published[region]


def test_every_function_that_calls_come_from_is_in_the_table_beside_them() -> None:
    found = find("huawei-2025/R2-requests-day-00", [SHIPPED])
    called = set(read(found).table["series"].to_pylist())
    table = functions_of(found.name, SHIPPED).to_pandas().set_index("function")
    assert len(called) == len(table) == 80
    assert called == set(table.index)
    assert set(table["memory_bytes"] / 2**20) <= {128, 256, 512, 1024}
    assert (
        0.45 < (table["trigger"] == "TIMER-A").mean() < 0.75
    )  # 60 % published; 80 drawn have a standard error of 5.5 %
    assert 0.45 < (table["runtime"] == "Python3").mean() < 0.8


def test_the_timers_of_the_look_alike_call_in_every_so_many_minutes() -> None:
    found = find("huawei-2025/R2-requests-day-00", [SHIPPED])
    rates, table = read(found).table.to_pandas(), functions_of(found.name, SHIPPED).to_pandas()
    for name in table["function"][table["trigger"] == "TIMER-A"]:
        minutes = rates["time_s"][rates["series"] == name]
        assert len(set(np.diff(minutes))) <= 1, name


def test_of_a_region_without_a_table_nothing_is_told_of_functions(tmp_path: Path) -> None:
    for region in ("R1", "R2"):
        folder = tmp_path / "huawei-2025" / "quantiles" / region / "requests"
        folder.mkdir(parents=True)
        (folder / "day_00.csv").write_text("day,time,1---2---pool22-300-128\n0,0,3\n", encoding="utf-8")
    folder = tmp_path / "huawei-2025" / "runtime_triggerType"
    folder.mkdir()
    (folder / "df_funcID_runtime_triggerType.csv").write_text(
        "funcID,cpu_request,runtime,triggerType-invocationType\n1---2---pool22-300-128,100,Go1.x,APIG-S\n",
        encoding="utf-8",
    )
    assert functions_of("huawei-2025/R1-requests-day-00", tmp_path) is None
    assert functions_of("huawei-2025/R2-requests-day-00", tmp_path)["runtime"].to_pylist() == ["Go1.x"]


def test_timers_started_ahead_of_need_leave_fewer_cold_starts(tmp_path: Path) -> None:
    found = summary(tmp_path, "serverless_cold_starts", "run.duration=2 h")["platforms"]
    assert found["foreseen"]["cold_ratio"] < 0.85 * found["kept"]["cold_ratio"]
    assert found["foreseen"]["starts_ahead"] > 100
    assert found["forecast"]["cold_start_s"]["mean"] < 0.75 * found["stock"]["cold_start_s"]["mean"]


def test_longer_keeping_costs_memory_and_saves_starts(tmp_path: Path) -> None:
    found = summary(tmp_path, "serverless_azure")["platforms"]
    ratios = [found[name]["cold_ratio"] for name in ("forever", "ten_minutes", "scarce_ten_minutes", "at_once")]
    idle = [found[name]["memory"]["idle_byte_s"] for name in ("at_once", "ten_minutes", "forever")]
    assert ratios == sorted(ratios)
    assert idle == sorted(idle)
    assert idle[0] == 0
    assert all(found[name]["evicted"] for name in found if name.startswith("scarce"))
    assert not any(found[name]["evicted"] for name in found if not name.startswith("scarce"))


def test_calls_that_start_cold_gain_by_going_to_the_faster_region_and_warm_ones_lose(tmp_path: Path) -> None:
    """Joosen et al., EuroSys 2025: medians of 2.15 s in R1 and 0.10 s in R3, so 1.8 s to gain after 0.2 s on the way."""
    found = summary(tmp_path, "multi_region", "run.duration=2 h")
    medians = {name: workload["latency_s"]["p50"] for name, workload in found["workloads"].items()}
    assert 1.2 < medians["new_home_1"] - medians["new_offload_1"] < 2.0
    assert medians["new_offload_3"] == pytest.approx(medians["new_home_3"], abs=0.05)
    assert medians["offload"] > medians["home"] + 0.05
    assert found["apps"]["offload"]["latency_s"]["mean"] < found["apps"]["home"]["latency_s"]["mean"] / 2
