"""Percentiles of a stream: exact while its values fit a bound, within 0.1 % of the exact ones above it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

ACCURACY = 0.001
"""Relative error of a percentile that is not exact."""
SMALLEST, LARGEST = 1e-12, 1e18
"""Magnitudes that buckets tell apart: smaller ones count as zero, larger ones as the largest."""

_GAMMA = (1 + ACCURACY) / (1 - ACCURACY)
_FIRST = int(np.ceil(np.log(SMALLEST) / np.log(_GAMMA)))
_SIDE = (
    int(np.ceil(np.log(LARGEST) / np.log(_GAMMA))) - _FIRST + 1
)  # buckets of one sign; zero has its own, in the middle


class Buckets:
    """Counts in logarithmic buckets, rising from the negative values over zero to the positive ones.

    Bucket i of a sign holds the magnitudes in (g^(i-1), g^i], g = (1 + a) / (1 - a), and stands for 2 g^i / (g + 1), which is
    within the share a of all of them. Source: Masson, Rim and Lee, DDSketch, PVLDB 12(12), 2019, section 2.
    """

    def __init__(self) -> None:
        self.counts: Counts = np.zeros(2 * _SIDE + 1, np.int64)

    def add(self, values: Floats) -> None:
        """Count finite `values`."""
        size = np.clip(np.abs(values), SMALLEST, LARGEST)
        place = np.ceil(np.log(size) / np.log(_GAMMA)).astype(np.int64) - _FIRST + 1
        place = np.where(np.abs(values) < SMALLEST, 0, np.clip(place, 1, _SIDE)) * np.sign(values).astype(np.int64)
        low = int(place.min(initial=0))
        counts = np.bincount(place - low)
        self.counts[_SIDE + low : _SIDE + low + len(counts)] += counts

    def at_ranks(self, ranks: NDArray[np.int64]) -> Floats:
        """Return approximations of the values with these `ranks`, counted from 0 in rising order."""
        place = np.searchsorted(np.cumsum(self.counts), ranks, side="right") - _SIDE
        size = 2 * _GAMMA ** (np.abs(place) - 1.0 + _FIRST) / (_GAMMA + 1)
        return np.asarray(np.sign(place) * size, np.float64)


class Quantiles:
    """The distribution of a stream of finite numbers; holds up to `bound` of them, then their counts in buckets."""

    def __init__(self, bound: int) -> None:
        self.count = 0
        self._bound = bound
        self._parts: list[Floats] = []
        self._buckets: Buckets | None = None

    @property
    def approximate(self) -> bool:
        """Whether there were too many values to hold."""
        return self._buckets is not None

    def add(self, values: Floats) -> None:
        """Take in finite `values`, which must not change afterwards."""
        self.count += len(values)
        if self._buckets is None and self.count > self._bound:
            self._buckets = self.buckets()
            self._parts = []
        if self._buckets is not None:
            self._buckets.add(values)
        elif len(values):
            self._parts.append(values)

    def percentiles(self, percents: Sequence[float]) -> list[float]:
        """Return the percentiles by linear interpolation between neighbouring ranks, as numpy; needs one value at least."""
        if self._buckets is None:
            return [float(value) for value in np.percentile(self.sorted(), percents)]
        rank = np.asarray(percents, np.float64) / 100 * (self.count - 1)
        below = np.floor(rank).astype(np.int64)
        lower, upper = self._buckets.at_ranks(below), self._buckets.at_ranks(np.ceil(rank).astype(np.int64))
        return [float(value) for value in lower + (upper - lower) * (rank - below)]

    def sorted(self) -> Floats:
        """Return the values held, in rising order; empty once there were too many."""
        if len(self._parts) > 1:
            self._parts = [np.concatenate(self._parts)]
        if not self._parts:
            return np.empty(0)
        self._parts = [np.sort(self._parts[0])]
        return self._parts[0]

    def buckets(self) -> Buckets:
        """Return the counts in buckets."""
        if self._buckets is not None:
            return self._buckets
        buckets = Buckets()
        for part in self._parts:
            buckets.add(part)
        return buckets


def distance(one: Quantiles, other: Quantiles) -> float | None:
    """Return the two-sample Kolmogorov-Smirnov distance, the largest gap between the two distribution functions.

    Exact, with ties, while both hold their values; else taken over the buckets, which cannot tell values within 0.2 % apart and
    so never gives more than the exact distance. None if one has no values.
    """
    if not (one.count and other.count):
        return None
    if one.approximate or other.approximate:
        mine, yours = one.buckets().counts, other.buckets().counts
        return float(np.max(np.abs(np.cumsum(mine) / one.count - np.cumsum(yours) / other.count)))
    first, second = one.sorted(), other.sorted()
    largest = 0.0
    for points in (first, second):
        gap = (
            np.searchsorted(first, points, "right") / one.count - np.searchsorted(second, points, "right") / other.count
        )
        largest = max(largest, float(np.max(np.abs(gap))))
    return largest
