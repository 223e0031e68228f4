"""From rows as a file has them to rows in the order of time, from zero.

Most files are sorted, some nearly, some by another stamp than the one that counts. Rows are held back until so many have come after
them that none can belong before; with an inversion among them they are sorted, stably. So memory is flat, and a file that is more
out of order than that is refused with the way out: converting it sorts it whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from simtier.errors import TraceError
from simtier.traces.ledger import Ledger
from simtier.traces.tables import SCHEMAS, Family, batch

NS_PER_S = 1_000_000_000
ROWS_AT_ONCE = 65_536
_LONGEST_NS = 2**63 - 1


class OutOfOrderError(TraceError):
    """A row lies further from its place than rows are held back."""


def in_order(label: str, family: Family, rows: Iterable[tuple[Any, dict[str, Any]]], ledger: Ledger) -> Iterator[Any]:
    """Yield record batches of `family` from `rows`: pairs of absolute times (int64 nanoseconds) and the other columns by name.

    Counts inversions, and writes where zero lies on the file's own clock into the fact `origin_s`, unless the reader did.
    Raises OutOfOrderError if a row lies further from its place than `ledger.reorder_rows`.
    """
    origin: int | None = None
    for times, held in _sorted(label, _batches(family, rows), ledger):
        if origin is None:
            origin = int(times[0])
            ledger.facts.setdefault("origin_s", repr(origin / NS_PER_S))
        if int(times[-1]) - origin > _LONGEST_NS:
            raise TraceError(f"{label}: its times span more than 292 years, which 64 bits of nanoseconds do not hold")
        for first in range(0, held.num_rows, ROWS_AT_ONCE):
            part = held.slice(first, ROWS_AT_ONCE)
            seconds = (times[first : first + ROWS_AT_ONCE] - origin) / NS_PER_S
            yield part.set_column(0, SCHEMAS[family].field(0), pa.array(seconds))


def _batches(family: Family, rows: Iterable[tuple[Any, dict[str, Any]]]) -> Iterator[tuple[Any, Any]]:
    """Yield (times, batch with a time column still to be filled); empty ones are left out."""
    time = SCHEMAS[family].field(0).name
    for given, columns in rows:
        times = np.asarray(given, dtype=np.int64)
        if len(times):
            yield times, batch(family, {time: pa.array(np.zeros(len(times))), **columns}, len(times))


def _sorted(label: str, pieces: Iterable[tuple[Any, Any]], ledger: Ledger) -> Iterator[tuple[Any, Any]]:
    """Yield the pieces in order of time, sorted among each other where they have to be."""
    held: list[tuple[Any, Any]] = []
    rows, is_sorted = 0, True  # of those held
    above, latest, out = None, None, None  # the time in the row above; the latest so far; the last given out
    spare = min(ledger.reorder_rows, ROWS_AT_ONCE)  # so that what is held is not sorted anew for every few rows
    for times, piece in pieces:
        inversions = int(np.count_nonzero(times[1:] < times[:-1])) + int(above is not None and times[0] < above)
        ledger.inversions += inversions
        # Where rows were out of order, one may follow the row above and still belong before an earlier one.
        is_sorted = is_sorted and not inversions and (latest is None or times[0] >= latest)
        if out is not None and not is_sorted and times.min() < out:
            raise OutOfOrderError(
                f"{label}: rows are more than {ledger.reorder_rows} rows out of the order of time; convert the file with "
                "`simtier traces import`, which sorts it whole"
            )
        above = times[-1]
        latest = times.max() if latest is None else max(latest, times.max())
        held.append((times, piece))
        rows += len(times)
        if rows < ledger.reorder_rows + spare:
            continue
        held, is_sorted = held if is_sorted else [_merged(held)], True
        ready, held = _parted(held, rows - ledger.reorder_rows)
        rows = ledger.reorder_rows
        out = ready[-1][0][-1]
        yield from ready
    yield from held if is_sorted else [_merged(held)]


def _parted(pieces: list[tuple[Any, Any]], rows: int) -> tuple[list[tuple[Any, Any]], list[tuple[Any, Any]]]:
    """Return the first `rows` rows, and the others."""
    first: list[tuple[Any, Any]] = []
    for place, (times, piece) in enumerate(pieces):
        if rows < len(times):
            cut = [(times[:rows], piece.slice(0, rows))] if rows else []
            return first + cut, [(times[rows:], piece.slice(rows)), *pieces[place + 1 :]]
        first.append((times, piece))
        rows -= len(times)
    return first, []


def _merged(pieces: list[tuple[Any, Any]]) -> tuple[Any, Any]:
    """Return all pieces as one, in the order of time; equal times keep their order."""
    times = np.concatenate([times for times, _ in pieces])
    table = pa.Table.from_batches([piece for _, piece in pieces]).unify_dictionaries().combine_chunks()
    order = np.argsort(times, kind="stable")
    return times[order], table.to_batches()[0].take(pa.array(order))
