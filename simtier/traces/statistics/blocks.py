"""Lists of prefix blocks: how long they are, and how many of them a cache that forgets nothing would have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simtier.traces.statistics.columns import NumberColumn, Numbers

_PIECE = 2**18  # ids hashed at a time


@dataclass(frozen=True)
class Blocks:
    """A column of lists of block ids.

    Attributes:
        lengths: blocks a row.
        total: blocks of all rows.
        distinct: different blocks; an estimate if `approximate`.
        hit_ratio: share of the blocks that an earlier row had, which an infinite prefix cache need not compute; an id stands for
            its whole prefix, so it is 1 - distinct / total. None without blocks.
        approximate: whether there were too many different blocks to count one by one.
    """

    lengths: Numbers
    total: int
    distinct: float
    hit_ratio: float | None
    approximate: bool


class BlockColumn:
    """Collects `Blocks`; counts up to `bound` different ids exactly.

    Above that only the `bound` smallest hashes are kept and the number of different ids is estimated from the largest of them,
    (k - 1) / u_k, with a relative standard deviation of 1 / sqrt(k - 2), 0.1 % for a million. Source: Beyer et al., On synopses
    for distinct-value estimation under multiset operations, SIGMOD 2007, section 4.
    """

    def __init__(self, values: int, bound: int) -> None:
        self.lengths = NumberColumn(values)
        self._bound = bound
        self._total = 0
        self._smallest = np.empty(0, np.uint64)
        self._new: list[NDArray[np.uint64]] = []
        self._waiting = 0
        self._more = False

    def add_column(self, column: Any) -> None:
        """Take in an Arrow array of lists of whole numbers."""
        self.lengths.add_column(column.value_lengths())
        ids = column.flatten().drop_null().to_numpy(zero_copy_only=False)
        self._total += len(ids)
        for start in range(0, len(ids), _PIECE):
            self._add(_mixed(ids[start : start + _PIECE]))

    def figures(self) -> Blocks:
        """Return what was collected."""
        self._merge()
        distinct: float = len(self._smallest)
        if self._more:
            distinct = min((distinct - 1) * 2.0**64 / (float(self._smallest[-1]) + 1), self._total)
        hits = 1 - distinct / self._total if self._total else None
        return Blocks(self.lengths.figures(), self._total, distinct, hits, self._more)

    def _add(self, hashes: NDArray[np.uint64]) -> None:
        if self._more:
            hashes = hashes[hashes < self._smallest[-1]]
        self._new.append(hashes)
        self._waiting += len(hashes)
        if self._waiting > self._bound // 2:
            self._merge()

    def _merge(self) -> None:
        merged = np.unique(np.concatenate([self._smallest, *self._new]))
        self._more = self._more or len(merged) > self._bound
        self._smallest = merged[: self._bound].copy()  # a view would keep all of `merged`
        self._new, self._waiting = [], 0


def _mixed(ids: NDArray[Any]) -> NDArray[np.uint64]:
    """Return a hash of each id, different for different ids: the finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014)."""
    bits = ids.astype(np.int64).view(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))
