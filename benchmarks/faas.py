"""Speed and memory of function platforms; puts its figures into reports/bench.json.

Every figure is of processes of their own, in CPU time, the least of a few rounds. Invocations come from a trace made here: Poisson
arrivals, functions drawn by popularity, log-normal durations (median 0.22 s, mean 0.37 s). All of `simtier.run` counts: checks,
reading the trace, simulation, tables on disk, summary.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

REPORT = Path(__file__).parent.parent / "reports" / "bench.json"
MILLION = 1_000_000
BEGINNING_S = 200.0
"""Before that a case's early invocations come and end; after it all others."""


@dataclass(frozen=True)
class Case:
    """A platform and what it is asked to do.

    Attributes:
        functions, rate: how many functions, and invocations a second of all of them.
        skew: popularity goes with rank to the power of minus this; `first` is the share of the first function apart from that.
        nodes, memory: how many hosts of how much memory.
        instance: memory of an instance.
        pool: so many invocations of each function come in the beginning; they last `early_s` each, so that as many instances are there
            afterwards if there is memory.
        keep: the keep-alive policy.
    """

    functions: int
    rate: float
    skew: float = 0.0
    first: float = 0.0
    nodes: int = 50
    memory: str = "256 GiB"
    instance: str = "256 MiB"
    pool: int = 0
    early_s: float = 60.0
    keep: str = "{use: fixed, idle: 600 s}"


FOREVER = "{use: fixed, idle: 100 days}"
CACHES = {"evicting": "{use: lru}", "ranked": "{use: faascache}"}
FULL: dict[str, Any] = {"nodes": 10, "pool": 1, "early_s": 0.1}
CASES = {
    "many": Case(1000, 46.3, skew=1.0),
    # The reference benchmark of DSLab-FaaS: 100 hosts of 4 cores and 4,096 MB, 30 functions, 500 invocations a second.
    "skewed": Case(30, 500.0, first=0.9, nodes=100, memory="4096 MB"),
    "balanced": Case(30, 500.0, nodes=100, memory="4096 MB"),
    # The same functions and invocations, with few or many idle instances beside those in use.
    "live_500": Case(500, 100.0, pool=1, keep=FOREVER),
    "live_50k": Case(500, 100.0, pool=100, keep=FOREVER),
    # Twice as many functions as there is memory for: about half of the invocations start an instance and evict another.
    **{f"{name}_500": Case(1000, 20.0, memory="12.5 GiB", keep=keep, **FULL) for name, keep in CACHES.items()},
    **{f"{name}_50k": Case(100_000, 2000.0, memory="1250 GiB", keep=keep, **FULL) for name, keep in CACHES.items()},
}
APP = "apps: {a: {stages: {s: {service: faas, time: {distribution: traced, duration: 1}}}}}"
PLATFORM = "platforms: {{faas: {{on: host, cold_start: 500 ms, traced: {{memory: {0.instance}}}, policies: {{keep_alive: {0.keep}}}}}}}"
SERVICE = "services: {{faas: {{on: host-0, cores: 4, concurrency: 1000}}}}"
SCENARIO = """
name: platform
run: {{duration: {seconds} s, drain: 100 s, seed: 1, samples: 0}}
nodes:
  host: {{tier: cloud, count: {case.nodes}, cores: 4, memory: {case.memory}}}
  client: {{tier: edge, cores: 1}}
links: {{net: {{from: client, to: host, latency: 1 ms}}}}
{server}
{app}
workloads: {{w: {{app: a, from: client, trace: "own:{trace}"}}}}
"""


