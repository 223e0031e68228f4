"""Compare the policies of function platforms on the same workloads; writes docs/reference/serverless-policies.json and the page from it.

Usage: python benchmarks/policies.py [--processes N] [--only GROUP]

Each replication has functions and calls of its own, from the generator of look-alikes (simtier.traces.synthesis.Invocations) with a fixed
seed; all policies get the same ones, so they are compared pair by pair. What the workloads are is in policy_workloads.py, what is
compared in `cases`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping
from functools import partial
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]

from pages import serverless_policies  # noqa: E402 - the line above must come first
from policy_workloads import RUNTIME_SHARES, RUNTIMES, WORKLOADS, Workload  # noqa: E402 - likewise

from simtier import Scenario, run  # noqa: E402 - likewise
from simtier.streams import Streams  # noqa: E402 - likewise

FILE = ROOT / "docs" / "reference" / "serverless-policies.json"
REPLICATIONS = 5
HOURS, WARMUP_HOURS = 9, 3
DRAIN_S = 120
DIGITS = 6


def cases() -> dict[str, dict[str, dict[str, Any]]]:
    """Return what is compared: group -> label -> what differs in the platform (its policies, its memory in nodes)."""
    fixed = {minutes: {"use": "fixed", "idle": f"{minutes} min"} for minutes in (1, 3, 5, 10, 30, 60, 120)}
    ten = fixed[10]
    keep: dict[str, Any] = {f"fixed, {minutes} min": policy for minutes, policy in fixed.items()}
    names = ("none", "forever", "hybrid_histogram", "rainbowcake", "timer_prewarm", "pool_prediction")
    keep |= {name: {"use": name} for name in names}
    scarce = {"fixed, 10 min": ten} | {
        name: {"use": name} for name in ("lru", "faascache", "hybrid_histogram", "rainbowcake")
    }
    asked = ("knative_kpa", "kubernetes_hpa", "target_concurrency", "target_utilization", "queue_length", "newsvendor")
    scaling: dict[str, Any] = {name: {"use": name} for name in asked}
    scaling["predictive"] = {"use": "predictive", "period": "1 h"}
    routing: dict[str, Any] = {
        name: {"use": name} for name in ("warm_first", "random", "round_robin", "least_in_flight", "power_of_two")
    }
    routing |= {
        name: {"use": name, "key": "function", "over": "node"} for name in ("hash_affinity", "bounded_load_hash")
    }
    return {
        "keep_alive": {label: {"policies": {"keep_alive": policy}} for label, policy in keep.items()},
        "scarce": {label: {"policies": {"keep_alive": policy}, "scarce": True} for label, policy in scarce.items()},
        "autoscaling": {
            "on_demand": {"policies": {"keep_alive": ten}, "short": True},
            **{
                label: {"policies": {"autoscaling": policy, "keep_alive": {"use": "forever"}}, "short": True}
                for label, policy in scaling.items()
            },
        },
        "routing": {
            label: {"policies": {"routing": policy, "keep_alive": ten}, "cells": "nodes"}
            for label, policy in routing.items()
        },
    }


def scenario(workload: Workload, trace: Path, case: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """Return the scenario of one run as a document."""
    rng = np.random.default_rng(seed)
    count = workload.calls.functions
    memory = rng.choice(workload.memory_mib, count, p=workload.weights).tolist()
    runtimes = rng.choice(RUNTIMES, count, p=RUNTIME_SHARES).tolist()
    cells = 8 if "cells" in case else 1
    whole_mib = workload.scarce_mib if "scarce" in case else 65536
    length, warmup = hours(case)
    return {
        "name": "policies",
        "run": {
            "duration": f"{length} h",
            "drain": f"{DRAIN_S} s",
            "warmup": f"{warmup} h",
            "seed": seed,
            "samples": 0,
        },
        "nodes": {
            "client": {"tier": "edge", "cores": 1},
            "worker": {"tier": "cloud", "count": cells, "cores": 16, "memory": f"{whole_mib // cells} MiB"},
        },
        "links": {"lan": {"from": "client", "to": "worker", "latency": "1 ms"}},
        "platforms": {
            "faas": {
                "on": "worker",
                "cells": case.get("cells", "one"),
                "cold_start": dict(workload.cold_start),
                "functions": {
                    f"function-{i}": {"memory": f"{memory[i]} MiB", "runtime": runtimes[i]} for i in range(count)
                },
                "traced": {},  # all it names are in `functions`
                "price": {
                    "per_request": "2e-7 USD",
                    "per_memory_time": "1.66667e-5 USD/GiB/s",
                    "idle_cost": "3e-6 USD/GiB/s",
                },
                "policies": case["policies"],
            }
        },
        "apps": {
            "call": {
                "stages": {"execute": {"service": "faas", "time": {"distribution": "traced", "duration": 1}}},
                "slo": {"latency": workload.slo, "percentile": 95},
            }
        },
        "workloads": {"calls": {"app": "call", "from": "client", "trace": f"own:{trace}"}},
    }


def timers(trace: Path) -> set[str]:
    """Return the functions that timers call less often than once a minute."""
    table = pq.read_table(trace).to_pandas()
    table = table[table["trigger"] == "timer"]
    gaps = table.groupby(table["function"].astype(str))["arrival_s"].apply(
        lambda times: float(np.median(np.diff(times)))
    )
    return set(gaps[gaps > 61.0].index)


def measured(job: tuple[str, str, dict[str, Any], int, str]) -> dict[str, float | None]:
    """Run one case on one replication's calls and return what is compared."""
    name, _, case, replication, folder = job
    trace = Path(folder) / f"{name}-{replication}.parquet"
    document = scenario(WORKLOADS[name], trace, case, replication + 1)
    with tempfile.TemporaryDirectory() as out:
        path = Path(out) / "scenario.yaml"
        path.write_text(json.dumps(document), encoding="utf-8")  # JSON is YAML
        done = run(Scenario.load(path), out=Path(out) / "result")
        platform, app = done.summary["platforms"]["faas"], done.summary["apps"]["call"]
        cold = _cold_shares(done.directory, 3600.0 * hours(case)[1])
    periodic = [cold[each] for each in timers(trace) & set(cold)]
    served = max(platform["served"], 1)
    counted_s = 3600.0 * (hours(case)[0] - hours(case)[1]) + DRAIN_S
    found = {
        "calls": float(app["arrived"]),
        "cold_ratio": platform["cold_ratio"],
        "cold_p75": float(np.quantile([share for share, _ in cold.values()], 0.75)),
        "cold_timers": sum(share * n for share, n in periodic) / max(sum(n for _, n in periodic), 1),
        "cold_start_s": platform["cold_start_s"]["mean"],
        "wait_s": platform["mean_wait_s"],
        "mean_s": app["latency_s"]["mean"],
        "p99_s": app["latency_s"]["p99"],
        "slo": app["slo"]["attainment"],
        "instances": sum(platform["instances"][state] for state in ("starting", "idle", "busy")),
        "idle_gib": platform["memory"]["idle_byte_s"] / 2**30 / counted_s,
        "wasted": platform["memory"]["wasted_share"],
        "usd_per_million": (platform["cost_usd"] + platform["idle_cost_usd"]) / served * 1e6,
    }
    return {key: None if value is None else float(f"{value:.{DIGITS}g}") for key, value in found.items()}


