"""Sums of squares of a metric over cells and replications, and whether chance explains them."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import fdtrc

from simtier.study.effects.complete import Complete
from simtier.study.effects.measured import Codes

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
        noise = values - cells[:, None] - replications[None, :] + mean
        self._freedom = (values.shape[0] - 1) * (values.shape[1] - 1)
        self._noise = 0.0 if found.constant else float((noise**2).sum())

    def share(self, squares: float) -> float | None:
        """Return a sum of squares as a share of all."""
        return float(min(squares / self.total, 1.0)) if self.total else None

    def between(self, codes: Codes) -> float:
        """Return the sum of squares between the levels of a field."""
        sizes = np.bincount(codes)
        means = np.bincount(codes, self._means) / np.maximum(sizes, 1)
        squares = sizes * (means - self._means.mean()) ** 2
        return float(squares.sum()) * float(self._times)

    def p_value(self, squares: float, freedom: int) -> float:
        """Return how probable such a sum of squares would be by chance; NaN if that is not to be known."""
        if not self._freedom or not freedom or not self._noise > _NOISE * self.total:
            return math.nan
        return float(fdtrc(freedom, self._freedom, squares / freedom / (self._noise / self._freedom)))


def known(value: float) -> float | None:
    """Return a number, or None in place of NaN."""
    return None if math.isnan(value) else value
