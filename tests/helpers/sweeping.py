"""Small studies in a folder, and a policy that tells when it was started and can misbehave."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from playing import queue

from simtier.study.file import Study

POLICY = '''
import os
import time

from simtier.contract import Scheduling


class Logged(Scheduling):
    """First in, first out; writes its mark to a log when it is started, and then does what it is told."""

    log: str = ""
    mark: str = "-"
    does: str = "nothing"
    agent: str = ""

    def start(self, site, rng):
        with open(self.log, "a") as file:
            file.write(f"{self.mark} {os.getpid()}\\n")
        if self.does == "exit":
            os._exit(1)
        if self.does == "raise":
            raise ValueError("no such thing")
        if self.does == "address":
            raise ValueError(f"what is {object()!r}?")
        if self.does == "interrupt":
            raise KeyboardInterrupt
        if self.does.startswith("sleep"):
            time.sleep(float(self.does.split()[1]))

    def rank(self, request):
        return 0.0
'''
COORDINATOR = """
import sys
from pathlib import Path

from simtier.cli.watching import stopping
from simtier.study import Study, sweep, workers

if __name__ == "__main__":
    with stopping("told") as stop, workers(int(sys.argv[3])) as hired:
        swept = sweep(Study.load(sys.argv[1]), Path(sys.argv[2]), workers=hired, stop=stop)
    sys.exit(0 if swept.finished else 1)
"""
"""A program that sweeps a study: its file, its directory, how many workers."""
PARAMETER = "services.queue.policies.scheduling."


def station(folder: Path, *, does: str = "nothing", **run: Any) -> Path:
    """Write an M/M/1 queue whose scheduling is the policy above, and return its file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "logged.py").write_text(POLICY, encoding="utf-8")
    policy = {"use": "./logged.py:Logged", "log": str(folder / "log"), "does": does}
    data = queue("20 /s", {"distribution": "exponential", "mean": "30 ms"}, policies={"scheduling": policy})
    data["run"] |= {"duration": "2 s", **run}
    path = folder / "station.yaml"
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def study_file(folder: Path, axes: Sequence[Mapping[str, Any]], *, does: str = "nothing", **more: Any) -> Path:
    """Write a study of the station and return its file."""
    station(folder, does=does)
    path = folder / "study.yaml"
    path.write_text(
        json.dumps({"name": "marks", "base": "station.yaml", "axes": list(axes), "replications": 2, **more}),
        encoding="utf-8",
    )
    return path


def study(folder: Path, axes: Sequence[Mapping[str, Any]], **more: Any) -> Study:
    """Return a study of the station."""
    return Study.load(study_file(folder, axes, **more))


def marks(number: int) -> dict[str, Any]:
    """Return an axis of so many marks."""
    return {"grid": {PARAMETER + "mark": [f"m{each}" for each in range(number)]}}


def started(folder: Path) -> list[str]:
    """Return the marks of the replications that were begun, in order."""
    log = folder / "log"
    return [line.split()[0] for line in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []


def coordinator(folder: Path, study: Path, out: Path, workers: int) -> subprocess.Popen[bytes]:
    """Start that program; it writes what is temporary to `folder`/scratch."""
    program = folder / "coordinate.py"
    program.write_text(COORDINATOR, encoding="utf-8")
    command = [sys.executable, str(program), str(study), str(out), str(workers)]
    scratch = folder / "scratch"
    scratch.mkdir()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, env={**os.environ, "TMPDIR": str(scratch)}, **quiet)


def until(told: Callable[[], bool], seconds: float = 120) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not told():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)


def finished(out: Path) -> dict[str, int]:
    """Return when each cell that is finished was written, by its file."""
    return {path.name: path.stat().st_mtime_ns for path in out.glob("rows/*/cell-*.parquet")}


def files(folder: Path) -> dict[str, bytes]:
    """Return every file below `folder` by its path there."""
    return {str(each.relative_to(folder)): each.read_bytes() for each in sorted(folder.rglob("*")) if each.is_file()}
