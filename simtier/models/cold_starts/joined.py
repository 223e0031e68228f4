"""Totals and components of cold starts as published, joined so that both hold.

Publications give quantiles of the total and quantiles or means of its parts, not how the parts go together; and what different figures
say does not agree exactly. The construction here takes the total's quantiles and the parts' means as given, the parts' shapes as
known roughly:

1. Each part is drawn from its table. A Gaussian copula with one hidden factor F joins them: part i follows the standard normal
   `load_i F + sqrt(1 - load_i^2) e_i`, so the correlation of parts i and j is load_i load_j.
2. Each part is multiplied by a constant of its own, `scale_i`.
3. The row is stretched so that its sum, at level p among all sums, becomes the total's quantile at p. So the total has exactly the
   published distribution (its mean by the bend of `Quantiles`), and a long part still makes a long total.

The scales are found by fixed-point iteration on a lattice of 65,536 points, so that the parts' means after step 3 are those published;
where none are published, they are 1. The tables of parts are therefore met as far as step 3 leaves them: within a factor that is
mostly 0.8 to 1.2.

Assumptions: starts are independent of each other and of time, so what is published over a month holds at every hour; means over time
are taken for means over starts; loads, and the ends of tables, are nobody's measurement. Domain of applicability: totals between
their 5th and 99th percentile; the longest times are a guess, and so are correlations of parts, and parts' shapes where only their
means are published. Left out: starts take longer when there are many (Spearman of scheduling with their number: 0.9 in R1, 0.8 in R3,
0.7 in R5; `RowModel` has a slope for it), and sizes of pods and triggers, by which totals differ as well (Figures 13 and 16).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from simtier.errors import CatalogueError
from simtier.models.cold_starts.quantiles import STEPS, Quantiles, middles
from simtier.models.serverless.spec import Times

Floats = NDArray[np.float64]
Four = tuple[float, float, float, float]

PARTS = ("scheduling", "allocating", "deploying_code", "deploying_dependencies")
_COLUMNS = (0, 1, 3, 4)  # where the parts stand among the components
_DRAWS = 5  # the hidden factor and one for each part
_EDGE = 2.0**-54  # keeps a uniform number of 0 from becoming minus infinity
_PRECISION = 1e-5
_ROUNDS = 200


@dataclass(frozen=True)
class Published:
    """What is known of the cold starts of one region or runtime.

    Attributes:
        total: of the whole cold start.
        parts: of each of `PARTS`, roughly.
        loads: of each part on the hidden factor, between -1 and 1.
        means: of each part in seconds; None if nobody says. They add up to the mean of `total`.
    """

    total: Quantiles
    parts: tuple[Quantiles, Quantiles, Quantiles, Quantiles]
    loads: Four
    means: Four | None = None


class Joined:
    """Rows whose total and components have published distributions; see this module.

    Raises CatalogueError if the means cannot be had.
    """

    def __init__(self, published: Published) -> None:
        self._published = published
        self._levels = middles(STEPS)
        raw = self._raw(_lattice(STEPS))
        totals = published.total.at(self._levels)
        self._scales = np.ones(len(PARTS))
        for _ in range(_ROUNDS):
            scaled = raw * self._scales[:, None]
            sums = _added(scaled)
            order = np.argsort(sums, kind="stable")
            means = np.mean(scaled[:, order] * (totals / sums[order]), axis=1)
            if published.means is None:
                break
            off = np.array(published.means) / np.where(means > 0, means, 1.0)
            if np.all(np.abs(off - 1) < _PRECISION):
                break
            self._scales = self._scales * off
        else:
            raise CatalogueError(f"parts with means of {published.means} s cannot be had from these tables")
        self._log_sums = np.log(sums[order])
        self.means: Times = _as_times(means)

    def rows(self, uniforms: Floats) -> Floats:
        """Return the seconds of each component, (starts, components), from uniform numbers, (starts, 8)."""
        scaled = self._raw(uniforms[:, :_DRAWS].T) * self._scales[:, None]
        sums = _added(scaled)
        totals = self._published.total.at(np.interp(np.log(sums), self._log_sums, self._levels))
        rows = np.zeros((len(uniforms), 6))
        rows[:, _COLUMNS] = (scaled * (totals / sums)).T
        return rows

    def _raw(self, uniforms: Floats) -> Floats:
        """Return the parts of step 1, (parts, starts), from uniform numbers, (draws, starts)."""
        factor, *own = ndtri(np.maximum(uniforms, _EDGE))
        pairs = zip(self._published.parts, self._published.loads, own, strict=True)
        return np.array([part.at(ndtr(load * factor + np.sqrt(1 - load**2) * mine)) for part, load, mine in pairs])


def _added(parts: Floats) -> Floats:
    """Return the sums over the parts, added in one order on every machine."""
    return np.asarray(((parts[0] + parts[1]) + parts[2]) + parts[3], dtype=np.float64)


def _as_times(means: Floats) -> Times:
    scheduling_s, allocating_s, code_s, dependencies_s = (float(mean) for mean in means)
    return (scheduling_s, allocating_s, 0.0, code_s, dependencies_s, 0.0)


def _lattice(number: int) -> Floats:
    """Return points that fill the unit cube evenly, (draws, number): Korobov-like multiples of powers of the generalised golden ratio.

    Source: Roberts, "The unreasonable effectiveness of quasirandom sequences", 2018 (an additive recurrence).
    """
    ratio = 2.0
    for _ in range(64):
        ratio = (1 + ratio) ** (1 / (_DRAWS + 1))
    steps = ratio ** -np.arange(1.0, _DRAWS + 1)
    return np.asarray((0.5 + np.outer(steps, np.arange(1, number + 1))) % 1.0, dtype=np.float64)
