"""Traces as workloads: the rows of a trace, windowed, thinned, scaled and expanded, as arrivals with what they carry."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from itertools import repeat
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from simtier.errors import TraceError
from simtier.models.arrivals import LARGEST_CHUNK, Chunks
from simtier.models.workload import TRACED
from simtier.scenario.services import App
from simtier.scenario.workloads import Workload
from simtier.streams import Streams
from simtier.traces.expansion import Expansion, expand
from simtier.traces.ledger import Ledger
from simtier.traces.replay import Replay
from simtier.world.functions import FunctionNames
from simtier.world.prefixes import prefixes
from simtier.world.traces import Reel, TraceShelf

SAMPLED_ROWS = 50_000
"""So many rows of a trace tell the mean of what it holds, for those who ask before a request is known."""


class Replayed:
    """One source's requests, out of a trace: when they arrive, and what each carries, in one pass over the trace.

    `wanted` says by the name of a function whether its requests are wanted; all are if it is None.
    """

    def __init__(
        self,
        batches: Iterator[Any],
        names: FunctionNames | None = None,
        key: int | None = None,
        wanted: Callable[[str], bool] | None = None,
    ) -> None:
        self._batches = batches
        self._names = names
        self._key = key
        self._wanted = wanted
        self._chosen = np.empty(0, dtype=bool)
        self._carried: deque[Iterator[tuple[float, ...]]] = deque()

    def chunks(self) -> Chunks:
        """Yield the arrival times; what the requests carry is kept for `rows`, of those that are wanted."""
        for part in self._batches:
            for first in range(0, part.num_rows, LARGEST_CHUNK):
                piece = part.slice(first, LARGEST_CHUNK)
                wanted = piece
                if self._wanted is not None:
                    chosen = self._choose(piece)
                    self._chosen = np.concatenate((self._chosen, chosen))
                    wanted = piece.filter(pa.array(chosen))
                self._carried.append(_carried(wanted, self._names, self._key))
                yield piece.column(0).to_numpy()

    def chosen(self, number: int) -> NDArray[np.bool_]:
        """Return which of the next requests are wanted; their arrivals must have been taken from `chunks`."""
        found, self._chosen = self._chosen[:number], self._chosen[number:]
        return found

    def _choose(self, piece: Any) -> NDArray[np.bool_]:
        assert self._wanted is not None
        if "function" not in piece.schema.names:
            return np.full(piece.num_rows, self._wanted(""))
        column = piece.column("function")
        known = np.array([self._wanted(name) for name in column.dictionary.to_pylist()], dtype=bool)
        found: NDArray[np.bool_] = known[column.indices.to_numpy()]
        return found

    def rows(self) -> Iterator[tuple[float, ...]]:
        """Yield what each request carries, by `TRACED`, the number of its function if there are `names`, and the beginning of its prompt if there is a `key`; the next one's arrival must have been taken from `chunks`."""
        while True:
            yield from self._carried.popleft()


def _carried(piece: Any, names: FunctionNames | None = None, key: int | None = None) -> Iterator[tuple[Any, ...]]:
    columns: list[Any] = [
        np.nan_to_num(piece.column(name).to_numpy(zero_copy_only=False).astype(np.float64)).tolist()
        if name in piece.schema.names
        else repeat(0.0)
        for name in TRACED
    ]
    if names is not None:
        column = piece.column("function")
        numbers = np.array([names.number(name) for name in column.dictionary.to_pylist()], dtype=np.int64)
        columns.append(numbers[column.indices.to_numpy()].tolist())
    if key is not None:
        columns.append(prefixes(piece, key))
    return zip(*columns, strict=False)


def replay(
    written: Workload,
    app: App,
    source: str,
    streams: Streams,
    shelf: TraceShelf,
    names: FunctionNames | None = None,
    key: int | None = None,
    wanted: Callable[[str], bool] | None = None,
) -> Replayed:
    """Return the requests of one source of a workload of `app` that replays a trace.

    They carry the numbers of `names` if given, and the beginnings of their prompts if given a `key` that tells them from others'. For `wanted` see
    `Replayed`.
    """
    reel = shelf.reel(written.trace or (), written.on_error)
    return Replayed(_batches(reel, written, app, source, streams, reel.left_out), names, key, wanted)


def traced_means(app: App, workloads: list[Workload], streams: Streams, shelf: TraceShelf) -> tuple[float, ...]:
    """Return the mean of each number of `TRACED` over the first rows that these workloads of `app` replay."""
    sums, rows = np.zeros(len(TRACED)), 0
    for written in workloads:
        for part in sampled(app, written, streams, shelf):
            carried = np.array(list(_carried(part)))
            sums, rows = sums + carried.sum(axis=0), rows + len(carried)
    return tuple((sums / max(rows, 1)).tolist())


def sampled(app: App, written: Workload, streams: Streams, shelf: TraceShelf) -> Iterator[Any]:
    """Yield the first rows that a workload of `app` replays, batch by batch, until there are `SAMPLED_ROWS`."""
    some = 0
    for part in _batches(shelf.reel(written.trace or (), written.on_error), written, app, "means", streams, Ledger()):
        yield part
        some += part.num_rows
        if some >= SAMPLED_ROWS:
            break


def _batches(reel: Reel, written: Workload, app: App, source: str, streams: Streams, left_out: Ledger) -> Iterator[Any]:
    """Return what a source replays: counts expanded first, then window, share and scales."""
    told = Replay(written.window, written.share, written.share_by, written.scale_rate, written.scale_time)
    if written.expand is None:
        return _some_left(told.apply(reel.batches(), reel.family), written)
    how = written.expand
    default_s = how.default_duration
    if default_s is None and not app.takes("duration"):
        default_s = 0.0  # nobody asks how long they ran, so none is left out for not telling
    key = int(streams.stream(f"workload/{source}/expand").integers(2**63))
    counts = _counted(reel.batches(), written.window)
    trace = ", ".join(written.trace or ())
    expanded = expand(counts, Expansion(how.process, how.cv, default_s), key, reel.functions(), left_out, trace)
    return _some_left(told.apply(expanded, "invocations"), written)


def _some_left(batches: Iterator[Any], written: Workload) -> Iterator[Any]:
    """Yield the batches; raises TraceError if the choice of a share has left none."""
    left = 0
    for part in batches:
        left += part.num_rows
        yield part
    if not left and (written.share < 1 or written.scale_rate < 1):
        raise TraceError(
            f"`share` {written.share:g} and `scale_rate` {written.scale_rate:g} leave no request of {', '.join(written.trace or ())}: "
            "choose larger ones"
        )


def _counted(batches: Iterator[Any], window: tuple[float, float] | None) -> Iterator[Any]:
    """Yield the counts of intervals that reach into the window, so that no others are expanded.

    Raises TraceError if there are none.
    """
    start, stop = window or (0.0, np.inf)
    seen, end = False, 0.0
    for part in batches:
        starts = part.column("time_s").to_numpy()
        ends = starts + part.column("length_s").to_numpy()
        inside = part.filter(pa.array((ends > start) & (starts < stop)))
        if inside.num_rows:
            seen = True
            yield inside
        end = max(end, float(ends.max()))
        if starts[-1] >= stop:
            break
    if not seen:
        raise TraceError(
            f"no interval of the trace lies in the window from {start:g} s to {stop:g} s; its intervals reach from 0 s to {end:g} s: "
            "choose another window"
        )
