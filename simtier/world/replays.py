"""Traces as workloads: the rows of a trace, windowed, thinned, scaled and expanded, as arrivals with what they carry."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import repeat
from typing import Any

import numpy as np

from simtier.models.arrivals import LARGEST_CHUNK, Chunks
from simtier.models.workload import TRACED
from simtier.scenario.workloads import Workload
from simtier.streams import Streams
from simtier.traces.expansion import Expansion, expand
from simtier.traces.ledger import Ledger
from simtier.traces.replay import Replay
from simtier.world.traces import Reel, TraceShelf

SAMPLED_ROWS = 50_000
"""So many rows of a trace tell the mean of what it holds, for those who ask before a request is known."""


class Replayed:
    """One source's requests, out of a trace: when they arrive, and what each carries, in one pass over the trace."""

    def __init__(self, batches: Iterator[Any]) -> None:
        self._batches = batches
        self._carried: deque[Iterator[tuple[float, ...]]] = deque()

    def chunks(self) -> Chunks:
        """Yield the arrival times; what the requests carry is kept for `rows`."""
        for part in self._batches:
            for first in range(0, part.num_rows, LARGEST_CHUNK):
                piece = part.slice(first, LARGEST_CHUNK)
                self._carried.append(_carried(piece))
                yield piece.column(0).to_numpy()

    def rows(self) -> Iterator[tuple[float, ...]]:
        """Yield what each request carries, by `TRACED`; the next one's arrival must have been taken from `chunks`."""
        while True:
            yield from self._carried.popleft()


def _carried(piece: Any) -> Iterator[tuple[float, ...]]:
    columns = [
        np.nan_to_num(piece.column(name).to_numpy(zero_copy_only=False).astype(np.float64)).tolist()
        if name in piece.schema.names
        else repeat(0.0)
        for name in TRACED
    ]
    return zip(*columns, strict=False)


def replay(written: Workload, source: str, streams: Streams, shelf: TraceShelf) -> Replayed:
    """Return the requests of one source of a workload that replays a trace."""
    return Replayed(_batches(written, source, streams, shelf))


def traced_means(workloads: list[Workload], streams: Streams, shelf: TraceShelf) -> tuple[float, ...]:
    """Return the mean of each number of `TRACED` over the first rows that these workloads replay."""
    sums, rows = np.zeros(len(TRACED)), 0
    for written in workloads:
        for part in _batches(written, "means", streams, shelf):
            carried = np.array(list(_carried(part)))
            sums, rows = sums + carried.sum(axis=0), rows + len(carried)
            if rows >= SAMPLED_ROWS:
                break
    return tuple((sums / max(rows, 1)).tolist())


def _batches(written: Workload, source: str, streams: Streams, shelf: TraceShelf) -> Iterator[Any]:
    """Yield what a source replays: counts expanded first, then window, share and scales."""
    reel = shelf.reel(written.trace or (), written.on_error)
    told = Replay(written.window, written.share, written.share_by, written.scale_rate, written.scale_time)
    if written.expand is None:
        return told.apply(reel.batches(), reel.family)
    return told.apply(_expanded(reel, written, source, streams), "invocations")


def _expanded(reel: Reel, written: Workload, source: str, streams: Streams) -> Iterator[Any]:
    """Yield the counts of a trace as invocations; what is drawn depends on the seed and the workload."""
    assert written.expand is not None
    how = Expansion(written.expand.process, written.expand.cv, written.expand.default_duration)
    key = int(streams.stream(f"workload/{source}/expand").integers(2**63))
    reel.left_out = Ledger()
    return expand(reel.batches(), how, key, reel.functions(), reel.left_out)
