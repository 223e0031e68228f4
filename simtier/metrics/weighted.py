"""Mean, quantiles and maximum of values that each stand for many, in memory that does not follow their number.

Values are counted in buckets 1/256 of a factor of two wide; a quantile is the mean of the values in its bucket, so it is within 0.4 %
of the exact one, and exact where all values of a bucket are equal. Mean and maximum are exact.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from simtier.metrics.latencies import Floats, buckets
from simtier.metrics.reading import Sums


class Weighted:
    """Values, none of them negative, with how often each occurs."""

    def __init__(self) -> None:
        self._sums = Sums(2)  # how many, and their sum, by bucket
        self._max = 0.0

    def add(self, values: Floats, times: Floats) -> None:
        """Take in more values, each so many times; none of those that occur zero times."""
        some = times > 0
        values, times = values[some], times[some]
        if len(values):
            self._sums.add([buckets(values).astype(np.int64)], [times, times * values])
            self._max = max(self._max, float(values.max()))

    def describe(self, shares: Mapping[str, float]) -> dict[str, float | None]:
        """Return mean, the quantiles by name, and maximum; None without any value."""
        found = np.array([self._sums.by_key[key] for key in sorted(self._sums.by_key)])
        if not len(found):
            return dict.fromkeys(("mean", *shares, "max"))
        ends, means = np.cumsum(found[:, 0]), found[:, 1] / found[:, 0]
        quantiles = {name: _at(share * (ends[-1] - 1), ends, means) for name, share in shares.items()}
        return {"mean": float(found[:, 1].sum() / ends[-1]), **quantiles, "max": self._max}


def _at(place: float, ends: Floats, means: Floats) -> float:
    """Return the value at a place among all values in order, linear between order statistics."""
    low = np.floor(place)
    below, above = (
        means[min(int(np.searchsorted(ends, rank, side="right")), len(means) - 1)] for rank in (low, low + 1)
    )
    return float(below + (above - below) * (place - low))
