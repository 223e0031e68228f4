"""Speed and memory of engines of language models; puts its figures into reports/bench.json.

`fixed` is one engine with Llama-2-7B on an A100: Poisson arrivals at 4 a second, 1,024 tokens in and 128 out. `azure` is an hour of conversations of
Azure's trace of 2023 on four engines with Llama-3-8B, twice as fast, of the look-alike and, where SIMTIER_TRACES tells where it lies, of the
trace itself. All of `simtier.run` counts: checks, simulation, tables on disk, summary. Every figure is of processes of their own, in CPU
time, the least of a few rounds; what is loaded on first use is loaded before.

The closed form of iteration times is timed by itself: all its evaluations of a run are written down, and done again by a new one.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

REPORT = Path(__file__).parent.parent / "reports" / "bench.json"
VIDUR_REQUESTS_PER_S = 641.0
"""The quickest of some runs of Vidur (commit 7d47513) on the thousand requests of `fixed`, by the clock on the wall."""
FEW, MANY = 5_000, 100_000


def fixed(requests: int) -> dict[str, Any]:
    """Return the scenario that makes about so many requests."""
    return {
        "name": "fixed",
        "run": {"duration": f"{requests / 4} s", "drain": "60 s", "seed": 1},
        "nodes": {"gpu": {"tier": "cloud", "cores": 32, "accelerators": ["a100_80g"]}},
        "services": {"chat": {"on": "gpu", "llm": {"model": "llama-2-7b", "precision": "fp16", "blocks": 7424}}},
        "apps": {"ask": {"stages": {"answer": {"service": "chat", "tokens": {"input": 1024, "output": 128}}}}},
        "workloads": {"asks": {"app": "ask", "from": "gpu", "arrivals": {"process": "poisson", "rate": "4 /s"}}},
    }


def azure(_: int) -> dict[str, Any]:
    """Return the scenario that replays the conversations."""
    return {
        "name": "azure",
        "run": {"duration": "30 min", "drain": "2 min", "seed": 1},
        "nodes": {"gpus": {"tier": "cloud", "cores": 32, "accelerators": ["a100_80g"] * 4}},
        "services": {
            "chat": {
                "on": "gpus",
                "replicas": 4,
                "llm": {"model": "llama-3-8b"},
                "policies": {"routing": "least_in_flight"},
            }
        },
        "apps": {
            "ask": {
                "stages": {"answer": {"service": "chat", "tokens": "traced"}},
                "slo": {"ttft": "500 ms", "tpot": "50 ms", "percentile": 90},
            }
        },
        "workloads": {"asks": {"app": "ask", "from": "gpus", "trace": "azure-llm-2023/conv", "scale_time": 2}},
    }


def run(data: dict[str, Any]) -> dict[str, float]:
    """Run a scenario to its end."""
    import simtier

    simtier.run(simtier.Scenario.from_dict(fixed(100)))
    begin = time.process_time()
    result = simtier.run(simtier.Scenario.from_dict(data))
    spent_s = time.process_time() - begin
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # before the table is read here
    requests = result.summary["apps"]["ask"]["arrived"]
    iterations = int(result.iterations["iterations"].sum())
    return {"cpu_s": spent_s, "requests": requests, "iterations": iterations, "peak_mb": peak_mb}


def run_one_by_one(data: dict[str, Any]) -> dict[str, float]:
    """Run a scenario to its end with every iteration an event of its own."""
    from functools import partialmethod

    from simtier.models.llm.engine import Engine

    Engine.__init__ = partialmethod(Engine.__init__, one_by_one=True)  # type: ignore[method-assign,assignment]  # nobody else sees it
    return run(data)


def evaluate(data: dict[str, Any]) -> dict[str, float]:
    """Do all evaluations of the closed form that a run needs, by themselves."""
    import simtier
    from simtier.models.llm.closed_form import ClosedForm

    made: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
    asked: list[tuple[Any, ...]] = []
    make, seconds = ClosedForm.__init__, ClosedForm.seconds

    def noting_make(self: ClosedForm, *args: Any, **options: Any) -> None:
        made.append((args, options))
        make(self, *args, **options)

    def noting(self: ClosedForm, chunks: Any, decodes: int, contexts: float) -> float:
        asked.append((tuple(chunks), decodes, contexts))
        return seconds(self, chunks, decodes, contexts)

    ClosedForm.__init__, ClosedForm.seconds = noting_make, noting  # type: ignore[method-assign]  # to write down what is asked
    simtier.run(simtier.Scenario.from_dict(data))
    ClosedForm.__init__, ClosedForm.seconds = make, seconds  # type: ignore[method-assign]
    args, options = made[0]
    again = ClosedForm(*args, **options)
    begin = time.process_time()
    for one in asked:
        again.seconds(*one)
    return {"evaluations": len(asked), "us": 1e6 * (time.process_time() - begin) / len(asked)}


def apart(what: str, case: str, requests: int, rounds: int, traces: str = "") -> dict[str, float]:
    """Return the least of each figure over rounds, each in a process of its own, with the traces of that directory or with look-alikes."""
    command = [sys.executable, __file__, "--one", what, case, str(requests)]
    environment = {name: value for name, value in os.environ.items() if name != "SIMTIER_TRACES"}
    environment |= {"SIMTIER_TRACES": traces} if traces else {}
    found = []
    for _ in range(rounds):
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        found.append(json.loads(done.stdout))
    return {name: min(each[name] for each in found) for name in found[0]}


def figures(rounds: int, many: int) -> dict[str, float]:
    """Return all figures."""
    few, more = apart("run", "fixed", FEW, rounds), apart("run", "fixed", many, rounds)
    slow = apart("one_by_one", "fixed", FEW, rounds)
    found = {
        "llm_requests_per_cpu_s": more["requests"] / more["cpu_s"],
        "llm_requests_per_cpu_s_5k": few["requests"] / few["cpu_s"],
        "llm_cost_100k_over_5k": more["cpu_s"] / more["requests"] / (few["cpu_s"] / few["requests"]),
        "llm_iterations_per_cpu_s": more["iterations"] / more["cpu_s"],
        "llm_peak_mb_5k": few["peak_mb"],
        "llm_peak_mb_100k": more["peak_mb"],
        "llm_times_vidur": more["requests"] / more["cpu_s"] / VIDUR_REQUESTS_PER_S,
        "llm_stretches_over_one_by_one": slow["cpu_s"] / few["cpu_s"],
        "llm_closed_form_us": apart("evaluate", "fixed", FEW, rounds)["us"],
        "llm_azure_closed_form_us": apart("evaluate", "azure", 0, rounds)["us"],
    }
    for name, traces in {"look_alike": "", "trace": os.environ.get("SIMTIER_TRACES", "")}.items():
        if traces or name == "look_alike":
            one = apart("run", "azure", 0, rounds, traces)
            found[f"llm_azure_{name}_requests_per_cpu_s"] = one["requests"] / one["cpu_s"]
            found[f"llm_azure_{name}_iterations_per_cpu_s"] = one["iterations"] / one["cpu_s"]
            found[f"llm_azure_{name}_peak_mb"] = one["peak_mb"]
    return found


def main() -> None:
    """Measure, print, and put what is found beside the other figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=MANY, help="of the long run")
    parser.add_argument("--out", type=Path, default=REPORT)
    parser.add_argument("--one", nargs=3, metavar=("WHAT", "CASE", "REQUESTS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        what, case, requests = options.one
        data = {"fixed": fixed, "azure": azure}[case](int(requests))
        print(json.dumps({"run": run, "one_by_one": run_one_by_one, "evaluate": evaluate}[what](data)))
        return
    result = figures(options.rounds, options.requests)
    for name, value in result.items():
        print(f"{name:50s} {value:12.2f}")
    present = json.loads(options.out.read_text(encoding="utf-8")) if options.out.exists() else {}
    options.out.write_text(json.dumps(present | result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
