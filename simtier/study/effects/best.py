"""The best cells of a study by one metric, and those not told apart from the best."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from simtier.metrics.naming import Direction, direction
from simtier.statistics import Interval, mean_interval, paired
from simtier.study.effects.complete import complete
from simtier.study.effects.measured import Measured

MOST_COMPARED = 1000
"""Cells compared with the best, at most: the next best."""
_ALPHA = 0.05


@dataclass(frozen=True)
class Best:
    """The best cells by a metric.

    Attributes:
        metric: its name.
        better: which way it is better.
        places: cells in order, the best first; the order of equal ones is that of the study.
        intervals: the mean of each and its 95 % interval.
        ties: places of those that the replications do not tell from the first, by paired differences; None if there are not two replications.
            The first was chosen for its mean, so any pair of cells might have been looked at: p-values are corrected for all pairs (Bonferroni), and any cell is
            told apart that does not differ with a probability of 5 % at most.
    """

    metric: str
    better: Direction
    places: tuple[int, ...]
    intervals: tuple[Interval, ...]
    ties: tuple[int, ...] | None


def best(measured: Measured, metric: str) -> Best | None:
    """Return the cells in order of `metric`, best first; None if it has no value, never varies, or is neither better high nor low.

    Raises KeyError for a metric that the table has not.
    """
    way = direction(metric)
    found = complete(measured.values[metric])
    if found is None or found.constant or way == "neither":
        return None
    means = -found.means if way == "higher" else found.means
    order = np.argsort(means, kind="stable")
    cells = np.flatnonzero(found.kept)
    ties = None
    if found.replications > 1:
        first, *others = order[: MOST_COMPARED + 1].tolist()
        level = _ALPHA / math.comb(len(found.values), 2) if others else _ALPHA
        p_values = [paired(found.values[first], found.values[other]).p_value for other in others]
        ties = tuple(int(cells[other]) for other, p in zip(others, p_values, strict=True) if not p <= level)
    intervals = tuple(mean_interval(found.values[place]) for place in order)
    return Best(metric, way, tuple(cells[order].tolist()), intervals, ties)
