"""What is replayed of a trace: a window of it, a share of its rows, at a scaled rate, in scaled time; and several traces in a row.

All choices among rows are by hash of a row's number in the trace (or of its session, or function), so they need no seed and do not
depend on the window or on how the trace is cut into batches; a smaller share lies inside a larger one. Everything streams: a
transform holds one batch and one row.

They apply in the order window, share, scale_rate, scale_time: the window is in the trace's own seconds, and rows are repeated between
those that the share has left.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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
ROWS_AT_ONCE = 65_536
"""A batch of repeated rows is no longer than this, unless one row is repeated more often."""
_SHARE, _RATE, _PLACE = 1, 2, 3
"""Salts: one choice says nothing about another."""
_ROUNDING_S = 1e-6
"""Clocks of days and hours are no more exact than this as sums of lengths."""


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

    def slice(self, first: int, length: int) -> Numbered:
        """Return `length` rows from `first` on."""
        return Numbered(self.rows.slice(first, length), self.numbers[first : first + length])


@dataclass(frozen=True)
class Replay:
    """What is replayed of a trace; raises TraceError for numbers that make no sense.

    Attributes:
        window: only rows from the first time up to, not including, the second, in seconds of trace time; moved to zero. None: all.
        share: share of the rows to keep, above 0 and at most 1.
        share_by: a column of text; rows with the same text are kept or left out together, by share and by a scale_rate below 1; those
            without one each by itself.
        scale_rate: so many times the rows in the same time. Below 1 rows are left out, by a choice of their own. Above 1 a row comes
            floor(scale_rate) times, or once more, as its hash says: first at its own time, then at hashed times before the next
            row's; the last row's copies come with it. Counts over longer times are multiplied, and a burst stays a burst. What it does
            to the gaps: a whole number r of copies at independent uniform places takes their squared CV from c2 to
            2 r (1 + c2) / (r + 1) - 1, so they become burstier, up to 1 + 2 c2: Poisson arrivals do not stay Poisson. Measured:
            azure-llm-2023/conv goes from CV 1.09 to 1.39 (r = 2) and 1.60 (r = 4), code from 13.2 to 14.8 and 17.0. (Copies at equal
            stamps would make every arrival a batch, half of all gaps 0 at r = 2, and give r (1 + c2) - 1, without bound: 1.84 for
            conv at r = 2. Copies shifted by a constant would repeat the pattern.)
        scale_time: times are divided by this; durations stay.
    """

    window: tuple[float, float] | None = None
    share: float = 1.0
    share_by: str | None = None
    scale_rate: float = 1.0
    scale_time: float = 1.0

    def __post_init__(self) -> None:
        if self.window is not None and not self.window[0] < self.window[1]:
            raise TraceError(
                f"the window from {self.window[0]:g} s to {self.window[1]:g} s is empty: give it an end after its start"
            )
        if not 0 < self.share <= 1:
            raise TraceError(f"the share {self.share:g} must be above 0 and at most 1")
        for name, scale in (("scale_rate", self.scale_rate), ("scale_time", self.scale_time)):
            if not 0 < scale < np.inf:
                raise TraceError(f"{name} is {scale:g}: it must be above 0 and finite")

    def apply(self, batches: Iterable[Any], family: Family) -> Iterator[Any]:
        """Return what is replayed of `batches` of `family`, as an iterator that closes `batches` once it needs no more of them.

        Raises TraceError at once for a family that has no arrivals, for rates whose intervals would be scaled, and for a `share_by`
        that is no text of the family; and while it is read, for a window without a row.
        """
        self._check(family)
        parts = self._in_window(_numbered(batches))
        if self.share < 1:
            parts = (part.kept(uniform(_keys(part, self.share_by), _SHARE) < self.share) for part in parts)
        if self.scale_rate < 1:
            parts = (part.kept(uniform(_keys(part, self.share_by), _RATE) < self.scale_rate) for part in parts)
        out = _repeated(parts, self.scale_rate) if self.scale_rate > 1 else (part.rows for part in parts)
        if self.scale_time != 1:
            out = (_at(rows, rows.column(0).to_numpy() / self.scale_time) for rows in out)
        return (rows for rows in out if rows.num_rows)

    def _check(self, family: Family) -> None:
        if family not in REPLAYED:
            raise TraceError(f"a trace of {family} has no arrivals to replay")
        if family == "rates" and (self.scale_rate != 1 or self.scale_time != 1):
            raise TraceError("numbers by interval cannot be scaled: expand them to arrivals first")
        if self.share_by is not None:
            texts = [field.name for field in SCHEMAS[family] if _is_text(field.type)]
            if self.share_by not in texts:
                raise TraceError(
                    f"{self.share_by!r} is no text of {family}, so no share can be chosen by it: it has {', '.join(texts)}"
                )

    def _in_window(self, parts: Iterator[Numbered]) -> Iterator[Numbered]:
        if self.window is None:
            yield from parts
            return
        start, stop = self.window
        seen, last = False, 0.0
        for part in parts:
            times = part.rows.column(0).to_numpy()
            last = float(times[-1])
            inside = part.kept((times >= start) & (times < stop))
            if inside.rows.num_rows:
                seen = True
                yield Numbered(_at(inside.rows, inside.rows.column(0).to_numpy() - start), inside.numbers)
            if last >= stop:
                break
        parts.close()  # type: ignore[attr-defined]  # a generator; the file is closed now, whoever else holds the stream
        if not seen:
            goes_on = "at least " if last >= stop else ""
            raise TraceError(
                f"no row of the trace lies in the window from {start:g} s to {stop:g} s; its rows reach from 0 s to {goes_on}{last:g} s: "
                "choose another window"
            )


def _numbered(batches: Iterable[Any]) -> Iterator[Numbered]:
    first = 0
    try:
        for rows in batches:
            yield Numbered(rows, np.arange(first, first + rows.num_rows, dtype=np.uint64))
            first += rows.num_rows
    finally:
        close = getattr(batches, "close", None)
        if close is not None:
            close()


def _at(rows: Any, times: Floats) -> Any:
    """Return `rows` at other times."""
    return rows.set_column(0, rows.schema.field(0), pa.array(times))


def _is_text(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_dictionary(kind))


def _keys(part: Numbered, by: str | None) -> Keys:
    """Return what the share is chosen by: the text's hash, or the row's number where there is none."""
    if by is None:
        return part.numbers
    column = part.rows.column(by)
    keys = part.numbers.copy()
    known = pc.is_valid(column).to_numpy(zero_copy_only=False)
    if known.any():
        keys[known] = text_keys(column.drop_null())
    return keys


def _repeated(parts: Iterable[Numbered], rate: float) -> Iterator[Any]:
    """Yield every row as often as the rate asks, its copies before the next row; the last row waits for the next batch."""
    held: Numbered | None = None
    for part in parts:
        if not part.rows.num_rows:
            continue
        times = part.rows.column(0).to_numpy()
        if held is not None:
            yield from _copies(held, times[:1], rate)
        ready = part.rows.num_rows - 1
        yield from _copies(part.slice(0, ready), times[1:], rate)
        held = part.slice(ready, 1)
    if held is not None:
        yield from _copies(held, held.rows.column(0).to_numpy(), rate)


def _copies(part: Numbered, ends: Floats, rate: float) -> Iterator[Any]:
    """Yield the rows with their copies, each before its end, in order of time."""
    whole = int(rate)
    at_once = max(ROWS_AT_ONCE // (whole + 1), 1)
    for first in range(0, len(ends), at_once):
        piece = part.slice(first, at_once)
        counts = whole + (uniform(piece.numbers, _RATE) < rate - whole)
        row = np.repeat(np.arange(len(counts)), counts)
        copy = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
        yield _at(piece.rows.take(pa.array(row)), _places(piece, ends[first : first + at_once], row, copy))


def _places(part: Numbered, ends: Floats, row: NDArray[np.int64], copy: NDArray[np.int64]) -> Floats:
    """Return when each copy comes: the first at the row's time, the others at hashed times before its end, in their order."""
    begins = part.rows.column(0).to_numpy()
    times = begins[row]
    later = np.flatnonzero(copy)
    of = row[later]
    places = uniform(mixed(part.numbers, _PLACE)[of] + copy[later].astype(np.uint64))
    # A place is below 1, so its product with the rounded gap is below the true gap: no sum is rounded past the next row.
    drawn = begins[of] + places * (ends[of] - begins[of])
    times[later] = drawn[np.lexsort((drawn, of))]
    return np.asarray(times)