def hours(case: Mapping[str, Any]) -> tuple[int, int]:
    """Return how many hours a case runs, and how many of them are not counted."""
    return (4, 1) if "short" in case else (HOURS, WARMUP_HOURS)


def _cold_shares(folder: Path, warmup_s: float) -> dict[str, tuple[float, int]]:
    """Return for each function the share of its calls that started cold, and how many there were."""
    table = pq.read_table(folder / "stages.parquet", columns=["part", "start", "started_s"]).to_pandas()
    table = table[table["started_s"] >= warmup_s]
    cold = (table["start"].astype(str) == "cold").groupby(table["part"].astype(str))
    return {name: (float(each.mean()), len(each)) for name, each in cold}


def _stream(streams: Streams, name: str, purpose: str) -> np.random.Generator:
    return streams.stream(f"{name}/{purpose}")


def write_calls(folder: Path) -> None:
    """Write the calls of every workload and replication."""
    for name, workload in WORKLOADS.items():
        for replication in range(REPLICATIONS):
            streams = Streams(replication + 1)
            made = workload.calls.generate(
                partial(_stream, streams, name),
                duration_s=HOURS * 3600.0,
            )
            pq.write_table(made.read_all(), folder / f"{name}-{replication}.parquet")


def main() -> None:
    """Run everything and write the numbers and the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--only", choices=list(cases()), help="run one group, and keep the other numbers")
    args = parser.parse_args()
    groups = {name: group for name, group in cases().items() if args.only in (None, name)}
    with tempfile.TemporaryDirectory() as folder:
        write_calls(Path(folder))
        jobs = [
            (workload, f"{group}/{label}", case, replication, folder)
            for workload in WORKLOADS
            for group, labels in groups.items()
            for label, case in labels.items()
            for replication in range(REPLICATIONS)
        ]
        with Pool(args.processes, maxtasksperchild=20) as pool:
            rows = pool.map(measured, jobs, chunksize=1)
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8")) if args.only else {}
    for workload in found.values():
        workload[args.only] = {}
    for workload, place, _, _, _ in jobs:
        group, _, label = place.partition("/")
        found.setdefault(workload, {}).setdefault(group, {})[label] = []
    for (workload, place, _, _, _), row in zip(jobs, rows, strict=True):
        group, _, label = place.partition("/")
        found[workload][group][label].append(row)
    FILE.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    FILE.with_suffix(".md").write_text(serverless_policies.text(found), encoding="utf-8")


if __name__ == "__main__":
    main()
