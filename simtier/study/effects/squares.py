"""Sums of squares of a metric over cells and replications, and whether chance explains them.

All cells of a replication face the same requests, so what a field does varies from one replication to the next alike in all of its cells: cells are no
repetitions of it, replications are. The error of a field, or of a pair, is therefore how much its own effect varies between replications (field by
replication), not how much cells do. Effects of several levels need not vary alike, which makes F too large too often; the degrees of freedom pay for that
after Greenhouse and Geisser. Of a field of two levels it is the paired t test.

Sources: Winer, Brown and Michels, Statistical Principles in Experimental Design, 3rd ed., 1991, chapters 4 and 7 (repeated measures); Greenhouse and Geisser, "On
methods in the analysis of profile data", Psychometrika 24, 1959.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import fdtrc

from simtier.study.effects.complete import Complete
from simtier.study.effects.measured import Codes, Floats

_NOISE = 1e-20
"""Sums of squares below this share of all are rounding."""


class Squares:
    """Sums of squares of a metric (cells, replications)."""

    def __init__(self, found: Complete) -> None:
        values = found.values
        mean, cells, replications = values.mean(), values.mean(axis=1), values.mean(axis=0)
        self._means, self._times = cells, values.shape[1]
        self.total = 0.0 if found.constant else float(((values - mean) ** 2).sum())
        self.cells = float(((cells - mean) ** 2).sum()) * values.shape[1]
        self.replications_share = self.share(float(((replications - mean) ** 2).sum()) * values.shape[0])

    def share(self, squares: float) -> float | None:
        """Return a sum of squares as a share of all."""
        return float(min(squares / self.total, 1.0)) if self.total else None

    def between(self, codes: Codes) -> float:
        """Return the sum of squares between the levels of a field."""
        sizes = np.bincount(codes)
        means = np.bincount(codes, self._means) / np.maximum(sizes, 1)
        squares = sizes * (means - self._means.mean()) ** 2
        return float(squares.sum()) * float(self._times)


def p_value(effects: Floats, freedom: int) -> float:
    """Return how probable effects of such a size would be by chance; NaN if that is not to be known.

    Args:
        effects: of each level, or pair of levels, in each replication (levels, replications): what is beyond the replication's mean, and of a
            pair beyond both fields' parts.
        freedom: how many of them are free: levels - 1, of a pair the product of both.

    The effects of a replication are taken as one draw of normal ones; replications as independent.
    """
    replications = effects.shape[1]
    mean = effects.mean(axis=1)
    varying = effects - mean[:, None]
    error = float((varying**2).sum())
    size = float((mean**2).sum()) * replications
    if freedom < 1 or replications < 2 or not error > _NOISE * (size + error):
        return math.nan
    covariance = varying.T @ varying  # its eigenvalues are those of the levels' covariance, and replications are few
    alike = min(error**2 / (freedom * float((covariance**2).sum())), 1.0)
    f = size / (error / (replications - 1))
    return float(fdtrc(alike * freedom, alike * freedom * (replications - 1), f))


def known(value: float) -> float | None:
    """Return a number, or None in place of NaN."""
    return None if math.isnan(value) else value