def chained(parts: Iterable[tuple[float | None, Iterator[Any]]]) -> Iterator[Any]:
    """Yield several traces in a row as one.

    Each part is (where its zero lies on its dataset's clock in seconds, its batches). A part keeps its distance from the first if both
    have a clock. One without begins where the one before it ended: a mean gap (of all rows so far) after the last row, or for
    numbers by interval at the end of the last interval. Raises TraceError if a part begins before the one before it has ended.
    """
    first: float | None = None
    rows, last, end = 0, 0.0, 0.0
    for number, (origin, batches) in enumerate(parts):
        begin = 0.0
        if number == 0:
            first = origin
        elif first is not None and origin is not None:
            begin = origin - first
        else:
            begin = end if end > last else last + last / max(rows - 1, 1)
        if begin < max(last, end - _ROUNDING_S):
            raise TraceError(
                f"trace {number + 1} of those in a row begins {begin:g} s after the first, but trace {number} ends at {end:g} s: "
                "name them in the order of time, without overlap, or replay them in workloads of their own"
            )
        for batch in batches:
            times = batch.column(0).to_numpy() + begin
            yield _at(batch, times) if begin else batch
            rows, last = rows + batch.num_rows, float(times[-1])
            end = max(end, _end(batch, times))


def _end(batch: Any, times: Floats) -> float:
    """Return when a batch is over: at its last row, or when its last interval ends."""
    if "length_s" in batch.schema.names:
        return float((times + batch.column("length_s").to_numpy()).max())
    return float(times[-1])
