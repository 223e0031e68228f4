"""Checking a scenario against its baseline, and making the baseline anew."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from simtier.errors import MetricError, StudyError
from simtier.metrics.naming import find, usual
from simtier.study.check.baseline import Baseline, Guarded, Rule, differing, load, world_of
from simtier.study.check.given import by_metric, require_armed
from simtier.study.check.missing import number as number_of_values
from simtier.study.check.play import Measured, Seeds, Values, measure, seeded
from simtier.study.check.rules import Judged, judge
from simtier.study.shares import error_rate
from simtier.study.task import Base, Changes
from simtier.study.workers import Watch, Workers

REPLICATIONS = 5
"""Of a new baseline, where the scenario itself has but one."""

_PACKAGES = ("simtier", "numpy")


@dataclass(frozen=True)
class Guard:
    """What a new baseline guards; what is None or empty stays as it was, or has its default.

    Attributes:
        metrics: names or patterns.
        rules: by name or pattern; what they name is guarded too.
        alpha: error rate of the tests.
        seed: of all random numbers, in place of the scenario's.
        replications: how many, in place of the scenario's.
    """

    metrics: tuple[str, ...] = ()
    rules: Mapping[str, Rule] = field(default_factory=dict)
    alpha: float | None = None
    seed: int | None = None
    replications: int | None = None


@dataclass(frozen=True)
class Checked:
    """What a check found.

    Attributes:
        scenario: the file.
        baseline: its file.
        metrics: each judged.
        replications: how many were played.
        seeds: whether they faced the requests of the baseline, or others.
        changed: the replications whose trajectory is not the baseline's; empty for other seeds.
        alpha: error rate of the tests together.
        strict: whether any changed trajectory is a failure.
        notes: what else a reader should know.
    """

    scenario: str
    baseline: str
    metrics: tuple[Judged, ...]
    replications: int
    seeds: Seeds
    changed: tuple[int, ...]
    alpha: float
    strict: bool
    notes: tuple[str, ...]

    @property
    def failed(self) -> bool:
        """Whether there is a regression, or a changed trajectory where none may be."""
        return any(each.failed for each in self.metrics) or (self.strict and bool(self.changed))


def check(
    base: Base,
    path: Path,
    changes: Changes = (),
    *,
    seed: int | None = None,
    replications: int | None = None,
    strict: bool = False,
    workers: Workers | None = None,
    watch: Watch = lambda *_: None,
    stop: Callable[[], bool] = lambda: False,
) -> Checked:
    """Play `base` as its baseline was played and compare.

    Args:
        base: the scenario; its policies may differ from those of the baseline, nothing else.
        path: the baseline's file.
        changes: made to the scenario, the same as when the baseline was made but for policies.
        seed: another one than the baseline's compares with other requests: for changes that shift random numbers.
        replications: at most as many as the baseline has: as many of its first are compared with, whatever the seed.
        strict: take any changed trajectory for a failure.
        workers: who plays; this process if None.
        watch: called with the progress.
        stop: asked now and then whether to give up.

    Raises StudyError if there is no baseline to compare with, or not of this scenario, or one whose values are not those that were measured;
    ScenarioError; MetricError for a metric that is no more.
    """
    before = load(path, way_out(base, path))
    seeds: Seeds = "paired" if seed in (None, before.seed) else "independent"
    number = replications or before.replications
    _require_possible(path, before, seeds, number, strict=strict)
    made = seeded(changes, before.seed if seed is None else seed)
    _require_same_world(path, before, world_of(base.scenario(made)), "part")
    now = measure(base, made, number, workers=workers, watch=watch, stop=stop)
    _require_same_world(path, before, now.traces, "trace")
    _require_metrics(path, before, now.values)
    if seeds == "paired":
        _require_measured(path, before, now)
    judged = judge(
        {name: each.rule for name, each in before.metrics.items()},
        {name: each.values[:number] for name, each in before.metrics.items()},
        now.values,
        seeds,
        before.alpha,
    )
    changed = [
        place for place in range(number) if seeds == "paired" and before.fingerprints[place] != now.fingerprints[place]
    ]
    return Checked(
        base.name,
        str(path),
        judged,
        number,
        seeds,
        tuple(changed),
        before.alpha,
        strict,
        tuple(_notes(before, now, changed)),
    )


def make(
    base: Base,
    guard: Guard,
    before: Baseline | None = None,
    changes: Changes = (),
    *,
    workers: Workers | None = None,
    watch: Watch = lambda *_: None,
    stop: Callable[[], bool] = lambda: False,
) -> Baseline:
    """Play `base` and return its baseline; what `guard` leaves open is as in `before`, if there is one.

    Raises MetricError for a metric that there is not, StudyError for one without a value or a test of a single replication, ScenarioError.
    """
    scenario = base.scenario(seeded(changes, guard.seed))
    seed = scenario.run.seed if before is None or guard.seed is not None else before.seed
    number = guard.replications or (before.replications if before else max(scenario.run.replications, 1))
    if number == 1 and not before and guard.replications is None:
        number = REPLICATIONS
    now = measure(base, seeded(changes, seed), number, workers=workers, watch=watch, stop=stop)
    rules = _rules(guard, before, now.values)
    _require_testable(base, rules, now.values, number)
    return Baseline(
        versions={name: version(name) for name in _PACKAGES},
        scenario=now.scenario.name,
        identity=now.identity,
        world=world_of(now.scenario),
        traces=dict(now.traces),
        seed=seed,
        replications=number,
        alpha=error_rate(guard.alpha or (before.alpha if before else 0.05)),
        fingerprints=now.fingerprints,
        metrics={name: Guarded(rule=rule, values=now.values[name]) for name, rule in rules.items()},
    )


def way_out(base: Base, path: Path) -> str:
    """Return how to make a baseline."""
    return f"make one with `simtier check {base.name} --baseline {path} --update`"


def _rules(guard: Guard, before: Baseline | None, values: Values) -> dict[str, Rule]:
    """Return the rule of each metric to guard."""
    old = {name: each.rule for name, each in before.metrics.items()} if before else {}
    measured = [name for name, column in values.items() if any(column)]  # no price, no cost: nothing to guard
    names = find(guard.metrics or [*old], values) if guard.metrics or old else usual(measured)
    given = by_metric(guard.rules, values)
    return {name: given.get(name, old.get(name, Rule())) for name in dict.fromkeys([*names, *given])}


def _require_testable(base: Base, rules: Mapping[str, Rule], values: Values, replications: int) -> None:
    if not rules:
        raise StudyError(f"{base.name} has no usual metric to guard: name one with --metric")
    for name, rule in rules.items():
        number = sum(value is not None for value in values[name])
        if rule.test == "worse" and replications < 2:
            raise StudyError(
                f"{name} would be tested on one replication, and a test needs two: --replications 5, or --tolerance '{name}=2%'"
            )
        if number < (2 if rule.test == "worse" else 1):
            raise StudyError(
                f"{name} has a value in {number} of {replications} replications, too few to guard: leave it out, or take more --replications"
            )
        require_armed(rule, name, values[name])


def _require_possible(path: Path, before: Baseline, seeds: Seeds, replications: int, *, strict: bool) -> None:
    if replications > before.replications:
        raise StudyError(
            f"the baseline {path} has {before.replications} replications, not {replications}: ask for fewer, or --update it with more"
        )
    if strict and seeds == "independent":
        raise StudyError(
            f"--strict compares trajectories, and those of another seed than {before.seed} always differ: leave out one of --strict and --seed"
        )
    tested = [name for name, each in before.metrics.items() if each.rule.test == "worse"]
    if tested and replications < 2:
        raise StudyError(
            f"{tested[0]} is tested, which needs two replications at least: --replications 5, or the rule `mean` in {path}"
        )
    for name, each in before.metrics.items():
        there = number_of_values(each.values[:replications])
        if there < (2 if each.rule.test == "worse" else 1):
            raise StudyError(
                f"the baseline {path} has a value of {name} in {there} of {replications} replications, too few to compare with: "
                f"take more --replications, or make it anew with --update"
            )
        require_armed(each.rule, name, each.values)


def _require_same_world(path: Path, before: Baseline, now: Mapping[str, str], what: str) -> None:
    parts = differing(before.world if what == "part" else before.traces, now)
    if parts:
        what = what if len(parts) == 1 else f"{what}s"
        raise StudyError(
            f"the baseline {path}, made of {before.scenario!r}, is of another scenario than this: not only policies differ but the "
            f"{what} {', '.join(parts)}; restore that, or make the baseline anew with --update"
        )


def _require_metrics(path: Path, before: Baseline, values: Values) -> None:
    try:
        find([*before.metrics], values)
    except MetricError as error:
        raise MetricError(
            f"the baseline {path} guards what is no more: {error}; make it anew with --update and --metric"
        ) from error


def _require_measured(path: Path, before: Baseline, now: Measured) -> None:
    """Raise StudyError if a replication of the same course has another value, which only another version may give it."""
    if _other_versions(before):
        return
    for name, each in before.metrics.items():
        for place, (old, new) in enumerate(zip(each.values, now.values[name], strict=False)):
            if before.fingerprints[place] == now.fingerprints[place] and not _is_same(old, new):
                raise StudyError(
                    f"the values of the baseline {path} are not those of its fingerprints: it was edited, or what it was measured with was, such as "
                    f"the profile of a language model ({name} is {old} in replication {place}, and {new} by the same course); make it anew with --update"
                )


def _is_same(old: float | None, new: float | None) -> bool:
    """Return whether both are the same but for how another processor rounds sums."""
    return old == new if old is None or new is None else math.isclose(old, new, rel_tol=1e-9)


def _other_versions(before: Baseline) -> list[str]:
    here = {name: version(name) for name in _PACKAGES}
    return [
        f"{name} {before.versions.get(name, 'unknown')} (now {here[name]})"
        for name in _PACKAGES
        if before.versions.get(name) != here[name]
    ]


def _notes(before: Baseline, now: Measured, changed: list[int]) -> list[str]:
    """Return what may have changed besides policies."""
    other = _other_versions(before)
    if other:
        return [
            f"the baseline was made with {' and '.join(other)}: differences may come from that, not from the policy"
        ]
    if changed and before.identity == now.identity:
        return [
            "the scenario and its policy files are those of the baseline, so what changed is something that they import or read"
        ]
    return []
