"""Mean, quantiles and maximum of many latencies, exactly, in memory that does not follow their number.

Up to `HELD` values are kept. More are counted in buckets by the first bits of their number, 1/256 of a factor of two wide, which
says in which bucket each quantile lies; a second pass over the table then keeps the values of these few buckets only.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

HELD = 1_000_000
_SHIFT = np.uint64(44)  # sign, exponent and 8 bits of the fraction remain: the order of numbers that are not negative


def buckets(values: Floats) -> NDArray[np.uint64]:
    """Return the bucket of each value, which must not be negative."""
    return (values + 0.0).view(np.uint64) >> _SHIFT  # adding 0 turns -0 into 0


class Latencies:
    """Latencies as they come.

    Attributes:
        count: how many there are.
        long: whether they were too many to keep, so that `quantiles` needs the values of `wanted` buckets again.
    """

    def __init__(self) -> None:
        self.count = 0
        self.long = False
        self._sum = 0.0
        self._max = -math.inf
        self._held: list[Floats] = []
        self._counts: dict[int, int] = {}

    def add(self, values: Floats) -> None:
        """Take in more values."""
        if not len(values):
            return
        self.count += len(values)
        self._sum += float(values.sum())
        self._max = max(self._max, float(values.max()))
        self._held.append(values)
        if self.long or self.count > HELD:
            self.long = True
            self._count_held()

    def join(self, others: Iterable[Latencies]) -> Latencies:
        """Return all of these and of `others` together."""
        joined = Latencies()
        for each in (self, *others):
            joined.count += each.count
            joined._sum += each._sum  # noqa: SLF001 - of the same class
            joined._max = max(joined._max, each._max)  # noqa: SLF001
            joined._held += each._held  # noqa: SLF001
            joined.long = joined.long or each.long
            for bucket, count in each._counts.items():  # noqa: SLF001
                joined._counts[bucket] = joined._counts.get(bucket, 0) + count
        joined.long = joined.long or joined.count > HELD
        if joined.long:
            joined._count_held()
        return joined

    @property
    def mean(self) -> float | None:
        """Arithmetic mean; None without values."""
        if not self.count:
            return None
        return self._sum / self.count if self.long else float(np.concatenate(self._held).mean())

    @property
    def max(self) -> float | None:
        """The largest; None without values."""
        return self._max if self.count else None

    def wanted(self, shares: Sequence[float]) -> NDArray[np.uint64]:
        """Return the buckets whose values `quantiles` needs."""
        places = {self._bucket_of(rank) for share in shares for rank in self._ranks(share)[:2]} if self.long else set()
        return np.array(sorted(places), dtype=np.uint64)

    def quantiles(self, shares: Sequence[float], again: Floats) -> list[float]:
        """Return the quantiles, linear between order statistics as NumPy's; `again`: all values of the `wanted` buckets, if `long`."""
        if not self.long:
            return [float(value) for value in np.quantile(np.concatenate(self._held), shares)]
        values = np.sort(again)
        inside, starts = np.unique(buckets(values), return_index=True)
        begins = dict(zip(inside.tolist(), starts.tolist(), strict=True))

        def statistic(rank: int) -> float:
            bucket = self._bucket_of(rank)
            return float(values[begins[bucket] + rank - self._before(bucket)])

        found = []
        for share in shares:
            low, high, part = self._ranks(share)
            below, above = statistic(low), statistic(high)
            found.append(above - (above - below) * (1 - part) if part >= 0.5 else below + (above - below) * part)
        return found

    def _count_held(self) -> None:
        for values in self._held:
            for bucket, count in zip(
                *(part.tolist() for part in np.unique(buckets(values), return_counts=True)), strict=True
            ):
                self._counts[bucket] = self._counts.get(bucket, 0) + count
        self._held = []

    def _ranks(self, share: float) -> tuple[int, int, float]:
        """Return the order statistics around a quantile, from 0, and how far it lies between them."""
        place = share * (self.count - 1)
        low = math.floor(place)
        return low, min(low + 1, self.count - 1), place - low

    def _bucket_of(self, rank: int) -> int:
        seen = 0
        for bucket in sorted(self._counts):
            seen += self._counts[bucket]
            if rank < seen:
                return bucket
        raise IndexError(rank)

    def _before(self, bucket: int) -> int:
        return sum(count for other, count in self._counts.items() if other < bucket)
