"""Speed and memory of simtier against plain SimPy on the same system, in one go; its figures go to reports/bench.json.

Programs take turns, each in a process of its own, so that a slow spell of the machine hits both; the ratio is the median over the
rounds of the ratio within a round. `ratio` compares simulation with simulation, simtier's with its journal written as Parquet;
`ratio_whole_run` counts all that `simtier run` does but the report.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def measure(program: str, requests: int) -> dict[str, float]:
    """Return what measure.py prints."""
    command = [sys.executable, str(HERE / "measure.py"), program, str(requests)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def ratios(name: str, ours: list[float], plain: list[float]) -> dict[str, float]:
    """Return median, least and largest ratio of speeds within a round."""
    found = [one / other for one, other in zip(ours, plain, strict=True)]
    return {name: statistics.median(found), f"{name}_least": min(found), f"{name}_most": max(found)}


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=300_000)
    parser.add_argument("--out", type=Path, default=HERE.parent / "reports" / "bench.json")
    options = parser.parse_args()
    speeds: dict[str, list[float]] = {"simpy": [], "simulate": [], "run": []}
    for _ in range(options.rounds):
        for program, found in speeds.items():
            one = measure(program, options.requests)
            found.append(one["requests"] / one["cpu_s"])
    result = {
        "simpy_requests_per_cpu_s": statistics.median(speeds["simpy"]),
        "simtier_requests_per_cpu_s": statistics.median(speeds["simulate"]),
        "simtier_whole_run_requests_per_cpu_s": statistics.median(speeds["run"]),
        **ratios("ratio", speeds["simulate"], speeds["simpy"]),
        **ratios("ratio_whole_run", speeds["run"], speeds["simpy"]),
        "peak_mb_100k": measure("run", 100_000)["peak_mb"],
        "peak_mb_1m": measure("run", 1_000_000)["peak_mb"],
    }
    for name, value in result.items():
        print(f"{name:38s} {value:12.2f}")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    present = json.loads(options.out.read_text(encoding="utf-8")) if options.out.exists() else {}
    options.out.write_text(json.dumps(present | result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
