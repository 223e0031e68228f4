"""Measure one program in this process and print a JSON line: CPU seconds per request and peak memory.

Usage: python measure.py (simpy | simtier) REQUESTS
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path


def main(program: str, requests: int) -> None:
    """Run `program` once; everything it imports is imported before the clock starts."""
    if program == "simpy":
        from plain_simpy import simulate

        begin = time.process_time()
        mean = simulate(requests)
        spent = time.process_time() - begin
        done = requests
    else:
        from scenario import scenario

        from simtier.runner import run

        written = scenario(requests)
        run(scenario(1000))  # what is loaded on first use is loaded
        with tempfile.TemporaryDirectory() as folder:
            begin = time.process_time()
            result = run(written, out=Path(folder) / "result")
            spent = time.process_time() - begin
            app = result.summary["apps"]["ask"]
            mean, done = app["latency_s"]["mean"], app["arrived"]
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"requests": done, "cpu_s": spent, "mean_latency_s": mean, "peak_mb": peak_mb}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
