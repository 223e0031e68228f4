"""What is replayed of a trace: a window of it, a share of its rows, at a scaled rate, in scaled time.

All choices among rows are by hash of a row's number in the trace (or of its session, or function), so they need no seed and do not
depend on the window or on how the trace is cut into batches; a smaller share lies inside a larger one. Everything streams: a
transform holds one batch and one row.

They apply in the order window, share, scale_rate, scale_time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from simtier.errors import TraceError
from simtier.traces.hashing import Floats, Keys, mixed, text_keys, uniform
from simtier.traces.tables import SCHEMAS, Family

REPLAYED: tuple[Family, ...] = ("llm_requests", "invocations", "cold_starts", "rates")
_SHARE, _RATE, _PLACE = 1, 2, 3
"""Salts: one choice says nothing about another."""


@dataclass(frozen=True)
class Numbered:
    """A batch with the place of each row in the trace."""

    rows: Any
    numbers: Keys

    def kept(self, mask: NDArray[np.bool_]) -> Numbered:
        """Return the rows where `mask` holds."""
        if mask.all():
            return self
        return Numbered(self.rows.filter(pa.array(mask)), self.numbers[mask])


@dataclass(frozen=True)
class Replay:
    """What is replayed of a trace.

    Attributes:
        window: only rows from the first time up to, not including, the second, in seconds of trace time; moved to zero. None: all.
        share: share of the rows to keep, above 0 and at most 1.
        share_by: a column of text; rows with the same text are kept or left out together, those without one each by itself.
        scale_rate: so many times the rows in the same time. Below 1 rows are left out, by a choice of their own. Above 1 a row comes
            floor(scale_rate) times, or once more, as its hash says: first at its own time, then at hashed times before the next
            row's. The rate is scaled wherever one looks, and a burst stays a burst. (Copies at equal stamps would make every arrival
            a batch, and copies shifted by a constant would repeat the pattern.) The last row's copies come with it.
        scale_time: times are divided by this; durations stay.
    """

    window: tuple[float, float] | None = None
    share: float = 1.0
    share_by: str | None = None
    scale_rate: float = 1.0
    scale_time: float = 1.0

    def apply(self, batches: Iterable[Any], family: Family) -> Iterator[Any]:
        """Yield what is replayed of `batches` of `family`.

        Raises TraceError for a family that has no arrivals, for a `share_by` that is no text of it, and for a window without a row.
        """
        if family not in REPLAYED:
            raise TraceError(f"a trace of {family} has no arrivals to replay")
        parts = self._in_window(_numbered(batches))
        if self.share < 1:
            parts = (part.kept(_chosen(part, self.share, self.share_by, family)) for part in parts)
        if self.scale_rate < 1:
            parts = (part.kept(uniform(part.numbers, _RATE) < self.scale_rate) for part in parts)
        scaled = _repeated(parts, self.scale_rate) if self.scale_rate > 1 else (part.rows for part in parts)
        for rows in scaled:
            if rows.num_rows:
                yield _at(rows, rows.column(0).to_numpy() / self.scale_time) if self.scale_time != 1 else rows

    def _in_window(self, parts: Iterator[Numbered]) -> Iterator[Numbered]:
        if self.window is None:
            yield from parts
            return
        start, stop = self.window
        seen, last = False, 0.0
        with closing(parts):  # type: ignore[type-var]  # a generator, which is closed so that the file is
            for part in parts:
                times = part.rows.column(0).to_numpy()
                last = float(times[-1])
                inside = part.kept((times >= start) & (times < stop))
                if inside.rows.num_rows:
                    seen = True
                    yield Numbered(_at(inside.rows, inside.rows.column(0).to_numpy() - start), inside.numbers)
                if last >= stop:
                    break
        if not seen:
            raise TraceError(
                f"no row of the trace lies in the window from {start:g} s to {stop:g} s; rows were read up to {last:g} s: choose another"
            )


def _numbered(batches: Iterable[Any]) -> Iterator[Numbered]:
    first = 0
    for rows in batches:
        yield Numbered(rows, np.arange(first, first + rows.num_rows, dtype=np.uint64))
        first += rows.num_rows


def _at(rows: Any, times: Floats) -> Any:
    """Return `rows` at other times."""
    return rows.set_column(0, rows.schema.field(0), pa.array(times))


def _chosen(part: Numbered, share: float, by: str | None, family: Family) -> NDArray[np.bool_]:
    """Return which rows belong to the share."""
    if by is None:
        return np.asarray(uniform(part.numbers, _SHARE) < share)
    if by not in SCHEMAS[family].names or pa.types.is_floating(SCHEMAS[family].field(by).type):
        raise TraceError(f"{by!r} is no text of {family}, so no share can be chosen by it")
    column = part.rows.column(by)
    missing = pc.is_null(column).to_numpy(zero_copy_only=False)
    keys = mixed(part.numbers)
    if not missing.all():
        known = column.filter(pa.array(~missing))
        keys[~missing] = text_keys(known)
    return np.asarray(uniform(keys, _SHARE) < share)


def _repeated(parts: Iterable[Numbered], rate: float) -> Iterator[Any]:
    """Yield every row as often as the rate asks, its copies before the next row; the last row waits for the next batch."""
    held: Numbered | None = None
    for part in parts:
        if not part.rows.num_rows:
            continue
        joined = part if held is None else _joined(held, part)
        ready = joined.rows.num_rows - 1
        times = joined.rows.column(0).to_numpy()
        if ready:
            yield _copies(Numbered(joined.rows.slice(0, ready), joined.numbers[:ready]), times[1:] - times[:-1], rate)
        held = Numbered(joined.rows.slice(ready), joined.numbers[ready:])
    if held is not None:
        yield _copies(held, np.zeros(1), rate)


def _joined(first: Numbered, second: Numbered) -> Numbered:
    """Return two parts as one."""
    table = pa.Table.from_batches([first.rows, second.rows]).unify_dictionaries().combine_chunks()
    return Numbered(table.to_batches()[0], np.concatenate([first.numbers, second.numbers]))


def _copies(part: Numbered, gaps: Floats, rate: float) -> Any:
    """Return the rows with their copies, in order of time."""
    whole = int(rate)
    counts = whole + (uniform(part.numbers, _RATE) < rate - whole)
    row = np.repeat(np.arange(len(counts)), counts)
    copy = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    place = np.where(copy == 0, 0.0, uniform(part.numbers[row], _PLACE + copy.astype(np.uint64)))
    order = np.lexsort((place, row))
    starts = part.rows.column(0).to_numpy()
    times = starts[row] + place[order] * gaps[row]
    ends = starts + gaps
    return _at(part.rows.take(pa.array(row)), np.minimum(times, ends[row]))


def chained(parts: Iterable[tuple[float | None, Iterator[Any]]]) -> Iterator[Any]:
    """Yield several traces in a row as one.

    Each part is (where its zero lies on its dataset's clock in seconds, its batches). Parts with a clock keep their distance from the
    first; one without begins a mean gap after the last row of the part before it. Raises TraceError if a part begins before the
    one before it has ended.
    """
    first_origin: float | None = None
    last, rows, begin = 0.0, 0, 0.0
    for number, (origin, batches) in enumerate(parts):
        if number == 0:
            first_origin = origin
        else:
            begin = _begin(number, first_origin, origin, last, rows)
        for batch in batches:
            times = batch.column(0).to_numpy() + begin
            if times[0] < last:
                raise TraceError(
                    f"trace {number + 1} of those in a row begins at {times[0]:g} s, but the one before it ends at {last:g} s"
                )
            last, rows = float(times[-1]), rows + batch.num_rows
            yield _at(batch, times) if begin else batch


def _begin(number: int, first: float | None, origin: float | None, last: float, rows: int) -> float:
    """Return where part `number` begins."""
    if first is None or origin is None:
        return last + last / max(rows - 1, 1)
    begin = origin - first
    if begin < last:
        raise TraceError(
            f"trace {number + 1} of those in a row begins {begin:g} s after the first, but the one before it ends at {last:g} s: "
            "name them in the order of time"
        )
    return begin
