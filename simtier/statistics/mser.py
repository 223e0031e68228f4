"""How much of a run's beginning to leave out: MSER-5.

Assumes that the observations settle to a level and stay there, and that there are enough of them behind it; a load that never
settles (a day's curve) has no warm-up to find, and a bias as slow as the run is long cannot be seen in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from simtier.errors import SimtierError
from simtier.statistics.samples import Floats

BATCH = 5
TAIL = 5
"""Means of fewer batches than these say nothing about their spread: the last few are never all that is kept."""


@dataclass(frozen=True)
class WarmUp:
    """What MSER found.

    Attributes:
        delete: how many observations, from the first, to leave out; None if the series is too short to say, since the best cut lies in
            its second half.
        observations: how many there are in each replication, the shortest one's number.
        curve: pairs of observations left out and the statistic, in the observations' unit squared; thinned out for a plot.
        replications: how many series were averaged.
    """

    delete: int | None
    observations: int
    curve: tuple[tuple[int, float], ...]
    replications: int


def mser5(series: Sequence[ArrayLike], points: int = 200) -> WarmUp:
    """Return the warm-up of one or several series.

    The observations are averaged over the replications, one by one, then in batches of 5, Z_1 ... Z_b. The cut d minimises

        MSER(d) = 1 / (b - d)^2 * sum over j > d of (Z_j - mean of Z_{d+1} ... Z_b)^2,

    the squared width of the interval of what is kept, but for a constant. At least 5 batches are kept. Takes O(n).

    Args:
        series: for each replication, its observations in order (waiting times by number of the request, say): arrays of one
            dimension; longer ones are cut to the shortest.
        points: at most about so many points of the curve.

    Raises SimtierError without any series, or for an observation that is not finite.
    Source: White, "An effective truncation heuristic for bias reduction in simulation output", Simulation 69, 1997; White, Cobb and Spratt, "A comparison of
    five steady-state truncation heuristics for simulation", WSC 2000; that a cut in the second half, or next to the end, is not to be trusted: Hoad,
    Robinson and Davies, "Automating warm-up length estimation", WSC 2008.
    """
    averaged = _averaged(series)
    batches = len(averaged) // BATCH
    if batches < 2 * TAIL:
        return WarmUp(None, len(averaged), (), len(series))
    means = averaged[: batches * BATCH].reshape(batches, BATCH).mean(axis=1)
    statistic = _statistic(means)
    cut = int(np.argmin(statistic))
    shown = np.unique(np.append(np.linspace(0, len(statistic) - 1, points).astype(int), cut))
    curve = tuple((int(d) * BATCH, float(statistic[d])) for d in shown)
    return WarmUp(cut * BATCH if cut <= batches / 2 else None, len(averaged), curve, len(series))


def _averaged(series: Sequence[ArrayLike]) -> Floats:
    replications = [np.asarray(one, dtype=np.float64) for one in series]
    if not replications:
        raise SimtierError("a warm-up cannot be found in no series: give at least one replication's observations")
    shortest = min(map(len, replications))
    averaged: Floats = np.mean([one[:shortest] for one in replications], axis=0)
    strange = np.flatnonzero(~np.isfinite(averaged))
    if len(strange):
        raise SimtierError(
            f"observation {strange[0]} of a series whose warm-up is looked for is {averaged[strange[0]]}: leave out what has no value"
        )
    return averaged


def _statistic(means: Floats) -> Floats:
    """Return MSER(d) for d = 0, 1, ... as long as `TAIL` batches are kept."""
    # Sums from the end, of distances from the last one: small where the series has settled, so that a large transient costs no digits.
    away = means[::-1] - means[-1]
    kept = np.arange(1, len(means) + 1)
    squares = np.cumsum(away**2) - np.cumsum(away) ** 2 / kept
    statistic: Floats = (np.maximum(squares, 0) / kept.astype(np.float64) ** 2)[::-1]
    return statistic[: len(means) - TAIL + 1]
