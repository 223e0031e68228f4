"""How latencies are distributed: counts in narrow bins, so that memory does not follow the number of requests."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from simtier.metrics.reading import Texts, batches
from simtier.report.facts import Facts

PER_DECADE = 1000
"""Bins of a factor of ten: each is 0.23 % wide."""
EDGES: NDArray[np.float64] = 10.0 ** (np.arange(-6 * PER_DECADE, 6 * PER_DECADE + 1) / PER_DECADE)
"""Upper edges of the bins in seconds, from a microsecond to eleven days."""

_COLUMNS = ("replication", "app", "outcome", "arrival_s", "end_s")


@dataclass
class Distribution:
    """Latencies of the requests of one application that arrived after the warm-up and ended ok.

    Attributes:
        counts: for each replication, how many lie above EDGES[i - 1] and at or below EDGES[i]; the first are below all, the last above.
        largest: the largest latency.
    """

    counts: dict[int, NDArray[np.int64]] = field(default_factory=dict)
    smallest: float = float("inf")
    largest: float = 0.0

    def add(self, replication: int, latencies: NDArray[np.float64]) -> None:
        """Count latencies (seconds) of one replication."""
        mine = self.counts.setdefault(replication, np.zeros(len(EDGES) + 1, dtype=np.int64))
        mine += np.bincount(np.searchsorted(EDGES, latencies), minlength=len(mine))
        self.smallest = min(self.smallest, float(latencies.min()))
        self.largest = max(self.largest, float(latencies.max()))

    def pooled(self) -> NDArray[np.int64]:
        """Return the counts of all replications together."""
        total: NDArray[np.int64] = np.sum(list(self.counts.values()), axis=0)
        return total


def curve(counts: NDArray[np.int64], most: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return at most `most` points (upper edges in seconds, share at or below) of the cumulative distribution; it is exact at each."""
    shares = np.cumsum(counts) / counts.sum()
    used = np.flatnonzero(counts[:-1])
    if len(used) > most:
        used = used[np.unique(np.linspace(0, len(used) - 1, most).astype(int))]
    return EDGES[used], shares[used]


def distributions(facts: Facts) -> dict[str, Distribution]:
    """Return the distribution of each application that has a latency."""
    texts = Texts()
    found: dict[str, Distribution] = {}
    for batch in batches(facts.table("requests"), _COLUMNS, texts):
        counted = (
            (batch["arrival_s"] >= facts.warmup_s) & (batch["outcome"] == texts.code("ok")) & facts.answered(batch)
        )
        for app in np.unique(batch["app"][counted]):
            for replication in np.unique(batch["replication"][counted]):
                rows = counted & (batch["app"] == app) & (batch["replication"] == replication)
                if rows.any():
                    latencies = (batch["end_s"] - batch["arrival_s"])[rows]
                    found.setdefault(texts.names[app], Distribution()).add(int(replication), latencies)
    return found