def make(folder: Path, name: str, rows: int) -> dict[str, float]:
    """Write a case's trace and scenario; and a scenario that sends the same invocations to an ordinary service."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    case, rng = CASES[name], np.random.default_rng(1)
    weights = 1.0 / np.arange(1, case.functions + 1) ** case.skew
    if case.first:
        weights[1:] *= (1.0 - case.first) / case.first / weights[1:].sum()
    functions = np.concatenate(
        [
            np.repeat(np.arange(case.functions), case.pool),
            rng.choice(case.functions, rows, p=weights / weights.sum()),
        ]
    )
    ahead = case.functions * case.pool
    arrivals = np.concatenate(
        [np.linspace(0.0, 60.0, ahead), BEGINNING_S + np.cumsum(rng.exponential(1.0 / case.rate, rows))]
    )
    durations = np.concatenate([np.full(ahead, case.early_s), rng.lognormal(-1.5, 1.0, rows)])
    names = pa.array([f"f{k}" for k in range(case.functions)])
    columns = {"arrival_s": arrivals, "function": names.take(pa.array(functions)), "duration_s": durations}
    pq.write_table(pa.table(columns), folder / f"{name}.parquet")
    parts = {"case": case, "app": APP, "trace": folder / f"{name}.parquet", "seconds": arrivals[-1] + 1.0}
    platform = SCENARIO.format(server=PLATFORM.format(case), **parts)
    (folder / f"{name}.yaml").write_text(platform, encoding="utf-8")
    (folder / f"{name}-plain.yaml").write_text(SCENARIO.format(server=SERVICE.format(), **parts), encoding="utf-8")
    return {}


def run(folder: Path, name: str, _: int) -> dict[str, float]:
    """Run a scenario to its end; `us` is what an invocation takes in the simulation once the first ones are over, the least tenth."""
    import simtier

    seen: list[tuple[int, float]] = []

    def watch(progress: simtier.Progress) -> None:
        if progress.time_s > BEGINNING_S:
            seen.append((progress.requests_done, time.process_time()))

    scenario = simtier.Scenario.load(folder / f"{name}.yaml")
    begin = time.process_time()
    result = simtier.run(scenario, watch=watch)
    spent_s = time.process_time() - begin
    marks = seen[:: max(1, len(seen) // 10)]
    tenths = [1e6 * (after[1] - before[1]) / (after[0] - before[0]) for before, after in pairwise(marks)]
    return {"cpu_s": spent_s, "invocations": result.summary["apps"]["a"]["arrived"], "us": min(tenths, default=0.0)}


def apart(what: str, folder: Path, name: str, rows: int = 0) -> dict[str, float]:
    """Return what `what` finds in a process of its own; started from a small one, whose peak a child's would begin with."""
    command = [sys.executable, __file__, "--one", what, str(folder), name, str(rows)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def least(folder: Path, name: str, rows: int, rounds: int) -> dict[str, float]:
    """Return the least CPU seconds and the least peak of running a case with so many invocations."""
    apart("make", folder, name, rows)
    return least_of(folder, name, rounds)


def least_of(folder: Path, name: str, rounds: int) -> dict[str, float]:
    """Return the least of each figure over the rounds of a scenario that is there."""
    found = [apart("run", folder, name) for _ in range(rounds)]
    return {key: min(each[key] for each in found) for key in found[0]}


def figures(rounds: int, rows: int = MILLION) -> dict[str, float]:
    """Return all figures, for about `rows` invocations each."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        few = least(folder, "many", rows // 10, rounds)
        many = least(folder, "many", rows, rounds)
        plain = least_of(folder, "many-plain", rounds)
        found["faas_invocations_per_cpu_s"] = many["invocations"] / many["cpu_s"]
        found["faas_cpu_s_for_1m"] = many["cpu_s"]
        found["faas_cpu_s_for_1m_plain_replay"] = plain["cpu_s"]
        found["faas_peak_mb_100k"] = few["peak_mb"]
        found["faas_peak_mb_1m"] = many["peak_mb"]
        for case in ("skewed", "balanced"):
            reference = least(folder, case, rows, rounds)
            found[f"faas_reference_{case}_invocations_per_cpu_s"] = reference["invocations"] / reference["cpu_s"]
            found[f"faas_reference_{case}_peak_mb"] = reference["peak_mb"]
        for case in ("live_500", "live_50k", "evicting_500", "evicting_50k", "ranked_500", "ranked_50k"):
            found[f"faas_us_{case}"] = least(folder, case, rows // 4, rounds)["us"]
    return found


def main() -> None:
    """Measure, print, and put what is found beside the other figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=MILLION, help="invocations of most cases")
    parser.add_argument("--out", type=Path, default=REPORT)
    parser.add_argument("--one", nargs=4, metavar=("WHAT", "FOLDER", "CASE", "ROWS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        what, folder, name, rows = options.one
        found = {"make": make, "run": run}[what](Path(folder), name, int(rows))
        found["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps(found))
        return
    result = figures(options.rounds, options.rows)
    for name, value in result.items():
        print(f"{name:50s} {value:12.2f}")
    present = json.loads(options.out.read_text(encoding="utf-8")) if options.out.exists() else {}
    options.out.write_text(json.dumps(present | result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
