"""Cold starts whose whole time is log-normal."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from simtier.models.serverless.spec import Times

Floats = NDArray[np.float64]


class LogNormalRows:
    """Rows whose sum is log-normal, divided among the components in fixed shares.

    Assumption: every component has the same share of every start. Fit for studies in which only the whole time matters.

    Args:
        mean, sd: of the whole time itself, in seconds, not of its logarithm.
        shares: of each component; they add up to 1.
    """

    def __init__(self, mean: float, sd: float, shares: Sequence[float]) -> None:
        variance = math.log1p((sd / mean) ** 2)
        self._mu, self._sigma = math.log(mean) - variance / 2, math.sqrt(variance)
        self._shares = np.array(shares)
        a, b, c, d, e, f = (mean * share for share in shares)
        self.means: Times = (a, b, c, d, e, f)

    def rows(self, uniforms: Floats) -> Floats:
        """Return the seconds of each component, (starts, components), from uniform numbers, (starts, 8)."""
        normal = ndtri(np.maximum(uniforms[:, 0], 2.0**-54))
        return np.asarray(np.outer(np.exp(self._mu + self._sigma * normal), self._shares), dtype=np.float64)
