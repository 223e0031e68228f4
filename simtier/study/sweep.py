"""Sweeps: every cell of a study played, wherever there are workers, and its rows written as it is finished."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from simtier.errors import MetricError, StudyError
from simtier.metrics.naming import Flat, find, usual
from simtier.study.axes import Cell, cells, fields
from simtier.study.file import Study
from simtier.study.refused import require_levels
from simtier.study.store import Row, Store, read_about, row
from simtier.study.task import Base, Played, Task
from simtier.study.workers import Here, Workers
from simtier.world.resolve import identity

_LOOKED_AT = 20
"""About so many finished cells are looked at before a study is resumed."""


@dataclass(frozen=True)
class Swept:
    """How far a sweep is.

    Attributes:
        cells, done: how many cells there are, and how many are finished (those of an earlier sweep included).
        began: how many were finished when it began.
        to_play, played: replications that are to be played in this sweep, and that were.
        failed: replications that failed, in this sweep.
        last: the latest message of a failure.
    """

    cells: int
    done: int
    began: int
    to_play: int
    played: int = 0
    failed: int = 0
    last: str = ""

    @property
    def finished(self) -> bool:
        """Whether every cell is."""
        return self.done == self.cells


def sweep(
    study: Study,
    folder: Path,
    *,
    workers: Workers | None = None,
    traces: Sequence[Path] = (),
    resume: bool = False,
    retry: bool = False,
    watch: Callable[[Swept], object] = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
) -> Swept:
    """Play the cells of `study` and write their rows to `folder`; see simtier.study.store. Stopped early, it can be resumed.

    Args:
        study: what to play.
        folder: the study's directory, which must not exist yet unless `resume`.
        workers: who plays; this process if not given.
        traces: directories in which traces are looked for first.
        resume: go on with what `folder` has.
        retry: when resuming, play cells again of which a replication failed.
        watch: called with the progress after each replication.
        stop: asked often; nothing more is begun when it returns True.

    Raises ScenarioError for a study that cannot be made, StudyError if `folder` holds another, MetricError for a metric that the first cell
    lacks, ResultError if rows cannot be written.
    """
    base = Base.load(study.base_path, traces)
    every = cells(study, base)
    require_levels(study, base)
    store = Store(folder, fields(study))
    store.open(about(study, base), resume=resume)
    done = store.done()
    _require_same_world(base, store, [cell for cell in every if cell.number in done])
    if retry:
        done -= store.failed()
    player = _Player(study, base, store, {cell.number: cell for cell in every if cell.number not in done}, len(every))
    try:
        for swept in player.play(workers or Here(), stop):
            watch(swept)
    finally:
        store.forget_if_empty()  # nothing is kept of a study that ends before its first cell: another one may take the place
    if player.swept.finished:
        store.finish()
    return player.swept


def _require_same_world(base: Base, store: Store, done: Sequence[Cell]) -> None:
    """Refuse to go on if what some of the finished cells were played with has changed since: a trace, say, or a trained agent."""
    for cell in done[:: max(len(done) // _LOOKED_AT, 1)]:
        then = store.scenario(cell.number)
        if then and then != identity(base.scenario(cell.changes)):
            raise StudyError(
                f"{store.folder}: a file that cell {cell.number} was played with has changed since; restore it, or take another --out"
            )


def about(study: Study, base: Base) -> dict[str, Any]:
    """Return what a study is, as its directory tells."""
    written = study.model_dump(mode="json", by_alias=True, exclude={"base", "question"})
    return {
        "question": study.question,
        "study": written,
        "base": dict(base.data),
        "policy_files": _policy_files([written, base.data], Path(base.folder)),
        "traces": [Path(each).name for each in base.traces],
    }


def _policy_files(part: Any, folder: Path) -> dict[str, str]:
    """Return a hash of every policy file that stands somewhere in `part`, by its name there; the cells say which are missing."""
    if isinstance(part, str):
        file = part.rpartition(":")[0]
        path = folder / file
        if not file.endswith(".py") or not path.is_file():
            return {}
        return {file: hashlib.sha256(path.read_bytes()).hexdigest()}
    inner = part.values() if isinstance(part, Mapping) else part if isinstance(part, list) else []
    return {file: found for each in inner for file, found in _policy_files(each, folder).items()}


class _Player:
    """Plays what is left of a study and writes each cell when its last replication is done."""

    def __init__(self, study: Study, base: Base, store: Store, todo: dict[int, Cell], total: int) -> None:
        self._study, self._base, self._store, self._todo = study, base, store, todo
        self._rows: dict[int, list[Row]] = defaultdict(list)
        before = total - len(todo)
        self.swept = Swept(total, before, before, len(todo) * study.replications)

    def play(self, workers: Workers, stop: Callable[[], bool]) -> Iterator[Swept]:
        """Play, and yield the progress after each replication."""
        for task, played in workers.answers(self._tasks(), stop):
            self._take(self._todo[task.label], task.numbers[0], played)
            yield self.swept

    def _tasks(self) -> Iterator[Task]:
        for cell in self._todo.values():
            for number in range(self._study.replications):
                yield Task(self._base, cell.changes, (number,), cell.number)

    def _take(self, cell: Cell, number: int, played: Played) -> None:
        made = self._row(cell, number, played)
        rows = self._rows[cell.number]
        rows.append(made)
        failed = made["status"] == "failed"
        done = len(rows) == self._study.replications
        if done:
            self._store.put(cell.number, sorted(self._rows.pop(cell.number), key=lambda each: int(each["replication"])))
        so_far = self.swept
        self.swept = replace(
            so_far,
            done=so_far.done + done,
            played=so_far.played + 1,
            failed=so_far.failed + failed,
            last=made["message"] if failed else so_far.last,
        )

    def _row(self, cell: Cell, number: int, played: Played) -> Row:
        if played.error:
            return row(
                cell.number, number, cell.values, {}, status="failed", message=played.error, scenario=played.identity
            )
        measured = played.replications[0]
        try:
            metrics = self._metrics(measured.metrics)
        except MetricError as error:
            if cell.number == number == 0:  # by number, not by who is first: any number of workers must tell the same
                raise
            return row(
                cell.number, number, cell.values, {}, status="failed", message=str(error), scenario=played.identity
            )
        return row(
            cell.number,
            number,
            cell.values,
            metrics,
            status="ok",
            scenario=played.identity,
            fingerprint=measured.fingerprint,
        )

    def _metrics(self, measured: Flat) -> Flat:
        names = find(self._study.metrics, measured) if self._study.metrics else usual(measured)
        return {name: measured[name] for name in names}


def load(folder: Path) -> tuple[Study, pa.Table]:
    """Return the study in `folder` and the rows of its finished cells; raises StudyError if there is none."""
    told = read_about(folder)
    study = Study.from_dict({**told["study"], "base": "scenario.yaml"})
    rows = Store(folder, fields(study)).table()
    if not rows.num_rows:
        raise StudyError(f"{folder} has no finished cell yet: go on with `simtier sweep --resume`")
    return study, rows


def failures(folder: Path) -> int:
    """Return how many rows of the study in `folder` are failures."""
    _, rows = load(folder)
    return sum(status == "failed" for status in rows["status"].to_pylist())
