"""Metrics of function platforms, from tables written by hand and against slow sums over the rows of runs."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import simtier
from simtier.journal import schema
from simtier.metrics import reading
from simtier.metrics.platforms import platform_metrics
from simtier.models.serverless.spec import COMPONENTS
from simtier.models.tables import TABLES

NAN = math.nan
FREE = {
    "per_request": 0.0,
    "per_memory_time": 0.0,
    "granularity": 0.001,
    "least": 0.0,
    "bill_starts": False,
    "provisioned": 0.0,
    "idle_cost": 0.0,
}
LAYOUT = {"platforms": {"p": {"on": ["n"], "provisioned_bytes": 0.0, "price": FREE}}}


def write(folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    """Write a table; what a row does not say is 0 or empty."""
    blank = {column.name: "" if column.kind == "text" else 0 for column in TABLES[name].columns}
    whole = [{"replication": 0, **blank, "service": "p", **row} for row in rows]
    pq.write_table(pa.Table.from_pylist(whole, schema=schema(TABLES[name])), folder / f"{name}.parquet")


def start(replica: int, began_s: float, ready_s: float, request: int = -1, **more: Any) -> dict[str, Any]:
    parts = {"initialising_s": ready_s - began_s} if ready_s == ready_s else {}  # noqa: PLR0124 - NaN differs from itself
    return {
        "replica": replica,
        "function": "f",
        "began_s": began_s,
        "ready_s": ready_s,
        "request": request,
        **parts,
        **more,
    }


def state(replica: int, name: str, start_s: float, end_s: float, memory: float = 100.0, **more: Any) -> dict[str, Any]:
    times = {"start_s": start_s, "end_s": end_s}
    return {"replica": replica, "function": "f", "state": name, "memory_bytes": memory, **times, **more}


def visit(request: int, replica: int, kind: str, *times: float, **more: Any) -> dict[str, Any]:
    sent_s, started_s, finished_s = times
    where = {"request": request, "replica": replica, "part": "f", "start": kind, "batch": 1}
    when = {"sent_s": sent_s, "routed_s": started_s, "queued_s": started_s, "started_s": started_s}
    return {**where, **when, "finished_s": finished_s, **more}


def history(folder: Path) -> None:
    """Write a short history with the window from 10 to 110 s.

    Instance 0 began in the warm-up. Instance 1 took 4 s (1 s allocating) and was of use from 24 to 30 s; 2 was started ahead and never
    used; 3 was called off; 4 starts at the end; 5 is provisioned: no start of it is written.
    """
    write(
        folder,
        "starts",
        [
            start(0, 1, 3, 0),
            start(1, 20, 24, 1, initialising_s=3, allocating_s=1),
            start(2, 40, 42),
            start(3, 50, NAN),
            start(4, 108, NAN),
        ],
    )
    write(
        folder,
        "replicas",
        [
            state(0, "initialising", 1, 3),
            state(0, "busy", 3, 12),
            state(0, "idle", 12, 22),
            state(0, "evicted", 22, 22),
            state(1, "allocating", 20, 21),
            state(1, "initialising", 21, 24),
            state(1, "busy", 24, 27),
            state(1, "idle", 27, 28),
            state(1, "busy", 28, 30),
            state(1, "idle", 30, 70),
            state(1, "idle", 70, 80, 40),
            state(1, "expired", 80, 80, 40),
            state(2, "initialising", 40, 42),
            state(2, "idle", 42, 110),
            state(3, "initialising", 50, 51),
            state(3, "expired", 51, 51),
            state(4, "initialising", 108, 110),
            state(5, "idle", 0, 110, 500, function="g"),
            state(-1, "unplaced", 5, 5, 0),
            state(-1, "unplaced", 60, 60, 0),
            state(-1, "capped", 61, 61, 0),
        ],
    )
    write(
        folder,
        "stages",
        [
            visit(0, 0, "cold", 1, 3, 12),
            visit(1, 1, "cold", 20, 24, 27),
            visit(2, 1, "warm", 28, 28, 30),
            visit(3, 5, "warm", 109, 109, NAN, part="g"),
            {
                "request": 4,
                "replica": -1,
                "sent_s": 90,
                "finished_s": 95,
                "routed_s": NAN,
                "queued_s": NAN,
                "started_s": NAN,
            },
        ],
    )


def test_each_number_is_what_its_definition_says_of_a_history_written_by_hand(tmp_path: Path) -> None:
    history(tmp_path)
    [found] = platform_metrics(tmp_path, LAYOUT, [(10.0, 110.0)])
    got = found["p"]
    assert (got["served"], got["cold"], got["warm"], got["cold_ratio"]) == (2, 1, 2, pytest.approx(1 / 3))
    assert (got["starts"], got["starts_ahead"], got["starts_called_off"]) == (4, 1, 1)
    assert got["cold_start_s"] == pytest.approx({"mean": 3, "p50": 3, "p90": 3.8, "p99": 3.98, "max": 4})
    others = dict.fromkeys(COMPONENTS, 0.0)
    assert got["component_s"] == pytest.approx(others | {"allocating": 0.5, "initialising": 2.5})
    assert got["component_share"] == pytest.approx(others | {"allocating": 1 / 6, "initialising": 5 / 6})
    assert got["utility"] == pytest.approx({"p50": 0.75, "below_1": 0.5})  # 6 s over 4 s, and 0 for the one nobody used
    assert got["instances"] == pytest.approx(
        {"starting": (4 + 2 + 1 + 2) / 100, "idle": (10 + 1 + 40 + 10 + 68 + 100) / 100, "busy": (2 + 3 + 2) / 100}
    )
    memory = {"starting_byte_s": 900, "idle_byte_s": 100 * (10 + 1 + 40 + 68) + 40 * 10 + 500 * 100, "busy_byte_s": 700}
    assert got["memory"] == pytest.approx({**memory, "wasted_share": 62300 / 63900})
    assert {key: got[key] for key in ("expired", "evicted", "reused", "unplaced", "capped")} == {
        "expired": 1,
        "evicted": 1,
        "reused": 0,
        "unplaced": 1,
        "capped": 1,
    }
    assert (got["mean_wait_s"], got["mean_service_s"]) == (2.0, 2.5)
    assert (got["cost_usd"], got["cost_per_million_usd"], got["idle_cost_usd"]) == (0.0, 0.0, 0.0)


def test_the_bill_has_the_memory_of_the_whole_function_and_the_start_of_the_first_request_only(tmp_path: Path) -> None:
    history(tmp_path)
    price = FREE | {
        "per_request": 7.0,
        "per_memory_time": 1.0,
        "granularity": 2.0,
        "provisioned": 0.5,
        "idle_cost": 0.1,
    }
    layout = {"platforms": {"p": {"provisioned_bytes": 500.0, "price": price}}}
    provisioned = 0.5 * 500 * 100
    [found] = platform_metrics(tmp_path, layout, [(10.0, 110.0)])
    assert found["p"]["cost_usd"] == 2 * 7 + 100 * (4 + 2) + provisioned  # 3 s are two units of 2 s
    assert found["p"]["cost_per_million_usd"] == found["p"]["cost_usd"] / 2 * 1e6
    assert found["p"]["idle_cost_usd"] == pytest.approx(0.1 * 62300)
    layout["platforms"]["p"]["price"] = price | {"bill_starts": True, "least": 5.0}
    [found] = platform_metrics(tmp_path, layout, [(10.0, 110.0)])
    assert found["p"]["cost_usd"] == 2 * 7 + 100 * (8 + 6) + provisioned  # 4 s of the start and 3 s; 5 s at least


def test_a_platform_that_nobody_called_has_no_means_and_no_bill(tmp_path: Path) -> None:
    for name in ("starts", "replicas", "stages"):
        write(tmp_path, name, [])
    [found] = platform_metrics(tmp_path, LAYOUT, [(0.0, 10.0)])
    got = found["p"]
    assert (got["served"], got["cold"], got["starts"], got["cost_usd"]) == (0, 0, 0, 0.0)
    for value in (got["cold_ratio"], got["mean_wait_s"], got["cost_per_million_usd"], got["memory"]["wasted_share"]):
        assert value is None
    assert set(got["cold_start_s"].values()) == {None}
    assert set(got["component_share"].values()) == {None}
    assert set(got["utility"].values()) == {None}


def test_a_start_that_takes_no_time_has_no_utility(tmp_path: Path) -> None:
    write(tmp_path, "starts", [start(0, 1, 1, 0)])
    write(tmp_path, "replicas", [state(0, "busy", 1, 2)])
    write(tmp_path, "stages", [visit(0, 0, "cold", 1, 1, 2)])
    [found] = platform_metrics(tmp_path, LAYOUT, [(0.0, 10.0)])
    assert found["p"]["cold_start_s"]["mean"] == 0.0
    assert found["p"]["component_share"] == dict.fromkeys(COMPONENTS)
    assert found["p"]["utility"] == {"p50": None, "below_1": None}


CROWDED = """
name: crowded
run: {duration: 20 min, warmup: 2 min, seed: 3, replications: 3}
nodes: {worker: {tier: cloud, cores: 8, memory: 832 MiB}, client: {tier: edge, cores: 1}}
links: {net: {from: client, to: worker, latency: 1 ms}}
platforms:
  p:
    on: worker
    cold_start: {model: given, allocating: {distribution: exponential, mean: 300 ms}, initialising: 200 ms}
    functions:
      f: {memory: 256 MiB, provisioned: 1}
      g: {memory: 384 MiB}
      h: {memory: 128 MiB, concurrency: 3}
    price: {per_request: 2e-7 USD, per_memory_time: 1.66667e-5 USD/GiB/s, granularity: 100 ms, bill_starts: true}
  q: {on: worker, cold_start: 1 s, functions: {f: {memory: 64 MiB}}}
