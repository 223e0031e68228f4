"""Scenarios that replay traces, traces to replay, and what is expected of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from playing import Data, Memory, Played, load

import simtier
from simtier.journal import Journal
from simtier.models.tables import TABLES
from simtier.streams import Streams
from simtier.traces import find, read, search_directories
from simtier.traces.replay import Replay
from simtier.world import World
from simtier.world.traces import TraceShelf

CONV = "azure-llm-2023/conv"
TOKENS = {"distribution": "traced", "base": "30 ms", "per_input_token": "0.1 ms", "per_output_token": "5 ms"}
DURATION = {"distribution": "traced", "base": "10 ms", "duration": 1}


def pool(workload: Mapping[str, Any], time: Any = "1 ms", **parts: Any) -> dict[str, Any]:
    """Return a scenario whose requests all find a free slot on a node of speed 1, of one stage unless `stages` are given."""
    stage = {"service": "pool", "time": time, **parts.get("stage", {})}
    return {
        "name": "replayed",
        "run": {"duration": "1 h", "drain": "1 h", "samples": 0, **parts.get("run", {})},
        "nodes": {"gate": {"tier": "edge", "cores": 64, "count": parts.get("sources", 1)},
                  "site": {"tier": "cloud", "cores": 64, **parts.get("site", {})}},
        "links": {"wire": {"from": "gate", "to": "site", "latency": "0 s"}},
        "services": {"pool": {"on": "site", "cores": 64, "concurrency": 10_000, **parts.get("service", {})}},
        "apps": {"ask": {"stages": parts.get("stages", {"serve": stage}), **parts.get("app", {})}},
        "workloads": {"asks": {"app": "ask", "from": "gate", **workload}},
        "policies": parts.get("policies", {}),
    }  # fmt: skip


def own(folder: Path, rows: Mapping[str, Any], name: str = "own.csv") -> str:
    """Write a trace of one's own and return its name."""
    pd.DataFrame(rows).to_csv(folder / name, index=False)
    return f"own:{folder / name}"


def llm(folder: Path, rows: int = 2000, seed: int = 3, name: str = "own.csv") -> str:
    rng = np.random.default_rng(seed)
    times = np.round(np.cumsum(rng.exponential(0.5, rows)), 3)
    return own(
        folder,
        {"arrival_s": times - times[0], "input_tokens": rng.integers(1, 900, rows), "output_tokens": rng.integers(1, 90, rows)},
        name,
    )  # fmt: skip


def play(data: Data, replication: int = 0, shelf: TraceShelf | None = None) -> Played:
    scenario = load(data)
    sink = Memory()
    journal = Journal(TABLES, sink, replication)
    world = World(scenario, journal, Streams(scenario.run.seed, replication), shelf or TraceShelf())
    world.play(lambda: False)
    world.close()
    return Played(sink, world, journal.fingerprint())


def trace(name: str) -> pd.DataFrame:
    return read(find(name, search_directories())).table.to_pandas()


def replayed(name: str, **told: Any) -> pd.DataFrame:
    """Return the rows of a trace as a replay gives them out."""
    table = read(find(name, search_directories()))
    return pd.concat([part.to_pandas() for part in Replay(**told).apply(iter(table.table.to_batches()), table.family)])


def tokens_s(rows: pd.DataFrame) -> NDArray[Any]:
    return (0.03 + 0.0001 * rows["input_tokens"] + 0.005 * rows["output_tokens"]).to_numpy()


def arrivals(played: Played) -> NDArray[Any]:
    return np.sort(played.column("requests", "arrival_s"))


def busy(played: Played, stage: str = "serve") -> NDArray[Any]:
    """Return the service times of a stage, in the order of the requests' numbers."""
    stages = played.stages
    mine = stages[stages["stage"] == stage].sort_values("request")
    return (mine["finished_s"] - mine["started_s"]).to_numpy()


def run(data: Data, folder: Path) -> tuple[Path, dict[str, Any]]:
    result = simtier.run(simtier.Scenario.from_dict(data), out=folder / "result")
    return folder / "result", json.loads((result.directory / "result.json").read_text(encoding="utf-8"))


COUNTS = {"f": [3, 0, 40, 7], "g": [1, 12, 0, 5], "h": [0, 2, 2, 2]}


def counted(folder: Path, expand: Any, more: Data | None = None, time: Any = "1 ms", **parts: Any) -> dict[str, Any]:
    """Return a scenario that replays `COUNTS`, of one's own and without durations."""
    rows = [(60.0 * k, 60.0, name, counts[k]) for k in range(4) for name, counts in COUNTS.items()]
    name = own(folder, dict(zip(("time_s", "length_s", "series", "value"), zip(*rows, strict=True), strict=True)))
    return pool({"trace": name, "expand": expand, **(more or {})}, time, **parts)
