"""One long run on many processes: parts that do not interact are played apart and put together, exactly.

The result is that of the run in one process, with the same fingerprint: each part builds the whole world, so that everything has the numbers it has
in one world, but plays only what is its own; the rows are then merged in the order in which one world would have written them. That two parts never
interact is not guessed: what cannot be shown to go its own way is joined (`simtier.study.shard.wiring`), and a scenario of which nothing is left to
divide is refused, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from simtier import runner
from simtier.errors import StudyError
from simtier.results import Result
from simtier.scenario import Scenario
from simtier.scenario.check import require_valid
from simtier.study.processes import MOST, cores
from simtier.study.shard.division import Division
from simtier.study.shard.plan import Plan, plan
from simtier.study.shard.processes import Step, Stopped, play_all
from simtier.study.shard.result import play_parts
from simtier.world.resolve import resolve

__all__ = ["Stopped", "plan_of", "shard"]

Watch = Callable[[runner.Progress], None]


def plan_of(scenario: Scenario, traces: Sequence[Path] = ()) -> Plan:
    """Return how `scenario` divides; raises ScenarioError with every mistake of the scenario."""
    require_valid(scenario, traces)
    return plan(resolve(scenario), traces)


def shard(
    scenario: Scenario,
    *,
    workers: int | None = None,
    parts: int | None = None,
    out: Path | str | None = None,
    traces: Sequence[Path] = (),
    watch: Watch | None = None,
    stop: Callable[[], bool] = lambda: False,
    also: Callable[[Path], object] | None = None,
) -> Result:
    """Run `scenario` in parts and return its result, which is that of `simtier.runner.run`.

    Args:
        scenario: what to run.
        workers: processes at a time; as many as there are cores if not given.
        parts: into how many parts it is divided; as many as workers, or as there are pieces, if not given. Each part reads all traces and makes
            all arrivals, so more parts than workers only even out what they have to do.
        out: directory of the result, as in `simtier.runner.run`.
        traces: directories in which traces are looked for first.
        watch: called with the progress, which is that of the part that is behind.
        stop: asked while the parts are played; when it returns True they are given up.
        also: called with the finished directory before it is moved to `out`.

    Raises PlanError, with the reason, for a scenario that does not divide, StudyError for a number of workers that there cannot be, Stopped if it was
    to stop, and what a run raises. Whatever it raises, all processes are ended and nothing is left behind.
    """
    workers = cores() if workers is None else workers
    if not 1 <= workers <= MOST:
        raise StudyError(f"the number of workers must be 1 to {MOST}, not {workers}")

    def in_parts(resolved: Scenario, numbers: Sequence[int], folder: Path) -> runner.Played:
        made = plan(resolved, traces)
        division = made.division(parts if parts is not None else max(1, min(workers, made.pieces)), resolved)
        progress = _Progress(watch, division, resolved, len(numbers))
        return play_parts(
            division, resolved, numbers, folder, traces, lambda jobs: play_all(jobs, workers, progress.tell, stop)
        )

    return runner.run(scenario, out=out, traces=traces, also=also, play=in_parts)


class _Progress:
    """Adds up how far the parts are: as far as the one that is behind."""

    def __init__(self, watch: Watch | None, division: Division, scenario: Scenario, replications: int) -> None:
        self._watch = watch
        self._parts = division.parts
        self._until_s = scenario.run.duration + scenario.run.drain
        self._replications = replications
        self._steps: dict[int, Step] = {}
        self._before: dict[int, int] = {}

    def tell(self, step: Step) -> None:
        """Take one part's step into account."""
        last = self._steps.get(step.part)
        if last is not None and last.replication < step.replication:
            self._before[step.part] = self._before.get(step.part, 0) + last.requests_done
        self._steps[step.part] = step
        if self._watch is not None and len(self._steps) == self._parts:
            last_one = min(self._steps.values(), key=lambda each: (each.replication, each.time_s))
            done = sum(each.requests_done for each in self._steps.values()) + sum(self._before.values())
            told = (last_one.replication, self._replications, last_one.time_s, self._until_s, done)
            self._watch(runner.Progress(*told))
