"""The unit of work of a study: some replications of one scenario, played wherever there is a worker."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simtier import runner
from simtier.errors import SimtierError
from simtier.metrics.naming import Flat, flat
from simtier.results import Result
from simtier.scenario import Scenario
from simtier.scenario.document import read
from simtier.scenario.load import copied, from_dict
from simtier.scenario.source import Source
from simtier.world.resolve import identity

Changes = tuple[tuple[str, str], ...]
"""Pairs of a field's path and its value as `--set` takes them."""


def in_order(changes: Iterable[tuple[str, str]]) -> Changes:
    """Return `changes` in an order in which none undoes another: what lies further out is set first. Of one field the last counts."""
    return tuple(sorted(dict(changes).items(), key=lambda change: change[0].count(".")))


@dataclass(frozen=True)
class Base:
    """A scenario file, read once, that many tasks change.

    Attributes:
        data: what the file says.
        folder: where relative policy files are looked for.
        name: the file's name, for messages.
        traces: directories in which traces are looked for first.
    """

    data: Mapping[str, Any]
    folder: str = ""
    name: str = ""
    traces: tuple[str, ...] = ()

    @classmethod
    def load(cls, path: Path | str, traces: Sequence[Path] = ()) -> Base:
        """Return the scenario file at `path`; raises ScenarioError if it cannot be read."""
        data, _ = read(Path(path), str(path))
        folder = Path(path).parent.resolve()
        return cls(data, str(folder), str(path), tuple(str(each.resolve()) for each in traces))

    def plain(self) -> dict[str, Any]:
        """Return a copy of the data, to change."""
        plain: dict[str, Any] = copied(self.data)
        return plain

    def scenario(self, changes: Changes = ()) -> Scenario:
        """Return the scenario with `changes` made to it; raises ScenarioError."""
        return from_dict(self.data, dict(changes), folder=Path(self.folder), source=Source(self.name))


@dataclass(frozen=True)
class Task:
    """Some replications of a base scenario with changes.

    Attributes:
        base: the scenario.
        changes: what is changed.
        numbers: which replications to play.
        label: whatever the one who waits for the answer needs to know it by.
        look: looks at the result, before it is deleted; what it returns is part of the answer. A function of a module, for other processes.
    """

    base: Base
    changes: Changes
    numbers: tuple[int, ...]
    label: Any = None
    look: Callable[[Result], Any] | None = None


@dataclass(frozen=True)
class Replication:
    """What one replication measured, and the fingerprint of its trajectory."""

    number: int
    fingerprint: str
    metrics: Flat


@dataclass(frozen=True)
class Played:
    """What became of a task.

    Attributes:
        identity: of the scenario played; empty if it cannot be read.
        replications: in the order of the task's numbers; none if something failed.
        error: what failed, in words; empty if nothing did.
        seen: what the task's `look` returned.
    """

    identity: str = ""
    replications: tuple[Replication, ...] = ()
    error: str = ""
    seen: Any = None


def play(task: Task) -> Played:
    """Play the replications of `task`; what goes wrong is told in the answer, for one of many scenarios must not end a study."""
    known = ""
    try:
        scenario = task.base.scenario(task.changes)
        known = identity(scenario)
        result = runner.run(scenario, traces=[Path(each) for each in task.base.traces], replications=task.numbers)
        seen = task.look(result) if task.look is not None else None
    except SimtierError as error:
        return Played(known, error=_told(str(error)))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a defect in one cell is a row of the study, not its end
        return Played(known, error=_told(f"internal error: {type(error).__name__}: {error}"))
    measured = [
        Replication(each["number"], each["fingerprint"], flat(each["summary"]))
        for each in result.document["replications"]
    ]
    return Played(known, tuple(measured), seen=seen)


def _told(message: str) -> str:
    """Return a message without addresses of objects, so that it is the same wherever it comes from, and without an option nobody gave."""
    return _ADDRESS.sub("0x...", message).replace("--set ", "")


_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}\b")
