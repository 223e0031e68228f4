"""Comparing variants of a scenario: the same requests for all, as many replications as asked for or as the precision takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from simtier.errors import StudyError
from simtier.metrics.naming import Flat, find, usual
from simtier.statistics import reached, sequential
from simtier.study.batches import in_batches
from simtier.study.compared import InMetric, in_metric
from simtier.study.observed import requests_of
from simtier.study.task import Base, Changes, Played, Replication, Task
from simtier.study.variants import Variant
from simtier.study.workers import Here, Watch, Workers

MOST_REPLICATIONS = 1000


@dataclass(frozen=True)
class Asked:
    """How to compare.

    Attributes:
        metrics: names or patterns; empty for the usual ones.
        replications: how many; with `precision`, at most how many.
        precision: stop when every difference is known to this share of the base's mean, to either side; None plays all replications.
        alpha: error rate: the probability, at most, that a verdict of a metric, or a reported interval, is wrong.
    """

    metrics: tuple[str, ...] = ()
    replications: int = 5
    precision: float | None = None
    alpha: float = 0.05


@dataclass(frozen=True)
class Compared:
    """What a comparison found.

    Attributes:
        variants: names, the base first.
        metrics: each metric compared.
        replications: how many were played of each variant.
        confidence: of the intervals: 1 - alpha, or more where it was looked at several times.
        precise: whether the precision asked for was reached; None if none was.
        alpha: the error rate.
        how: "replications", or "batches" of one long run.
        warmup_s: requests that arrived earlier are not counted; None if that differs between the variants.
        notes: what else a reader should know.
        fingerprints: of the trajectories, by variant, one a replication.
    """

    variants: tuple[Variant, ...]
    metrics: tuple[InMetric, ...]
    replications: int
    confidence: float
    precise: bool | None
    alpha: float
    how: str = "replications"
    warmup_s: float | None = None
    notes: tuple[str, ...] = ()
    fingerprints: dict[str, list[str]] = field(default_factory=dict)


def compare(
    base: Base,
    variants: Sequence[Variant],
    asked: Asked,
    *,
    workers: Workers | None = None,
    watch: Watch = lambda *_: None,
    stop: Callable[[], bool] = lambda: False,
) -> Compared:
    """Play the variants with the same random numbers and compare them in every metric; the first is the base.

    Raises StudyError if a variant fails, with its name and why, or if it is stopped before two replications of each are played; MetricError for a metric that there is not.
    """
    if len(variants) < 2:
        raise StudyError("a comparison needs two variants at least: give --vary FIELD=VALUE,VALUE")
    warmups = {base.scenario(variant.changes).run.warmup for variant in variants}
    warmup_s = warmups.pop() if len(warmups) == 1 else None
    return replace(_compare(base, variants, asked, workers or Here(), watch, stop), warmup_s=warmup_s)


def _compare(
    base: Base, variants: Sequence[Variant], asked: Asked, workers: Workers, watch: Watch, stop: Callable[[], bool]
) -> Compared:
    if asked.replications == 1 and asked.precision is None:
        return _by_batches(base, variants, asked, workers, stop)
    if not 2 <= asked.replications <= MOST_REPLICATIONS:
        raise StudyError(
            f"a comparison takes 1 to {MOST_REPLICATIONS} replications (2 at least with a precision), not {asked.replications}"
        )
    playing = _Playing(base, variants, asked, workers, watch, stop)
    if asked.precision is None:
        playing.up_to(asked.replications)
        return playing.compared(1 - asked.alpha, precise=None)
    return _until_precise(playing, asked, asked.precision)


def _until_precise(playing: _Playing, asked: Asked, precision: float) -> Compared:
    """Look now and then, and stop when every difference is known well enough; see simtier.statistics.sequential."""
    plan = sequential(asked.alpha, asked.replications)
    for look, number in enumerate(plan.looks):
        playing.up_to(number)
        compared = playing.compared(plan.confidence(look), precise=True)
        known = [each.comparison for metric in compared.metrics for each in metric.against if each.comparison.n]
        if known and all(reached(each, precision, each.base) for each in known):
            return compared
        if playing.stopped:
            break
    return playing.compared(plan.confidence(look), precise=False)


def _by_batches(
    base: Base, variants: Sequence[Variant], asked: Asked, workers: Workers, stop: Callable[[], bool]
) -> Compared:
    """Play one long run of each variant and compare them by batch means."""
    runs: dict[str, Any] = {}
    prints: dict[str, list[str]] = {}
    tasks = (Task(base, variant.changes, (0,), variant.name, requests_of) for variant in variants)
    for task, played in workers.answers(tasks, stop):
        _require_played(task, played)
        runs[task.label], prints[task.label] = played.seen[0], [played.replications[0].fingerprint]
    if len(runs) < len(variants):
        raise StudyError("stopped before every variant was played: nothing to compare")
    windows = {(run.warmup, run.duration) for run in (base.scenario(variant.changes).run for variant in variants)}
    if len(windows) > 1:
        raise StudyError(
            "one run of each is compared by batches of time, and these have other durations or warm-ups: take replications"
        )
    confidence = 1 - asked.alpha
    in_order = {variant.name: runs[variant.name] for variant in variants}
    made, notes = in_batches(in_order, windows.pop(), asked.metrics, confidence)
    return Compared(
        tuple(variants),
        tuple(made),
        1,
        confidence,
        None,
        asked.alpha,
        "batches",
        notes=tuple(notes),
        fingerprints=prints,
    )


def _require_played(task: Task, played: Played) -> None:
    if played.error:
        raise StudyError(f"the variant {task.label!r} failed in replication {task.numbers[0]}: {played.error}")


class _Playing:
    """Plays replications of all variants, in step."""

    def __init__(
        self,
        base: Base,
        variants: Sequence[Variant],
        asked: Asked,
        workers: Workers,
        watch: Watch,
        stop: Callable[[], bool],
    ) -> None:
        self._base, self._variants, self._asked = base, variants, asked
        self._workers, self._watch, self._stop = workers, watch, stop
        self._played: dict[str, dict[int, Replication]] = {variant.name: {} for variant in variants}
        self.stopped = False

    def up_to(self, number: int) -> None:
        """Play all replications below `number` that are not played yet."""
        before = len(self._common())
        total = number * len(self._variants)
        for task, played in self._workers.answers(self._tasks(range(before, number)), self._stop):
            self._take(task, played)
            self._watch(sum(map(len, self._played.values())), total, "")
        self.stopped = len(self._common()) < number

    def compared(self, confidence: float, *, precise: bool | None) -> Compared:
        """Return the comparison of the replications that all variants have."""
        numbers = self._common()
        if len(numbers) < 2:
            raise StudyError("stopped before two replications of each variant were played: nothing to compare")
        first = self._played[self._variants[0].name][numbers[0]].metrics
        metrics = [
            in_metric(
                name,
                {
                    variant: [each[number].metrics.get(name) for number in numbers]
                    for variant, each in self._played.items()
                },
                confidence,
            )
            for name in named(self._asked.metrics, first)
        ]
        return Compared(
            tuple(self._variants),
            tuple(metrics),
            len(numbers),
            confidence,
            precise,
            self._asked.alpha,
            fingerprints={
                name: [each[number].fingerprint for number in numbers] for name, each in self._played.items()
            },
            notes=("stopped early",) if self.stopped else (),
        )

    def _common(self) -> list[int]:
        """Return the numbers of the replications, from 0 on without a gap, that all variants have."""
        number = 0
        while all(number in each for each in self._played.values()):
            number += 1
        return list(range(number))

    def _tasks(self, numbers: Sequence[int]) -> Iterator[Task]:
        for number in numbers:
            for variant in self._variants:
                if number not in self._played[variant.name]:
                    yield Task(self._base, variant.changes, (number,), variant.name)

    def _take(self, task: Task, played: Played) -> None:
        _require_played(task, played)
        named(self._asked.metrics, played.replications[0].metrics)  # a wrong name is told at the first result
        self._played[task.label][task.numbers[0]] = played.replications[0]


def named(metrics: Sequence[str], measured: Flat) -> list[str]:
    """Return the full names of the metrics asked for, or the usual ones; raises MetricError."""
    return find(metrics, measured) if metrics else usual(measured)


def with_warmup(variants: Sequence[Variant], warmup_s: float) -> list[Variant]:
    """Return the variants with a warm-up, in seconds, in place of their own."""
    changes: Changes = (("run.warmup", f"{warmup_s!r} s"),)
    return [Variant(each.name, (*each.changes, *changes)) for each in variants]
