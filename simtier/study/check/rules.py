"""Did it get worse? Each metric of a baseline against what is measured now, by its rule."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from simtier.metrics.naming import Direction, direction
from simtier.statistics import Comparison, detectable, holm, independent, one_sided, paired
from simtier.study.check.baseline import Rule
from simtier.study.check.missing import as_many, gone, kept
from simtier.study.check.play import Column, Seeds, Values

Verdict = Literal["unchanged", "within noise", "within tolerance", "better", "WORSE", "MOVED", "GONE"]
"""What became of a metric; those in capitals are regressions.

`unchanged`: the same in every replication. `within noise`: no change is shown. `within tolerance`: a change for the worse is shown, and
is tolerated. `MOVED`: shown to be another, where more is neither better nor worse. `GONE`: replications have no value any more, or too few to compare have one; see `judge`.
"""

POWER = 0.8
"""`missed` is the change that would have been found with this probability."""

_ROUNDING = 1e-12
"""Sums taken in another order differ by this share of them."""

_COMPARE = {"paired": paired, "independent": independent}

_BAD = ("WORSE", "MOVED", "GONE")


@dataclass(frozen=True)
class Judged:
    """A metric of the baseline, judged.

    Attributes:
        name: of the metric.
        direction: which way it is better.
        rule: by which it is judged.
        comparison: what changed, with its two-sided interval.
        p_value: for the test `worse` that of "no worse than tolerated", corrected for there being several metrics (Holm); for `mean` that of
            "no change", of this metric alone.
        verdict: what became of it.
        missed: smallest true change for the worse that so many replications would have found four times in five, in the unit of the
            metric; NaN where nothing was left to chance, or for the rule `mean`.
        had: how many replications of the baseline have a value.
        lost: how many of those have none now; of other requests, how many fewer replications have one.
    """

    name: str
    direction: Direction
    rule: Rule
    comparison: Comparison
    p_value: float
    verdict: Verdict
    missed: float
    had: int
    lost: int

    @property
    def failed(self) -> bool:
        """Whether it is a regression."""
        return self.verdict in _BAD

    @property
    def by_chance(self) -> bool:
        """Whether chance alone may explain what changed, as the interval holds "no change"; of one replication that cannot be told."""
        return self.comparison.low <= 0 <= self.comparison.high


def judge(
    rules: Mapping[str, Rule], before: Values, now: Values, seeds: Seeds, alpha: float = 0.05
) -> tuple[Judged, ...]:
    """Return the verdict on each metric that has a rule.

    The rule `worse` is a one-sided t test of "worse by no more than the tolerance", of the differences between replications of the same seed
    (paired) or of two sets of replications (Welch), with Holm's correction over all metrics so tested: if none is worse by more than is
    tolerated, any is flagged with probability `alpha` at most, however they depend on each other. A metric of no direction is tested to both
    sides. The rule `mean` compares the means and makes no test.

    A metric is GONE by either rule, and without a test, if a replication has no value now that had one; what is left would not tell why.
    Of other requests, if any lacks it where all of the baseline have it, or if so many fewer have it as Fisher's exact test does not
    leave to chance. And of those as many values are compared as both have: a t test of skewed values errs less if both are as many.

    Args:
        rules: by metric.
        before: the baseline's values.
        now: the values now, of as many replications; if paired, of the same.
        seeds: whether both faced the same requests.
        alpha: error rate, between 0 and 0.5.
    """
    found = {name: kept(before[name], now[name], seeds) for name in rules}
    if seeds == "independent":
        pairs = {name: as_many(before[name], now[name]) for name in rules}
        before, now = ({name: pair[side] for name, pair in pairs.items()} for side in (0, 1))
    tested = [name for name, rule in rules.items() if rule.test == "worse"]
    ways = {name: direction(name) for name in rules}
    worse = holm({name: _p(rules[name], before[name], now[name], ways[name], seeds) for name in tested})
    better = holm({name: _p(Rule(), before[name], now[name], _OPPOSITE[ways[name]], seeds) for name in rules})
    judged = []
    for name, rule in rules.items():
        comparison = _COMPARE[seeds](before[name], now[name], 1 - alpha)
        p = worse.get(name, comparison.p_value)
        same = comparison.difference == comparison.sd == comparison.dropped == 0 or (
            seeds == "paired" and before[name] == now[name]
        )
        verdict: Verdict
        if same:
            verdict = "unchanged"
        elif gone(found[name], seeds, alpha / len(rules)):
            verdict = "GONE"
        else:
            verdict = _verdict(rule, comparison, ways[name], p, better[name], alpha)
        missed = (
            math.nan
            if same or rule.test == "mean"
            else _missed(rule, before[name], now[name], ways[name], seeds, alpha / len(tested))
        )
        judged.append(Judged(name, ways[name], rule, comparison, p, verdict, missed, found[name].had, found[name].lost))
    return tuple(judged)


def _verdict(
    rule: Rule, comparison: Comparison, way: Direction, p_worse: float, p_better: float, alpha: float
) -> Verdict:
    if math.isnan(comparison.difference) or (rule.test == "worse" and math.isnan(p_worse)):
        return "GONE"
    away = _worsening(comparison.difference, way)
    if p_worse <= alpha if rule.test == "worse" else _is_more(away, _allowed(rule, comparison.base), comparison):
        return "MOVED" if way == "neither" else "WORSE"
    if way != "neither" and p_better <= alpha:
        return "better"
    by_noise = comparison.low <= 0 <= comparison.high
    return "within noise" if by_noise or away <= 0 or rule.amount == 0 else "within tolerance"


def _is_more(away: float, allowed: float, comparison: Comparison) -> bool:
    """Return whether a mean is worse by more than allowed, and not by rounding alone."""
    return away - allowed > _ROUNDING * max(abs(comparison.base), abs(comparison.other))


def _worsening(difference: float, way: Direction) -> float:
    """Return by how much it is worse; below 0 if better."""
    return {"lower": difference, "higher": -difference, "neither": abs(difference)}[way]


def _allowed(rule: Rule, base: float) -> float:
    return rule.amount * abs(base) if rule.relative else rule.amount


_OPPOSITE: dict[Direction, Direction] = {"lower": "higher", "higher": "lower", "neither": "neither"}


def _p(rule: Rule, before: Column, now: Column, way: Direction, seeds: Seeds) -> float:
    """Return the p-value of "worse by no more than the tolerance", not corrected."""

    def towards(*, less_is_worse: bool) -> float:
        return one_sided(
            before, now, margin=rule.amount, relative=rule.relative, more_is_better=less_is_worse, pairing=seeds
        )

    if way != "neither":
        return towards(less_is_worse=way == "higher")
    return min(1.0, 2 * min(towards(less_is_worse=True), towards(less_is_worse=False)))


def _missed(rule: Rule, before: Column, now: Column, way: Direction, seeds: Seeds, alpha: float) -> float:
    """Return the smallest true change for the worse that a test at `alpha` finds with POWER."""
    sides = 1 if way == "neither" else 2  # a two-sided interval of confidence 1 - 2 alpha is a one-sided test at alpha
    sign = -1.0 if way == "higher" else 1.0
    bounds = [None if value is None else value + sign * _allowed(rule, value) for value in before]
    beyond = _COMPARE[seeds](bounds, now)
    room = sign * (beyond.base - _COMPARE[seeds](before, now).base)
    n = min(beyond.n, beyond.n_other)
    return room + detectable(beyond.sd, n, max(1 - sides * alpha, 1e-9), POWER, independent=seeds == "independent")
