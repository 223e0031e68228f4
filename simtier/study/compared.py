"""Variants compared: for each metric every variant against the base, with a verdict, and the ranking of all."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from simtier.metrics.naming import Direction, direction
from simtier.statistics import Comparison, Ranking, holm, paired, rank, replications_needed

Values = Sequence[float | None]
"""A metric's value in each replication, None where there was nothing to measure."""

Measured = Mapping[str, Values]
"""The values of each variant."""

Verdict = Literal["better", "worse", "lower", "higher", "same", "not shown", "unknown"]
"""What is shown of a variant against the base.

`better` and `worse`; `lower` and `higher` for a metric of which more is neither; `same` if every replication agrees; `not shown` if the
difference may be chance; `unknown` if the replications are too few to tell.
"""

Pair = Callable[[str, str], Comparison]
"""Compares the values of two variants, by their names."""


@dataclass(frozen=True)
class Against:
    """A variant against the base, in one metric.

    Attributes:
        variant: its name.
        comparison: the difference, its interval and its own p-value.
        p_adjusted: the p-value corrected for there being several variants (Holm).
        verdict: what is shown.
        needed: replications in all that would show a true difference of this size four times in five, where the verdict is `not shown`;
            None if more than 100,000, or not to be known. At the strictest level of Holm's correction.
        doubt: why nothing is shown whatever the p-value; empty mostly.
    """

    variant: str
    comparison: Comparison
    p_adjusted: float
    verdict: Verdict
    needed: int | None
    doubt: str = ""


@dataclass(frozen=True)
class InMetric:
    """All variants in one metric.

    Attributes:
        name: of the metric.
        direction: which way it is better.
        base: name of the variant that the others are compared with.
        values: what was measured, by variant.
        against: the others, in the order given.
        ranking: all in order, the best first; None for two variants, or a metric of which more is neither better nor worse.
    """

    name: str
    direction: Direction
    base: str
    values: Measured
    against: tuple[Against, ...]
    ranking: Ranking | None


def in_metric(name: str, values: Measured, confidence: float, pair: Pair | None = None) -> InMetric:
    """Return the variants compared in the metric `name`; the first is the base.

    Args:
        name: of the metric; says which way it is better.
        values: of each variant, in replications of the same numbers.
        confidence: of each interval, and of all verdicts of this metric together.
        pair: compares two variants by name, in place of the paired values.
    """
    base, *others = values
    compare = pair or (lambda one, other: paired(values[one], values[other], confidence))
    found = {other: compare(base, other) for other in others}
    adjusted = holm({other: 1.0 if math.isnan(each.p_value) else each.p_value for other, each in found.items()})
    way = direction(name)
    against = [_against(other, each, adjusted[other], way, len(others)) for other, each in found.items()]
    ranked = len(values) > 2 and way != "neither" and pair is None
    ranking = rank(values, more_is_better=way == "higher", confidence=confidence) if ranked else None
    return InMetric(name, way, base, values, tuple(against), ranking)


def _against(variant: str, comparison: Comparison, adjusted: float, way: Direction, tests: int) -> Against:
    verdict = _verdict(comparison, adjusted, way)
    needed = replications_needed(comparison, tests=tests) if verdict == "not shown" else None
    return Against(variant, comparison, adjusted, verdict, needed and max(needed, comparison.n + 1))


def _verdict(comparison: Comparison, adjusted: float, way: Direction) -> Verdict:
    if math.isnan(comparison.p_value):
        return "unknown"
    if comparison.difference == 0 and comparison.sd == 0:
        return "same"
    if adjusted > 1 - comparison.confidence:
        return "not shown"
    lower = comparison.difference < 0
    if way == "neither":
        return "lower" if lower else "higher"
    return "better" if lower == (way == "lower") else "worse"
