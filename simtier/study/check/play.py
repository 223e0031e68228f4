"""What a check compares: some replications of a scenario, played now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from simtier.errors import StudyError
from simtier.results import Result
from simtier.scenario import Scenario
from simtier.study.task import Base, Changes, Replication, Task
from simtier.study.workers import Here, Watch, Workers

Column = tuple[float | None, ...]
"""A metric's value in each replication; None where there was nothing to measure."""

Values = Mapping[str, Column]
"""Columns by the metrics' full names."""

Seeds = Literal["paired", "independent"]
"""Whether two sets of replications faced the same requests (the same seed), or others."""


@dataclass(frozen=True)
class Measured:
    """Replications 0, 1, ... of a scenario.

    Attributes:
        scenario: what was played.
        identity: its hash, policies included.
        fingerprints: one a replication.
        values: of every metric.
        traces: hashes of the traces replayed, by name.
    """

    scenario: Scenario
    identity: str
    fingerprints: tuple[str, ...]
    values: Values
    traces: Mapping[str, str]


def seeded(changes: Changes, seed: int | None) -> Changes:
    """Return `changes` and the seed, if one is given."""
    return changes if seed is None else (*changes, ("run.seed", str(seed)))


def measure(
    base: Base,
    changes: Changes,
    replications: int,
    *,
    workers: Workers | None = None,
    watch: Watch = lambda *_: None,
    stop: Callable[[], bool] = lambda: False,
) -> Measured:
    """Play so many replications of `base` with `changes` and return what they measured.

    Raises ScenarioError for a wrong scenario, StudyError if a replication fails or `stop` ends it.
    """
    scenario = base.scenario(changes)
    found: dict[int, Replication] = {}
    traces: dict[str, str] = {}
    known = ""
    tasks = (Task(base, changes, (number,), look=traces_of) for number in range(replications))
    for task, played in (workers or Here()).answers(tasks, stop):
        if played.error:
            raise StudyError(f"{base.name} failed in replication {task.numbers[0]}: {played.error}")
        found[task.numbers[0]] = played.replications[0]
        known = played.identity
        traces |= played.seen
        watch(len(found), replications, "")
    if len(found) < replications:
        raise StudyError(f"stopped after {len(found)} of {replications} replications: nothing was checked")
    in_order = [found[number] for number in range(replications)]
    names = dict.fromkeys(name for each in in_order for name in each.metrics)
    values = {name: tuple(each.metrics.get(name) for each in in_order) for name in names}
    return Measured(scenario, known, tuple(each.fingerprint for each in in_order), values, dict(sorted(traces.items())))


def traces_of(result: Result) -> dict[str, str]:
    """Return the hashes of the traces that a run replayed, by name."""
    return {trace["name"]: trace["sha256"][:12] for trace in result.document["traces"] if trace["sha256"]}
