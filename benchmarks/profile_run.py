"""Where the CPU time of the benchmark's scenario goes, by sampling; prints Markdown tables.

The timer of the process interrupts it at every tick of its own CPU time (4 ms on most kernels) and notes which line is at work; time
in C code counts for the line that called it. Unlike a tracing profiler it does not slow the program's functions down. A share p
of n samples is known to about sqrt(p (1 - p) / n).

Usage: python benchmarks/profile_run.py [--requests N] [--runs N]
"""

from __future__ import annotations

import argparse
import signal
import tempfile
from collections import Counter
from pathlib import Path
from types import FrameType

from scenario import scenario

import simtier
from simtier.runner import run

PACKAGE = Path(simtier.__file__).parent
PHASES = {
    ("journal.py", "flush"): "packing and writing rows",
    ("world/world.py", "play"): "simulating",
    ("metrics/summary.py", "summarise"): "computing the summary",
}
EVERY_S = 0.001
"""Asked for; the kernel rounds it up to its tick."""

Place = tuple[str, str]
"""File, from the package's folder on, and function."""


class Sampler:
    """Counts samples by place, by line, and by phase of the run."""

    def __init__(self) -> None:
        self.places: Counter[Place] = Counter()
        self.lines: Counter[tuple[str, int]] = Counter()
        self.phases: Counter[str] = Counter()

    def take(self, _signal: int, frame: FrameType | None) -> None:
        """Count the line of simtier that is at work, directly or through a library."""
        own = None
        while frame is not None:
            path = Path(frame.f_code.co_filename)
            if path.is_relative_to(PACKAGE):
                place = (path.relative_to(PACKAGE).as_posix(), frame.f_code.co_name)
                if own is None:
                    own = place
                    self.places[own] += 1
                    self.lines[own[0], frame.f_lineno] += 1
                if place in PHASES:
                    self.phases[PHASES[place]] += 1
                    return
            frame = frame.f_back
        self.phases["the rest"] += 1

    @property
    def total(self) -> int:
        """Samples in all."""
        return self.phases.total()


def profile(requests: int, runs: int) -> Sampler:
    """Return the samples of several runs of about `requests` requests each, with seeds 1, 2, ..."""
    run(scenario(1000))  # what is loaded on first use is loaded
    sampler = Sampler()
    signal.signal(signal.SIGPROF, sampler.take)
    for seed in range(1, runs + 1):
        written = scenario(requests, seed)
        with tempfile.TemporaryDirectory() as folder:
            signal.setitimer(signal.ITIMER_PROF, EVERY_S, EVERY_S)
            run(written, out=Path(folder) / "result")
            signal.setitimer(signal.ITIMER_PROF, 0)
    return sampler


def show(title: str, counts: Counter[str], total: int, most: int) -> None:
    """Print the largest shares as a table."""
    print(f"\n| {title} | share |\n| --- | --- |")
    for name, count in counts.most_common(most):
        print(f"| {name} | {100 * count / total:.0f} % |")


def main() -> None:
    """Profile and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=300_000)
    parser.add_argument("--runs", type=int, default=10)
    options = parser.parse_args()
    found = profile(options.requests, options.runs)
    print(f"{found.total} samples of {options.runs} runs with {options.requests} requests each")
    show("phase", found.phases, found.total, 9)
    files: Counter[str] = Counter()
    for (path, _), count in found.places.items():
        files[f"`{path}`"] += count
    show("file", files, found.total, 10)
    show("function", Counter({f"`{path}` {name}": n for (path, name), n in found.places.items()}), found.total, 14)
    show("line", Counter({f"`{path}:{line}`": n for (path, line), n in found.lines.items()}), found.total, 14)


if __name__ == "__main__":
    main()
