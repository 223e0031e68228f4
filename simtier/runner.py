"""Running a scenario: replications one after the other, tables on disk, one result directory written whole or not at all."""

from __future__ import annotations

import gc
import operator
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from simtier.contract import Decision, Decisions
from simtier.errors import ResultError
from simtier.journal import Journal
from simtier.metrics import combined, summaries
from simtier.models.tables import TABLES
from simtier.results import FORMAT, ParquetSink, Prints, Result, require_new, write_document
from simtier.scenario import Scenario
from simtier.scenario.check import require_valid
from simtier.scenario.load import dump
from simtier.streams import Streams
from simtier.world import World
from simtier.world.assumptions import assumptions
from simtier.world.layout import layout, together
from simtier.world.resolve import resolve, with_files
from simtier.world.traces import TraceShelf

PACKAGES = ("simtier", "simpy", "numpy", "scipy", "pandas", "pyarrow", "networkx", "pydantic")


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes:
        replication, replications: which one is running, from 0, of how many.
        time_s, until_s: simulated time in it, and where it ends.
        requests_done: requests that have got their outcome, in all replications so far.
    """

    replication: int
    replications: int
    time_s: float
    until_s: float
    requests_done: int


@dataclass(frozen=True)
class Played:
    """What one or more replications left besides their tables.

    Attributes:
        numbers: of the replications.
        fingerprint, fingerprints: of all of them, and of each; see `Prints`.
        ends: simulated time at which each ended.
        layout: see `simtier.world.layout`.
        decisions: those explained; None if none were to be.
        interrupted: whether the last was ended early.
        traces, left_out: what the shelf of traces tells of those used.
    """

    numbers: Sequence[int]
    fingerprint: str
    fingerprints: list[str]
    ends: list[float]
    layout: dict[str, Any]
    decisions: Decisions | None
    interrupted: bool
    traces: list[dict[str, object]]
    left_out: dict[str, dict[str, int]]


Player = Callable[[Scenario, Sequence[int], Path], Played]
"""Plays the replications of these numbers of a scenario and writes their tables into a directory."""


def run(
    scenario: Scenario,
    *,
    out: Path | str | None = None,
    traces: Sequence[Path] = (),
    explain: int = 0,
    explain_sampled: bool = False,
    watch: Callable[[Progress], None] | None = None,
    stop: Callable[[], bool] | None = None,
    also: Callable[[Path], object] | None = None,
    replications: Sequence[int] | None = None,
    play: Player | None = None,
) -> Result:
    """Run `scenario` and return its result.

    Args:
        scenario: what to run.
        out: the result directory, which must not exist yet; "auto": `reports/<scenario name>/<time and short fingerprint>`; None: a
            temporary directory that goes with the returned object.
        traces: directories in which traces are looked for first.
        explain: how many decisions of policies to keep.
        explain_sampled: keep a uniform sample of all decisions instead of the first.
        watch: called with the progress every few thousand events.
        stop: asked as often; the run ends early, with status "interrupted", when it returns True.
        also: called with the finished directory before it is moved to `out`, to write more into it (a report).
        replications: the numbers of the replications to run, in place of 0 up to the scenario's `run.replications`. Replication 3 is the same
            whichever others are run; the tables number those that were run from 0, in this order.
        play: plays the replications; if given, `explain`, `explain_sampled`, `watch` and `stop` are for it to know. Not given, they are played
            here, one after the other.

    Raises ValueError for numbers of replications that there cannot be, ScenarioError with every mistake of the scenario, PolicyError, TraceError, or ResultError if the result cannot be written.
    """
    require_valid(scenario, traces)
    resolved = resolve(scenario)
    shelf = TraceShelf(traces, scenario.folder)
    with _staging(out) as folder:
        numbers = range(resolved.run.replications) if replications is None else _numbers(replications)
        if play is None:
            played = _play(resolved, numbers, folder, shelf, explain, explain_sampled, watch, stop)
        else:
            played = play(resolved, numbers, folder)
        _write(folder, resolved, played)
        if also is not None:
            also(folder)
        return _publish(folder, out, resolved.name, played.fingerprint)


def _numbers(replications: Sequence[int]) -> Sequence[int]:
    """Return the numbers of replications asked for; raises ValueError for none, one that is twice there, or what is no number of one."""
    numbers = [operator.index(number) for number in replications]
    if not numbers or min(numbers) < 0 or len(set(numbers)) < len(numbers):
        raise ValueError(f"replications are numbered from 0, at least one, each once; not {replications!r}")
    return numbers


def _play(
    scenario: Scenario,
    numbers: Sequence[int],
    folder: Path,
    shelf: TraceShelf,
    explain: int,
    explain_sampled: bool,
    watch: Callable[[Progress], None] | None,
    stop: Callable[[], bool] | None,
) -> Played:
    sink = ParquetSink(folder)
    prints, ends, done, interrupted = Prints(), [], 0, False
    described: dict[str, Any] = {}
    decisions = None
    try:
        for replication, number in enumerate(numbers):
            streams = Streams(scenario.run.seed, number)
            if explain and replication == 0:
                decisions = Decisions(explain, streams.stream("explain") if explain_sampled else None)
            journal = Journal(TABLES, sink, replication)
            world = World(scenario, journal, streams, shelf, decisions if replication == 0 else None)
            with quiet_collector():
                finished = world.play(_pulse(world, journal, len(numbers), watch, stop, done))
                world.close()
            prints.add(journal.fingerprint())
            ends.append(world.clock.now)
            done += world.requests_done
            described = together(described, layout(world))
            if not finished:
                interrupted = True
                break
        sink.close()
    except BaseException:
        sink.abandon()
        raise
    told = (ends, described, decisions, interrupted, shelf.used(), shelf.left_out())
    return Played(numbers, prints.together, prints.each, *told)


def _pulse(
    world: World,
    journal: Journal,
    replications: int,
    watch: Callable[[Progress], None] | None,
    stop: Callable[[], bool] | None,
    done_before: int,
) -> Callable[[], bool]:
    """Return the housekeeping between slices of the run: flush, report progress, ask whether to stop."""
    replication = journal.replication

    def pulse() -> bool:
        journal.flush_full()
        if watch is not None:
            done = done_before + world.requests_done
            watch(Progress(replication, replications, world.clock.now, world.until_s, done))
        return stop is not None and stop()

    return pulse


@contextmanager
def quiet_collector() -> Iterator[None]:
    """Let Python's cycle collector look less often: a run makes many short-lived objects and no cycles."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _write(folder: Path, scenario: Scenario, played: Played) -> None:
    """Write everything but the tables."""
    try:
        if played.decisions is not None:
            rows = [asdict(decision) for decision in played.decisions.kept]
            fields = [(name, pa.float64() if name == "time_s" else pa.string()) for name in Decision.__annotations__]
            pq.write_table(pa.Table.from_pylist(rows, pa.schema(fields)), folder / "decisions.parquet")
        each = summaries(folder, scenario, played.layout, played.ends)
        again = with_files(scenario, folder)
        (folder / "scenario.yaml").write_text(dump(again), encoding="utf-8")
        document = {
            "format": FORMAT,
            "status": "interrupted" if played.interrupted else "done",
            "seed": scenario.run.seed,
            "fingerprint": played.fingerprint,
            "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
            "scenario": again.model_dump(mode="json", by_alias=True),
            "summary": combined([*each.values()], scenario, played.layout),
            "replications": [
                {"number": played.numbers[place], "fingerprint": played.fingerprints[place], "summary": summary}
                for place, summary in each.items()
            ],
            "assumptions": assumptions(scenario, played.layout),
            "traces": played.traces,
            "left_out": played.left_out,
            "layout": played.layout,
            "ended_s": played.ends,
            "decisions_seen": played.decisions.seen if played.decisions is not None else 0,
        }
        write_document(folder, document)
    except OSError as error:
        raise ResultError(f"cannot write the result to {folder}: {error}") from error


