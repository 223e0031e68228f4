"""Intervals from inside one long run: batch means.

The time after the warm-up is cut into batches of equal length, the measure is taken of each, and the batches are treated as
replications are. This holds where batches are so long that they are hardly correlated. Every batch counts the same, however many
observations fall into it, and a quantile is the mean of the batches' quantiles, which for batches of few observations is not the
quantile of all.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from simtier.errors import SimtierError
from simtier.statistics.intervals import Interval, mean_interval
from simtier.statistics.paired import Comparison, paired
from simtier.statistics.samples import Floats

Measure = Callable[[Floats], float]
"""One number of the values of a batch (at least one)."""
NUMBERS = (30, 15, 10)
"""How many batches are tried, in this order."""
LEVEL = 0.05
"""Batches are taken as correlated if uncorrelated ones would look it more rarely than this."""


@dataclass(frozen=True)
class Observed:
    """What was observed in a run.

    Attributes:
        times_s: when each observation counts (a request's arrival, say, so that both runs put it into the same batch), array (n,).
        values: the observations, array (n,); for a share, 1 where it holds and 0 where not.
    """

    times_s: ArrayLike
    values: ArrayLike


@dataclass(frozen=True)
class Batched:
    """A mean with its interval from the batches of one run.

    Attributes:
        interval: from Student's t with batches - 1 degrees of freedom; `n` counts the batches that hold observations.
        batches: into how many the time was cut.
        correlated: whether even the fewest batches are correlated, so that the interval is too narrow: run longer.
        p_correlated: probability that batches without correlation look as correlated as these; NaN if it cannot be known.
    """

    interval: Interval
    batches: int
    correlated: bool
    p_correlated: float


@dataclass(frozen=True)
class BatchedComparison:
    """Two runs compared batch by batch.

    Attributes:
        comparison: of the batches' values in pairs, `dropped` counting those without an observation in both runs.
        batches, correlated, p_correlated: as in `Batched`, of the differences.
    """

    comparison: Comparison
    batches: int
    correlated: bool
    p_correlated: float


def mean(values: Floats) -> float:
    """Return the mean of a batch; the share, where the values are 1 and 0."""
    return float(values.mean())


def quantile(share: float) -> Measure:
    """Return the measure "quantile `share`" (0.99, say) of a batch, linear between order statistics."""
    return lambda values: float(np.quantile(values, share))


def batched(
    observed: Observed, start_s: float, end_s: float, measure: Measure = mean, confidence: float = 0.95
) -> Batched:
    """Return the measure of one long run with its interval.

    Of 30, 15 and 10 batches the first number is taken whose neighbours are not correlated (`correlation_p`), else 10, and the result says so.

    Args:
        observed: the run's observations; those outside of [start_s, end_s) are left out.
        start_s: where the time to cut begins, in seconds, behind the warm-up.
        end_s: where it ends.
        measure: what is taken of each batch.
        confidence: of the interval, between 0 and 1.

    Raises SimtierError if the time is empty.
    Source: Law, Simulation Modeling and Analysis, 5th ed., section 9.5.3; Fishman, "Grouping observations in digital simulation", Management
    Science 24, 1978.
    """
    for number in NUMBERS:
        values = batch_values(observed, start_s, end_s, number, measure)
        p = correlation_p(values)
        if not p <= LEVEL:
            break
    return Batched(mean_interval(values, confidence), number, p <= LEVEL, p)


def compare_batches(
    base: Observed, other: Observed, start_s: float, end_s: float, measure: Measure = mean, confidence: float = 0.95
) -> BatchedComparison:
    """Return the comparison of two long runs that face the same requests, batch by batch; arguments and source as of `batched`."""
    for number in NUMBERS:
        first, second = (batch_values(run, start_s, end_s, number, measure) for run in (base, other))
        p = correlation_p(second - first)
        if not p <= LEVEL:
            break
    return BatchedComparison(paired(first, second, confidence, "batches"), number, p <= LEVEL, p)


def batch_values(observed: Observed, start_s: float, end_s: float, batches: int, measure: Measure = mean) -> Floats:
    """Return the measure of each batch, array (batches,): NaN for a batch without observations; see `batched`."""
    if not start_s < end_s:
        raise SimtierError(
            f"no batches can be cut from {start_s:g} s to {end_s:g} s: the run must end after its warm-up"
        )
    times, values = (np.asarray(column, dtype=np.float64) for column in (observed.times_s, observed.values))
    order = np.argsort(times, kind="stable")
    times, values = times[order], values[order]
    edges = start_s + (end_s - start_s) * np.arange(batches + 1) / batches
    places = np.searchsorted(times, edges)
    return np.array([measure(values[low:high]) if high > low else math.nan for low, high in pairwise(places)])


def correlation_p(values: Floats) -> float:
    """Return the probability that independent normal values look as correlated with their neighbours as these.

    Von Neumann's ratio: C = 1 - sum (x_i - x_{i-1})^2 / (2 sum (x_i - mean)^2) estimates the correlation of neighbours, and has mean 0 and variance
    (k - 2) / (k^2 - 1) without it; only positive correlation, which narrows intervals, counts. Ten batches show only a strong one.
    NaN for fewer than 3 values, or equal ones; values that are not finite are left out.
    Source: von Neumann, "Distribution of the ratio of the mean square successive difference to the variance", Ann. Math. Statist. 12, 1941;
    Fishman (1978).
    """
    known = values[np.isfinite(values)]
    k = len(known)
    if k < 3 or np.ptp(known) == 0:
        return math.nan
    correlation = 1 - float(np.sum(np.diff(known) ** 2) / (2 * np.sum((known - known.mean()) ** 2)))
    return float(ndtr(-correlation / math.sqrt((k - 2) / (k**2 - 1))))
