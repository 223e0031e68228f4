"""Measure one program in this process and print a JSON line: CPU seconds and peak memory.

Usage: python measure.py (simpy | simulate | run) REQUESTS

`simulate` is the simulation alone, with the journal written as Parquet, as plain SimPy is the simulation alone; `run` is all that
`simtier run` does but the report: checks, simulation, tables, summary, result.json.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path


def simpy(requests: int) -> tuple[int, float]:
    """Return requests done and CPU seconds of the plain SimPy program."""
    from plain_simpy import simulate

    begin = time.process_time()
    simulate(requests)
    return requests, time.process_time() - begin


def simulate(requests: int, folder: Path) -> tuple[int, float]:
    """Return requests done and CPU seconds of simtier's simulation with its journal."""
    from scenario import scenario

    from simtier.journal import Journal
    from simtier.models.tables import TABLES
    from simtier.results import ParquetSink
    from simtier.runner import quiet_collector
    from simtier.streams import Streams
    from simtier.world import World
    from simtier.world.traces import TraceShelf

    written = scenario(requests)
    sink = ParquetSink(folder)
    World(written, Journal(TABLES, sink), Streams(0), TraceShelf())  # what is loaded on first use is loaded
    begin = time.process_time()
    journal = Journal(TABLES, sink)
    world = World(written, journal, Streams(written.run.seed), TraceShelf())

    def pulse() -> bool:
        journal.flush_full()
        return False

    with quiet_collector():
        world.play(pulse)
        world.close()
    journal.fingerprint()
    sink.close()
    return world.requests_done, time.process_time() - begin


def run(requests: int, folder: Path) -> tuple[int, float]:
    """Return requests done and CPU seconds of a whole run."""
    from scenario import scenario

    from simtier.runner import run as run_scenario

    written = scenario(requests)
    run_scenario(scenario(1000))  # what is loaded on first use is loaded
    begin = time.process_time()
    result = run_scenario(written, out=folder / "result")
    spent = time.process_time() - begin
    return result.summary["apps"]["ask"]["arrived"], spent


def main(program: str, requests: int) -> None:
    """Run `program` once and print what it took."""
    with tempfile.TemporaryDirectory() as folder:
        if program == "simpy":
            done, spent = simpy(requests)
        else:
            done, spent = {"simulate": simulate, "run": run}[program](requests, Path(folder))
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"requests": done, "cpu_s": spent, "peak_mb": peak_mb}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
