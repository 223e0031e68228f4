"""Ranking many policies by one metric, and saying which of them the replications do not tell apart."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from simtier.statistics.holm import holm
from simtier.statistics.intervals import Interval, mean_interval
from simtier.statistics.paired import Comparison, paired
from simtier.statistics.samples import Values, numbers


@dataclass(frozen=True)
class Ranked:
    """A policy's place.

    Attributes:
        name: of the policy.
        interval: its own mean over the replications that all have, at the ranking's confidence.
        rank: place by mean, from 1, the best; equal means share one.
        ties: names of the policies, best first, that it is not told apart from.
        maybe_best: whether it is the first, or not told apart from it.
    """

    name: str
    interval: Interval
    rank: int
    ties: tuple[str, ...]
    maybe_best: bool


@dataclass(frozen=True)
class Ranking:
    """Policies in order, and all their differences.

    Attributes:
        order: the best first.
        comparisons: by (better, worse) in this order: the difference worse - better, its own p-value and interval.
        adjusted: the p-values corrected for there being so many, by the same pairs.
        confidence: all policies told apart differ in truth with this probability.
    """

    order: tuple[Ranked, ...]
    comparisons: dict[tuple[str, str], Comparison]
    adjusted: dict[tuple[str, str], float]
    confidence: float

    def told_apart(self, one: str, another: str) -> bool:
        """Return whether the replications show a difference between two policies."""
        pair = (one, another) if (one, another) in self.adjusted else (another, one)
        return self.adjusted[pair] <= 1 - self.confidence


def rank(values: Mapping[str, Values], *, more_is_better: bool, confidence: float = 0.95) -> Ranking:
    """Return the ranking of policies by a metric.

    Args:
        values: for each policy, its values (replications,); value i of all is of the same replication.
        more_is_better: whether the largest mean comes first.
        confidence: of the intervals and of all differences together, between 0 and 1.

    Means and differences are of the replications in which every policy has a value, so that none leads for lacking its hardest ones. A
    policy without any value comes last, and takes none from the others; where no replication is left, means are of what each has, and nobody
    is told apart. All pairs are compared by their paired differences, p-values corrected after Holm (1979). Policies of one mean stay in the order given. Raises SimtierError if they have not as many values, or for a confidence out of range.
    """
    shared = _shared(values)
    intervals = {name: mean_interval(found, confidence) for name, found in shared.items()}
    badness = {name: _badness(interval, more_is_better=more_is_better) for name, interval in intervals.items()}
    names = sorted(values, key=badness.__getitem__)
    comparisons = {pair: paired(shared[pair[0]], shared[pair[1]], confidence) for pair in combinations(names, 2)}
    adjusted = holm({pair: comparison.p_value for pair, comparison in comparisons.items()})
    ranking = Ranking((), comparisons, adjusted, confidence)

    def place(name: str) -> Ranked:
        ties = tuple(other for other in names if other != name and not ranking.told_apart(name, other))
        better = sum(badness[other] < badness[name] for other in names)
        return Ranked(name, intervals[name], 1 + better, ties, name == names[0] or names[0] in ties)

    return Ranking(tuple(map(place, names)), comparisons, adjusted, confidence)


def _shared(values: Mapping[str, Values]) -> dict[str, Values]:
    """Return the values in the replications that all policies have of which there is a value at all; all values, if that leaves none."""
    found = {name: numbers(each) for name, each in values.items()}
    known = [np.isfinite(each) for each in found.values() if np.isfinite(each).any()]
    if len({len(each) for each in found.values()}) > 1 or not known:
        return dict(values)
    kept = np.all(known, axis=0)
    return {name: np.where(kept, each, math.nan) for name, each in found.items()} if kept.any() else dict(values)


def _badness(interval: Interval, *, more_is_better: bool) -> float:
    if math.isnan(interval.mean):
        return math.inf
    return -interval.mean if more_is_better else interval.mean