@contextmanager
def _staging(out: Path | str | None) -> Iterator[Path]:
    """Yield a directory to write into, beside where the result will be; it is deleted if anything goes wrong."""
    parent = (
        Path(tempfile.gettempdir())
        if out is None
        else Path("reports")
        if out == "auto"
        else Path(out).absolute().parent
    )
    if out not in (None, "auto"):
        require_new(Path(out))
    try:
        parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".simtier-", dir=parent))
    except OSError as error:
        raise ResultError(f"cannot write a result to {parent}: {error.strerror or error}") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _free(target: Path) -> Path:
    """Return `target`, or with a number behind it the first that is not there yet."""
    numbered = (target if number == 1 else target.with_name(f"{target.name}-{number}") for number in count(1))
    return next(path for path in numbered if not path.exists())


def _publish(folder: Path, out: Path | str | None, name: str, fingerprint: str) -> Result:
    """Move the finished directory to where it belongs and return the result in it."""
    if out is None:
        target = folder.with_name(f"simtier-result-{folder.name.rpartition('-')[2]}")
        folder.rename(target)
        return Result(target, temporary=True)
    target = Path(out)
    if out == "auto":
        target = _free(Path("reports") / name / f"{time.strftime('%Y%m%d-%H%M%S')}-{fingerprint[:8]}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        folder.rename(target)
    except OSError as error:
        raise ResultError(f"cannot move the result to {target}: {error}") from error
    return Result(target)
