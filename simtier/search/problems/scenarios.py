"""The problem of being better than another policy in scenarios."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, Field

from simtier.catalogue.policies import written
from simtier.contract import Policy
from simtier.errors import StudyError
from simtier.metrics.naming import Direction, Flat, direction, find, flat
from simtier.runner import run
from simtier.scenario.base import Name, Part
from simtier.scenario.load import load
from simtier.scenario.scenario import Scenario
from simtier.search.problem import Case, CaseScore

_MISSING = 100.0
"""Percent by which a number is better than none."""


class Metric(Part):
    """A metric that counts."""

    name: str
    """Its dotted name, or the end of one that only one metric has."""
    weight: Annotated[float, Field(gt=0)] = 1.0
    """How much it counts."""
    better: Literal["lower", "higher"] | None = None
    """Which way it is better; needed only where the name does not tell."""


class ScenarioCase(Part):
    """A scenario with changes."""

    name: Name
    """Name of the case."""
    stage: Literal["cheap", "full", "held_out"]
    """When it is played."""
    scenario: str
    """The scenario file, relative to the suite's."""
    set: dict[str, Any] = Field(default={})
    """Changes to it: the new values by path, as after `--set`."""


class ScenariosSettings(Part):
    """Settings of the problem."""

    kind: str
    """Kind of the policies."""
    field: str
    """Where a policy is put in each scenario, such as services.front.policies.routing."""
    baseline: str
    """The built-in policy that others are compared with."""
    metrics: Annotated[tuple[Metric, ...], Field(min_length=1)]
    """What counts."""
    cases: Annotated[tuple[ScenarioCase, ...], Field(min_length=1)]
    """Where."""


class Scenarios:
    """Play a policy in scenarios beside a baseline policy that faces the same requests.

    The score of a case is the weighted mean, over the metrics, of the improvement in percent: the difference to the baseline's value as
    a share of the larger of both, so from -100 to 100 for numbers of one sign and 0 for the baseline itself. A policy whose run leaves
    nothing to measure where the baseline's does gets -100.
    """

    Settings: ClassVar[type[BaseModel]] = ScenariosSettings

    def __init__(self, settings: ScenariosSettings, *, traces: Sequence[Path] = (), folder: Path = Path()) -> None:
        self.kind = settings.kind
        self._settings = settings
        self._traces = traces
        self._folder = folder
        self._baselines: dict[str, Flat] = {}
        names = [each.name for each in settings.cases]
        for name in names:
            if names.count(name) > 1:
                raise StudyError(f"settings.cases: two cases are called {name!r}; give each its own name")

    def cases(self) -> Sequence[Case]:
        """Return a case for each entry of the settings."""
        return self._cases

    def check(self, case: Case, *, fully: bool) -> None:
        """Read the scenario with the baseline in it; fully: run it, which is kept, and look for the metrics.

        Raises ScenarioError, PolicyError, TraceError and StudyError as `play` would.
        """
        if fully:
            self._scored(self._baseline(case), self._baseline(case))
        else:
            self._scenario(case, self._settings.baseline)

    def play(self, case: Case, make: Callable[[], Policy]) -> CaseScore:
        """Return the mean improvement over the baseline in percent; its parts are the metrics and the improvement in each.

        Raises ScenarioError, PolicyError, TraceError as a run does, and StudyError for a metric without a direction.
        """
        policy = make()
        use = f"{type(policy).__module__}:{type(policy).__qualname__}"
        reached = self._run(case, {"use": use, **written(policy)})
        return self._scored(reached, self._baseline(case))

    def references(self, case: Case) -> Mapping[str, float]:  # noqa: ARG002 - it is the same in every case
        """Return the baseline's score, which is 0."""
        return {self._settings.baseline: 0.0}

    @cached_property
    def _cases(self) -> tuple[Case, ...]:
        return tuple(
            Case(each.name, each.stage, {"scenario": each.scenario, "set": each.set}) for each in self._settings.cases
        )

    def _baseline(self, case: Case) -> Flat:
        if case.name not in self._baselines:
            self._baselines[case.name] = self._run(case, self._settings.baseline)
        return self._baselines[case.name]

    def _run(self, case: Case, policy: object) -> Flat:
        return flat(run(self._scenario(case, policy), traces=self._traces).summary)

    def _scenario(self, case: Case, policy: object) -> Scenario:
        changes = {path: json.dumps(value) for path, value in case.settings["set"].items()}
        changes[self._settings.field] = json.dumps(policy)
        return load(self._folder / case.settings["scenario"], changes)

    def _scored(self, reached: Flat, baseline: Flat) -> CaseScore:
        parts: dict[str, float] = {}
        total = weights = 0.0
        for metric in self._settings.metrics:
            for name in find([metric.name], [*baseline, *(name for name in reached if name not in baseline)]):
                value, other = reached.get(name), baseline.get(name)
                gain = improvement(value, other, _direction(metric, name))
                parts |= {} if value is None else {name: value}
                parts[f"improvement.{name}"] = gain
                total, weights = total + metric.weight * gain, weights + metric.weight
        return CaseScore(total / weights, parts)


def improvement(value: float | None, baseline: float | None, better: Direction) -> float:
    """Return by how many percent of the larger of both `value` is better than `baseline`; None is worse than any number."""
    if value is None or baseline is None:
        return _MISSING * ((value is not None) - (baseline is not None))
    larger = max(abs(value), abs(baseline))
    gain = value - baseline if better == "higher" else baseline - value
    return 100.0 * gain / larger if larger else 0.0


def _direction(metric: Metric, name: str) -> Direction:
    found: Any = metric.better or direction(name)
    if found == "neither":
        raise StudyError(
            f"metric {name!r}: its name does not tell which way is better; write `better: lower` or `higher`"
        )
    return found  # type: ignore[no-any-return]  # one of the two words
