"""How much faster a study is with two workers than with one, local and on Dask; its figures go to reports/bench.json.

The study is 40 cells of one replication, of about a second and a half each. Worker counts take turns, so that a slow spell of the machine hits both;
the ratio is the median over the rounds of the ratio within a round, of real time, from the start of the workers to the whole table on disk. CPU seconds of
the workers, and of all that lent them a hand, are printed beside: where they rise from one worker to two, the machine is shared, or too small, and the
ratio of real times says little about simtier. It also checks that all tables are the same, byte for byte.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scenario import scenario

from simtier.scenario.load import dump

HERE = Path(__file__).parent


def write_study(folder: Path, cells: int, requests: int) -> Path:
    """Write the study and its base, and return its file."""
    (folder / "base.yaml").write_text(dump(scenario(requests)), encoding="utf-8")
    study = {"name": "bench", "base": "base.yaml", "replications": 1, "axes": [{"grid": {"run.seed": [*range(cells)]}}]}
    path = folder / "study.yaml"
    path.write_text(json.dumps(study), encoding="utf-8")
    return path


def sweep_once(study: Path, out: Path, workers: int, dask: str) -> None:
    """Sweep in this process, and print real and CPU seconds: what a process of its own is started for."""
    from simtier.study import Study, sweep
    from simtier.study.processes import LocalProcesses
    from simtier.study.workers import workers as hire

    began = time.perf_counter()
    with hire(None, dask) if dask else LocalProcesses(workers) as hired:
        assert sweep(Study.load(study), out, workers=hired).finished
    took = time.perf_counter() - began
    own, others = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(json.dumps({"s": took, "cpu_s": sum(each.ru_utime + each.ru_stime for each in (own, others))}))


def measure(study: Path, out: Path, workers: int, dask: str = "") -> dict[str, float]:
    """Return what a sweep in a fresh process took."""
    command = [sys.executable, __file__, "--once", str(study), str(out), str(workers), dask]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


@contextmanager
def cluster(folder: Path, workers: int) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """Run a Dask scheduler and workers as processes; give its address and the workers."""
    told = folder / "scheduler.json"

    def start(what: str, *options: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}", *options, "--no-dashboard"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.Popen([*command, "--scheduler-file", str(told)], cwd=folder, **quiet)

    running = [start("scheduler", "--host", "127.0.0.1", "--port", "0")]
    running += [start("worker", "--no-nanny", "--nthreads", "1") for _ in range(workers)]
    try:
        while not told.exists():
            time.sleep(0.1)
        address = json.loads(told.read_text(encoding="utf-8"))["address"]
        import distributed

        with distributed.Client(address) as client:
            client.wait_for_workers(workers)
        yield address, running[1:]
    finally:
        for each in running:
            each.terminate()
            each.wait()
        told.unlink(missing_ok=True)


def cpu_s(processes: list[subprocess.Popen[bytes]]) -> float:
    """Return the CPU seconds that running processes have used (Linux)."""
    fields = [Path(f"/proc/{each.pid}/stat").read_text().rpartition(")")[2].split() for each in processes]
    return sum(int(each[11]) + int(each[12]) for each in fields) / os.sysconf("SC_CLK_TCK")


def on_dask(study: Path, folder: Path, workers: int) -> dict[str, float]:
    """Return what a sweep took on a cluster that is there already, CPU seconds of its workers included."""
    with cluster(folder, workers) as (address, running):
        before = cpu_s(running)
        found = measure(study, folder / f"dask-{workers}-{time.monotonic_ns()}", 0, address)
        return {"s": found["s"], "cpu_s": found["cpu_s"] + cpu_s(running) - before}


def summary(kind: str, rounds: list[tuple[dict[str, float], dict[str, float]]]) -> dict[str, float]:
    """Return the ratio of real times and both times, medians over the rounds."""
    ratios = [one["s"] / two["s"] for one, two in rounds]
    found = {
        f"{kind}_speedup_2_workers": statistics.median(ratios),
        f"{kind}_speedup_least": min(ratios),
        f"{kind}_speedup_most": max(ratios),
    }
    for place, name in enumerate(("1_worker", "2_workers")):
        for key in ("s", "cpu_s"):
            found[f"{kind}_{name}_{key}"] = statistics.median(each[place][key] for each in rounds)
    return found


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--once", nargs=4, metavar=("STUDY", "OUT", "WORKERS", "DASK"), help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cells", type=int, default=40)
    parser.add_argument("--requests", type=int, default=250_000, help="in each cell")
    parser.add_argument("--no-dask", action="store_true")
    parser.add_argument("--out", type=Path, default=HERE.parent / "reports" / "bench.json")
    options = parser.parse_args()
    if options.once:
        study, out, workers, dask = options.once
        sweep_once(Path(study), Path(out), int(workers), dask)
        return
    local, far = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        study = write_study(folder, options.cells, options.requests)
        for number in range(options.rounds):
            local.append(tuple(measure(study, folder / f"local-{count}-{number}", count) for count in (1, 2)))
            if not options.no_dask:
                far.append(tuple(on_dask(study, folder, count) for count in (1, 2)))
        tables = {path.read_bytes() for path in folder.glob("*/table.parquet")}
        assert len(tables) == 1, "one study, several tables"
    result = summary("study_local", local) | (summary("study_dask", far) if far else {})
    for key, value in result.items():
        print(f"{key:38s} {value:12.2f}")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    present = json.loads(options.out.read_text(encoding="utf-8")) if options.out.exists() else {}
    options.out.write_text(json.dumps(present | result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
