"""Who plays the tasks of a study: this process, processes beside it, or a cluster. The answers are the same wherever they come from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Protocol, Self

from simtier.errors import StudyError
from simtier.study.task import Played, Task, play

Answer = tuple[Task, Played]
"""A task and what became of it."""

Answers = Iterator[Answer]

Watch = Callable[[int, int, str], object]
"""Called with how many replications are played, of how many planned so far, and what else is to be told."""

DIED = "the process that played it was ended from outside: most likely the machine's memory ran out, or the policy ended its process"
"""What is told of a task whose process does not survive it."""


class Workers(AbstractContextManager["Workers"], Protocol):
    """Plays tasks; a context manager that lets go of what it holds."""

    @property
    def count(self) -> int:
        """How many tasks are played at a time."""

    def answers(self, tasks: Iterable[Task], stop: Callable[[], bool] = lambda: False) -> Answers:
        """Yield each task with what became of it, in the order in which they are finished.

        `tasks` are taken as there is room for them, so they may be many, and may depend on the answers so far. Once `stop` says so nothing more is begun,
        and what is under way is given up.
        """


class Here:
    """Plays one task after the other in this process."""

    count = 1

    def answers(self, tasks: Iterable[Task], stop: Callable[[], bool] = lambda: False) -> Answers:
        """Yield each task with what became of it; see Workers."""
        for task in tasks:
            if stop():
                return
            yield task, play(task)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Hold nothing, let go of nothing."""


def workers(number: int | None = None, dask: str | None = None) -> Workers:
    """Return the workers asked for: `number` local processes, or the cluster whose scheduler is at `dask`; else one local process a core.

    A single one is a process of its own, too: a policy that ends its process then ends nothing else.

    Raises StudyError if both are asked for, MissingPackage without Dask, StudyError if no scheduler answers.
    """
    if dask is not None:
        if number is not None:
            raise StudyError("either --workers or --dask: a Dask cluster has the workers it has")
        from simtier.study.cluster import DaskWorkers  # noqa: PLC0415 - Dask is optional

        return DaskWorkers(dask)
    from simtier.study.processes import LocalProcesses, cores  # noqa: PLC0415 - what one process has no use for

    return LocalProcesses(cores() if number is None else number)
