"""The cells of a study that no other cell beats in everything: its Pareto front.

By the means over replications a cell dominates another if it is no worse in any objective and better in one; the front are the cells that none dominates, those
of equal means together. Means are uncertain, so the front says too what the replications do not tell, from differences paired by replication: a cell off the
front is surely behind only if some cell of the front is shown better in an objective, and shown to be no worse in the others by more than 1 % of what lies between the
best and the worst cell (at 95 % each). A cell on the front is firm if,
against each cell that could take its place, it is better in some objective (at 95 %, corrected for their number after Bonferroni). Neither is
corrected for the number of cells.

Source: Branke et al. (eds.), Multiobjective Optimization, 2008, section 1.2 (dominance); paired t as in simtier.statistics.paired.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from simtier.metrics.naming import Direction, direction
from simtier.statistics import Interval, mean_interval
from simtier.statistics.samples import BELIEVED, CONSTANT
from simtier.study.effects.complete import complete
from simtier.study.effects.measured import Floats, Measured

LEAST_SPREAD = 1e-3
"""What differs between cells by less than this share of its size is no objective."""
NO_WORSE = 0.01
"""A cell that is worse by less than this share of an objective's range is no worse, where it is asked whether another is surely behind."""
MOST_TOLD = 20
"""Neighbours named for a point of the front, at most: the nearest."""
_ALPHA = 0.05
_PRICES = ("cost_usd", "energy_j")
_DIGITS = 12
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Objective:
    """A metric, and which way it is better."""

    metric: str
    better: Direction


@dataclass(frozen=True)
class Point:
    """A cell with a value of every objective.

    Attributes:
        place: of the cell in Measured.cells.
        name: what its axes set.
        values: each objective's mean and 95 % interval, in the order of the objectives.
        on_front: whether no cell dominates it, by the means.
        sure: whether that is shown: of a point of the front that it is firm, of others that they are surely behind; None if there are not two
            replications.
        beside: for a point of the front, places of the nearest cells that it is not told apart from: those that may take its place, and those it
            dominates by the means, but that are not surely behind.
    """

    place: int
    name: str
    values: tuple[Interval, ...]
    on_front: bool
    sure: bool | None
    beside: tuple[int, ...]


@dataclass(frozen=True)
class Front:
    """The objectives, all cells that have a value of each, and how many have not."""

    objectives: tuple[Objective, ...]
    points: tuple[Point, ...]
    left_out: int

    @property
    def members(self) -> tuple[Point, ...]:
        """The points on the front, best in the first objective first."""
        sign = -1 if self.objectives[0].better == "higher" else 1
        return tuple(
            sorted(
                (point for point in self.points if point.on_front),
                key=lambda point: (sign * point.values[0].mean, point.place),
            )
        )


def objectives(measured: Measured) -> tuple[Objective, ...]:
    """Return the objectives where none are given: attainment against cost and energy, those that vary between cells.

    Where no attainment varies, the 95th percentile of latency stands for it, or else the mean. Empty if there are not both sides.
    """
    varying = [metric for metric, values in measured.values.items() if _varies(values)]
    for end in (".slo.attainment", ".latency_s.p95", ".latency_s.mean"):
        service = [metric for metric in varying if metric.endswith(end)]
        if service:
            break
    prices = [metric for metric in _PRICES if metric in varying]
    return tuple(Objective(metric, direction(metric)) for metric in (*service, *prices)) if service and prices else ()


def front(measured: Measured, chosen: Sequence[Objective]) -> Front | None:
    """Return the front of the cells by two or more objectives; None if no cell has a value of each.

    Raises KeyError for a metric that the table has not.
    """
    tables = np.stack([measured.values[each.metric] for each in chosen], axis=1)
    found = complete(np.where(np.isfinite(tables).all(axis=1), 0.0, np.nan))
    if found is None:
        return None
    values = tables[found.kept][:, :, found.numbers]
    costs = values * np.array([-1.0 if each.better == "higher" else 1.0 for each in chosen])[:, None]
    means = _rounded(costs.mean(axis=2))
    on_front = undominated(means)
    sure, beside = _doubts(costs, means, on_front)
    places = np.flatnonzero(found.kept).tolist()
    points = [
        Point(
            place,
            measured.name(place),
            tuple(mean_interval(each) for each in values[row]),
            bool(on_front[row]),
            sure[row],
            tuple(places[other] for other in beside[row]),
        )
        for row, place in enumerate(places)
    ]
    return Front(tuple(chosen), tuple(points), found.cells_left_out)


