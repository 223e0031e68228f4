"""How much faster long replays are on two workers than in one process.

`calls`: one trace of function calls, repeated many times over, on a platform whose functions do not interact (memory is unbounded), divided by
function. `chats`: one trace of conversations, replayed at two sites, each with language models of its own, divided by site. The one is little work and
many rows for each request, the other much work and few rows; what is put together after the parts is rows.

Printed are seconds on the clock, and seconds of processor time: of the run in one, and of the slowest part with all that is done before and after the
parts. Where other things run on the machine, only the second says what two free cores would gain. The fingerprints must be equal.

Usage: python benchmarks/shard.py [--calls 100] [--chats 60]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from simtier import runner
from simtier.scenario import Scenario
from simtier.study.shard import part as shard_part
from simtier.study.shard.plan import plan
from simtier.study.shard.result import play_parts
from simtier.study.shard.running import shard

WORKERS = 2


def calls(scale: float) -> Mapping[str, Any]:
    """Return two hours of calls at `scale` times the trace's rate."""
    time_s = {"distribution": "lognormal", "mean": "100 ms", "cv": 2}
    trace = {"trace": "azure-functions-2019/invitro-extremes", "expand": "uniform", "scale_rate": scale}
    return {
        "name": "calls",
        "run": {"duration": "120 min", "drain": "10 min", "seed": 1, "samples": 0},
        "nodes": {"gateway": {"tier": "edge", "cores": 4}, "cloud": {"tier": "cloud", "cores": 64}},
        "links": {"lan": {"from": "gateway", "to": "cloud", "latency": "500 us"}},
        "platforms": {
            "calls": {
                "on": "cloud",
                "cold_start": {"distribution": "lognormal", "mean": "1.5 s", "cv": 0.8},
                "traced": {},
                "policies": {"keep_alive": {"use": "fixed", "idle": "60 s"}},
            }
        },
        "apps": {"calls": {"stages": {"run": {"service": "calls", "time": time_s}}}},
        "workloads": {"calls": {"app": "calls", "from": "gateway", **trace}},
    }


def chats(minutes: float) -> Mapping[str, Any]:
    """Return so many minutes of conversations at two sites."""
    gpus = {"tier": "edge", "hardware": "cloud_gpu_host", "accelerators": ["a100_80g"] * 4}
    engines = {"replicas": 4, "llm": {"model": "llama-3-8b"}, "policies": {"routing": "least_in_flight"}}
    sites = ("north", "south")
    return {
        "name": "chats",
        "run": {"duration": f"{minutes} min", "drain": "1 min", "seed": 1, "samples": 0},
        "nodes": {"people": {"tier": "device", "cores": 1}, **dict.fromkeys(sites, gpus)},
        "links": {site: {"from": "people", "to": site, "latency": "20 ms"} for site in sites},
        "services": {site: {"on": site, **engines} for site in sites},
        "apps": {site: {"stages": {"answer": {"service": site, "tokens": "traced"}}} for site in sites},
        "workloads": {
            site: {"app": site, "from": "people", "trace": "azure-llm-2023/conv", "scale_rate": 4} for site in sites
        },
    }


def measured(what: Callable[[], Any]) -> tuple[Any, float, float]:
    """Return what a call returns, its seconds on the clock, and its seconds of this process's time."""
    began_s, used_s = time.perf_counter(), time.process_time()
    found = what()
    return found, time.perf_counter() - began_s, time.process_time() - used_s


def one_after_the_other(jobs: Sequence[shard_part.Job], used: list[float]) -> list[shard_part.Played]:
    """Play parts in this process, and note what each takes."""
    found = []
    for job in jobs:
        played, _, took_s = measured(partial(shard_part.play, job, lambda *_: None))
        found.append(played)
        used.append(took_s)
    return found


def compare(data: Mapping[str, Any]) -> None:
    """Run a scenario in one and in parts, and print what each took."""
    scenario = Scenario.from_dict(data)
    whole, whole_s, whole_cpu_s = measured(partial(runner.run, scenario))
    requests = sum(app["arrived"] for app in whole.summary["apps"].values())
    print(f"{scenario.name}: {requests:,.0f} requests")
    print(f"  in one process: {whole_s:.1f} s on the clock, {whole_cpu_s:.1f} s of processor time")
    used: list[float] = []

    def in_parts(resolved: Scenario, numbers: Sequence[int], folder: Path) -> runner.Played:
        division = plan(resolved).division(WORKERS, resolved)
        return play_parts(division, resolved, numbers, folder, (), partial(one_after_the_other, used=used))

    apart, _, all_cpu_s = measured(partial(runner.run, scenario, play=in_parts))
    around_s = all_cpu_s - sum(used)
    joined, joined_s, _ = measured(partial(shard, scenario, workers=WORKERS))
    if not whole.fingerprint == apart.fingerprint == joined.fingerprint:
        raise SystemExit("the fingerprints differ")
    parts = ", ".join(f"{each:.1f} s" for each in used)
    print(
        f"  on {WORKERS} workers: {joined_s:.1f} s on the clock; parts of {parts} of processor time, {around_s:.1f} s around them"
    )
    print(
        f"  ratio: {whole_s / joined_s:.2f} on the clock, {whole_cpu_s / (max(used) + around_s):.2f} by processor time"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Two workers against one process.")
    parser.add_argument(
        "--calls", type=float, default=100, metavar="SCALE", help="times the rate of the trace of calls"
    )
    parser.add_argument("--chats", type=float, default=60, metavar="MINUTES", help="minutes of conversations")
    given = parser.parse_args()
    compare(calls(given.calls))
    compare(chats(given.chats))


if __name__ == "__main__":
    main()
