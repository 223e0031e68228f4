"""Confidence intervals of a mean, from independent values.

Assumes values that are independent and near to normal: of replications, or of long batches. A metric that is the same in all
values by luck (no late request in five short runs) gets a half-width of 0, which then says nothing about how rare it is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from simtier.errors import SimtierError
from simtier.statistics.samples import Values, finite


@dataclass(frozen=True)
class Interval:
    """A mean and how well it is known.

    Attributes:
        mean: of the values; NaN without any.
        half_width: of the confidence interval, in the unit of the values; NaN for fewer than two values.
        n: how many values.
    """

    mean: float
    half_width: float
    n: int

    @property
    def low(self) -> float:
        """Lower end."""
        return self.mean - self.half_width

    @property
    def high(self) -> float:
        """Upper end."""
        return self.mean + self.half_width


def mean_interval(values: Values, confidence: float = 0.95) -> Interval:
    """Return the confidence interval of the mean of independent `values`, by Student's t; see `half_width`.

    Values that are None or not finite are left out. Raises SimtierError for a confidence that is not between 0 and 1.
    """
    known = finite(values)
    mean = float(known.mean()) if len(known) else math.nan
    return Interval(mean, half_width(known.tolist(), confidence), len(known))


def half_width(values: Sequence[float], confidence: float = 0.95) -> float:
    """Return the half-width of the confidence interval of the mean of independent `values`, by Student's t.

    NaN for fewer than two values, 0 for equal ones. Raises SimtierError for a confidence that is not between 0 and 1.
    Source: Law, Simulation Modeling and Analysis, 5th ed., equation 4.12.
    """
    n = len(values)
    quantile = critical(confidence, max(n - 1, 1))
    if n < 2:
        return math.nan
    if min(values) == max(values):
        return 0.0
    return quantile * float(np.std(values, ddof=1)) / math.sqrt(n)


def critical(confidence: float, freedom: float) -> float:
    """Return how many standard errors a two-sided interval reaches to each side: a quantile of Student's t.

    Args:
        confidence: between 0 and 1.
        freedom: degrees of freedom, above 0.
    """
    if not 0 < confidence < 1:
        raise SimtierError(f"a confidence of {confidence:g} is not between 0 and 1: give 0.95 for 95 %")
    return float(stdtrit(freedom, (1 + confidence) / 2))