def undominated(costs: Floats) -> NDArray[np.bool_]:
    """Return which rows of `costs` (points, objectives; less is better) no other row dominates; equal rows stand or fall together."""
    order = np.lexsort(costs.T[::-1])
    kept = np.zeros(len(costs), dtype=np.bool_)
    best: list[int] = []
    for place in order.tolist():  # whoever dominates a row comes before it
        among = costs[best]
        if not ((among <= costs[place]).all(axis=1) & (among < costs[place]).any(axis=1)).any():
            best.append(place)
            kept[place] = True
    return kept


def _rounded(means: Floats) -> Floats:
    """Return means without the digits that the order of a sum decides."""
    return np.array([[float(f"{value:.{_DIGITS}g}") for value in row] for row in means])


def _doubts(costs: Floats, means: Floats, on_front: NDArray[np.bool_]) -> tuple[list[bool | None], list[list[int]]]:
    """Return which points are sure to be where they are, and for each the nearest that it is not told apart from.

    Args:
        costs: (points, objectives, replications); less is better.
        means: (points, objectives).
        on_front: (points,).
    """
    sure: list[bool | None] = [None] * len(costs)
    beside: list[list[int]] = [[] for _ in costs]
    if costs.shape[2] < 2:
        return sure, beside
    members = np.flatnonzero(on_front).tolist()
    spread = np.maximum(np.ptp(means, axis=0), np.finfo(float).tiny)
    against = {member: _better(costs[member], costs) for member in members}
    behind = np.zeros(len(costs), dtype=np.bool_)
    for member, (better, _) in against.items():
        no_worse, _ = _better(costs[member] - (NO_WORSE * spread)[:, None], costs)
        behind |= (no_worse <= _ALPHA).all(axis=1) & (better <= _ALPHA).any(axis=1) & ~on_front
    for place in np.flatnonzero(~on_front).tolist():
        sure[place] = bool(behind[place])
    for member in members:
        better, same = against[member]
        takes = ~(better * costs.shape[1] <= _ALPHA).any(axis=1) & ~same.all(axis=1) & ~behind
        dominated = (means[member] <= means).all(axis=1) & (means[member] < means).any(axis=1) & ~behind
        sure[member] = not takes.any()
        distance = (np.abs(means - means[member]) / spread).sum(axis=1)
        near = np.flatnonzero(takes | dominated)
        beside[member] = near[np.argsort(distance[near], kind="stable")][:MOST_TOLD].tolist()
    return sure, beside


def _better(cost: Floats, others: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the p-value of being better than each other in each objective (1 where it is not), and where both are the same in every replication.

    Args:
        cost: (objectives, replications).
        others: (points, objectives, replications).
    """
    differences = others - cost
    size = np.maximum(np.abs(cost).max(axis=1), np.abs(others).max(axis=2))
    same = np.abs(differences).max(axis=2) <= _ROUNDING * size
    n = differences.shape[2]
    mean, sd = differences.mean(axis=2), differences.std(axis=2, ddof=1)
    constant = np.ptp(differences, axis=2) <= _ROUNDING * size
    t = mean / np.where(constant, 1.0, sd / np.sqrt(n))
    still = np.maximum(np.ptp(others, axis=2), np.ptp(cost, axis=1)) <= _ROUNDING * size  # neither varies: see paired
    p_constant = np.where((n >= BELIEVED) | (still & (2 * n >= CONSTANT)), 0.0, 1.0)
    p = np.where(constant, p_constant, 2 * stdtr(n - 1, -np.abs(t)))
    return np.where((mean > 0) & ~same, p, 1.0), same


def _varies(values: Floats) -> bool:
    """Return whether the cells' means differ by more than LEAST_SPREAD."""
    found = complete(values)
    return found is not None and bool(np.ptp(found.means) > LEAST_SPREAD * np.abs(found.means).max())
