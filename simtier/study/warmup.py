"""Finding how much of a run's beginning to leave out: a few replications of each variant are looked at before the comparison."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from simtier.errors import StudyError
from simtier.study.observed import Requests, requests_of, settled_s
from simtier.study.task import Base, Task
from simtier.study.variants import Variant
from simtier.study.workers import Here, Workers

PILOTS = 5
"""Replications that are looked at."""


def find_warmup(
    base: Base,
    variants: Sequence[Variant],
    *,
    workers: Workers | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> float:
    """Return the time, in seconds, from which the latencies of every application have settled under every variant, by MSER-5.

    The longest is taken, so that all variants are counted from the same time. Raises StudyError where the runs are too short to say, or never
    settle, and if a variant fails or it is stopped.
    """
    runs: dict[str, dict[int, dict[str, Requests]]] = {variant.name: {} for variant in variants}
    tasks = (
        Task(base, (*variant.changes, ("run.warmup", "0 s")), (number,), variant.name, requests_of)
        for number in range(PILOTS)
        for variant in variants
    )
    for task, played in (workers or Here()).answers(tasks, stop):
        if played.error:
            raise StudyError(f"the variant {task.label!r} failed in replication {task.numbers[0]}: {played.error}")
        runs[task.label][task.numbers[0]] = played.seen[0]
    if any(len(each) < PILOTS for each in runs.values()):
        raise StudyError("stopped before the warm-up was found")
    found = [
        _settled(variant, app, [each for _, each in sorted(replications.items())])
        for variant, replications in runs.items()
        for app in replications[0]
    ]
    return max(found, default=0.0)


def _settled(variant: str, app: str, replications: Sequence[dict[str, Requests]]) -> float:
    settled = settled_s(replications, app)
    if settled is None:
        raise StudyError(
            f"no warm-up is seen in {app!r} under {variant!r}: the run is too short, or its load never settles; lengthen run.duration, or give --warmup a time"
        )
    return settled
