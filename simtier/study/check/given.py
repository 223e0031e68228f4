"""Rules as people give them: by names and patterns, one for each metric, and none so wide that it disarms the check."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from simtier.errors import MetricError, StudyError
from simtier.metrics.naming import find
from simtier.statistics import mean_interval
from simtier.study.check.baseline import Baseline, Rule
from simtier.study.check.play import Column, Values

OPTION = {"mean": "--tolerance", "worse": "--margin"}
"""The option that gives a rule, by its test."""


def merged(tolerances: Mapping[str, Rule], margins: Mapping[str, Rule]) -> dict[str, Rule]:
    """Return both as one; raises StudyError for a name in both."""
    both = [name for name in tolerances if name in margins]
    if both:
        raise _two_rules(both[0])
    return {**tolerances, **margins}


def by_metric(rules: Mapping[str, Rule], values: Values) -> dict[str, Rule]:
    """Return the rule of each metric that `rules` names; of two of the same test the later one, such as one metric's after a pattern's.

    Raises MetricError for a name of no metric, StudyError for a metric with rules of both tests.
    """
    given: dict[str, Rule] = {}
    for wanted, rule in rules.items():
        for name in find([wanted], values):
            if given.get(name, rule).test != rule.test:
                raise _two_rules(name)
            given[name] = rule
    return given


def share(rule: Rule, base: float) -> float | None:
    """Return which share of the baseline's mean `base` an absolute rule allows; None for one that is a share, or 0, or where the mean is no measure."""
    known = not rule.relative and rule.amount > 0 and base != 0 and math.isfinite(base)
    return rule.amount / abs(base) if known else None


def mean_of(values: Column) -> float:
    """Return the mean of the values that there are; NaN of none."""
    there = [value for value in values if value is not None]
    return mean_interval(there).mean if there else math.nan


def require_armed(rule: Rule, name: str, values: Column) -> None:
    """Raise StudyError if `rule` allows more than the whole mean of `values`, in the unit of the metric: most often a % was forgotten."""
    base = mean_of(values)
    part = share(rule, base)
    if part is not None and part > 1:
        raise StudyError(
            f"{name} would never be found worse: {rule.amount:g} is {100 * part:.3g} % of the baseline's mean {base:.4g}: "
            f"write a share, such as 2%, or a smaller number"
        )


def require_as_given(path: Path, before: Baseline, metrics: Sequence[str], rules: Mapping[str, Rule]) -> None:
    """Raise StudyError if the baseline at `path` does not guard `metrics`, or not by `rules`: what is given counts when it is made."""
    way_out = "metrics, margins and tolerances go with the update: make it anew with `pytest --simtier-update`, or leave them out"
    try:
        find([*metrics], before.metrics)
        given = by_metric(rules, {name: each.values for name, each in before.metrics.items()})
    except MetricError as error:
        raise StudyError(f"the baseline {path} guards {', '.join(before.metrics)}: {error}; {way_out}") from error
    for name, rule in given.items():
        if rule != before.metrics[name].rule:
            raise StudyError(
                f"the baseline {path} guards {name} by the rule {_said(before.metrics[name].rule)}, not {_said(rule)}: {way_out}"
            )


def _two_rules(name: str) -> StudyError:
    return StudyError(f"{name} has two rules, {' and '.join(OPTION.values())}: give one of them")


def _said(rule: Rule) -> str:
    return f"`{rule.test}` with tolerance {rule.tolerance if rule.relative else f'{rule.amount:g}'}"