services: {front: {on: worker, replicas: 1, concurrency: 8}}
apps:
  a: {stages: {w: {service: front, time: 1 ms}, s: {service: p, function: f, time: {distribution: exponential, mean: 200 ms}}}}
  b: {stages: {s: {service: p, function: g, time: 800 ms}, t: {service: p, function: h, time: {distribution: exponential, mean: 1 s}}}}
  c: {timeout: 2 s, stages: {s: {service: q, function: f, time: {distribution: exponential, mean: 1 s}}}}
workloads:
  a: {app: a, from: client, arrivals: {process: poisson, rate: 0.3 /s}}
  b: {app: b, from: client, arrivals: {process: poisson, rate: 0.1 /s}}
  c: {app: c, from: client, arrivals: {process: poisson, rate: 0.05 /s}}
policies: {keep_alive: {use: fixed, idle: 30 s}}
"""


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> simtier.Result:
    """Two platforms that share a node too small for them, three replications."""
    folder = tmp_path_factory.mktemp("crowded")
    (folder / "scenario.yaml").write_text(CROWDED, encoding="utf-8")
    return simtier.run(simtier.Scenario.load(folder / "scenario.yaml"), out=folder / "result")


def rows_of(result: simtier.Result, table: str, replication: int, platform: str) -> list[dict[str, Any]]:
    frame: pd.DataFrame = result.table(table)
    return frame[(frame["replication"] == replication) & (frame["service"] == platform)].to_dict("records")


def slow_bill(result: simtier.Result, replication: int, memory: dict[str, int], window: tuple[float, float]) -> float:
    """Return the bill of platform p in whole units of 100 ms, request by request."""
    awaited = {
        (row["request"], row["replica"]): row["ready_s"] - row["began_s"]
        for row in rows_of(result, "starts", replication, "p")
    }
    dollars = 0.0
    for row in rows_of(result, "stages", replication, "p"):
        if not window[0] <= row["started_s"] < window[1] or math.isnan(row["finished_s"]):
            continue
        took_s = row["finished_s"] - row["started_s"]
        took_s += awaited.get((row["request"], row["replica"]), 0.0) if row["start"] == "cold" else 0.0
        units = math.ceil(round(took_s * 10, 9))
        dollars += 2e-7 + units * 0.1 * memory[row["part"]] / 1024 * 1.66667e-5
    return dollars


def test_the_summary_is_what_slow_sums_over_the_rows_give(crowded: simtier.Result) -> None:
    window = (120.0, 1200.0)
    found = platform_metrics(crowded.directory, crowded.document["layout"], [window] * 3)
    for replication, metrics in enumerate(found):
        assert metrics["p"]["evicted"] > 0
        for platform in ("p", "q"):
            states = rows_of(crowded, "replicas", replication, platform)
            visits = rows_of(crowded, "stages", replication, platform)
            got = metrics[platform]
            ran = [row for row in visits if window[0] <= row["started_s"] < window[1]]
            assert got["cold"] == sum(row["start"] == "cold" for row in ran) > 0
            assert got["cold"] + got["warm"] == len(ran)
            assert got["served"] == sum(not math.isnan(row["finished_s"]) for row in ran)
            kinds = {"idle": ["idle"], "busy": ["busy", "draining"], "starting": list(COMPONENTS)}
            for kind, names in kinds.items():
                inside = [
                    (max(0.0, min(row["end_s"], window[1]) - max(row["start_s"], window[0])), row["memory_bytes"])
                    for row in states
                    if row["state"] in names
                ]
                assert got["instances"][kind] == pytest.approx(sum(seconds for seconds, _ in inside) / 1080)
                byte_s = sum(seconds * nbytes for seconds, nbytes in inside)
                assert got["memory"][f"{kind}_byte_s"] == pytest.approx(byte_s)
            began = [row for row in rows_of(crowded, "starts", replication, platform) if window[0] <= row["began_s"]]
            took = [row["ready_s"] - row["began_s"] for row in began if not math.isnan(row["ready_s"])]
            assert got["starts"] == len(began)
            assert got["cold_start_s"]["max"] == max(took)
            assert got["cold_start_s"]["mean"] == pytest.approx(sum(took) / len(took))
            assert sum(got["component_s"].values()) == pytest.approx(got["cold_start_s"]["mean"])
        bill = slow_bill(crowded, replication, {"f": 256, "g": 384, "h": 128}, window)
        assert metrics["p"]["cost_usd"] == pytest.approx(bill, rel=1e-12)


def test_counts_are_sums_over_replications_and_the_rest_are_means_with_intervals(crowded: simtier.Result) -> None:
    each = platform_metrics(crowded.directory, crowded.document["layout"], [(120.0, 1200.0)] * 3)
    got = crowded.summary["platforms"]["p"]
    for count in (
        "served",
        "cold",
        "warm",
        "starts",
        "starts_ahead",
        "starts_called_off",
        "expired",
        "evicted",
        "unplaced",
    ):
        assert got[count] == sum(one["p"][count] for one in each)
    assert got["cold_ratio"] == pytest.approx(sum(one["p"]["cold_ratio"] for one in each) / 3)
    assert got["half_width_95"]["cold_ratio"] > 0
    assert got["cold_start_s"]["half_width_95"]["p90"] > 0
    assert got["memory"]["half_width_95"]["idle_byte_s"] > 0
    parts = [part for kind in ("nodes", "links", "services", "platforms") for part in crowded.summary[kind].values()]
    assert crowded.summary["cost_usd"] == pytest.approx(sum(part["cost_usd"] for part in parts))
    assert got["cost_usd"] > 0


def test_how_rows_are_read_changes_nothing(crowded: simtier.Result, monkeypatch: pytest.MonkeyPatch) -> None:
    layout, windows = crowded.document["layout"], [(120.0, 1200.0)] * 3
    whole = platform_metrics(crowded.directory, layout, windows)
    monkeypatch.setattr(reading, "BATCH_ROWS", 17)
    for at_once, in_pieces in zip(whole, platform_metrics(crowded.directory, layout, windows), strict=True):
        assert flat(in_pieces) == pytest.approx(flat(at_once), rel=1e-12)


def flat(metrics: dict[str, Any], before: str = "") -> dict[str, float]:
    """Return all numbers by the path that leads to each."""
    found: dict[str, float] = {}
    for name, value in metrics.items():
        found |= (
            flat(value, f"{before}{name}.")
            if isinstance(value, dict)
            else {}
            if value is None
            else {before + name: value}
        )
    return found


def test_a_scenario_without_platforms_has_none_in_its_summary() -> None:
    plain = {
        "name": "plain",
        "run": {"duration": "10 s", "seed": 1, "replications": 2},
        "nodes": {"n": {"tier": "edge", "cores": 1}},
        "services": {"s": {"on": "n"}},
        "apps": {"a": {"stages": {"s": {"service": "s", "time": "10 ms"}}}},
        "workloads": {"w": {"app": "a", "from": "n", "arrivals": {"process": "poisson", "rate": "5 /s"}}},
    }
    assert simtier.run(simtier.Scenario.from_dict(plain)).summary["platforms"] == {}
