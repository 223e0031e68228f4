"""What all look-alike generators share: cutting an endless stream of rows into batches, and reading a trace to fit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from numpy.random import Generator as Rng
from numpy.typing import NDArray

from simtier.errors import TraceError
from simtier.traces.shown import shown
from simtier.traces.synthesis.parameters import Parameters
from simtier.traces.tables import SCHEMAS, Family, batch

Columns = dict[str, Any]
"""Arrays by column name, one length; the time comes first."""

RngOf = Callable[[str], Rng]
"""Gives the random generator for a purpose, for example `lambda name: streams.stream(f"traces/fcc/{name}")`."""

BATCH_ROWS = 65_536
LONGEST_S = 100 * 365.25 * 86_400
"""A century: up to here a time in seconds still has its microseconds."""
CHUNK_ROWS = 16_384
"""About how many rows a generator makes at a time, whatever the batches."""


@dataclass(frozen=True)
class Generator(Parameters, ABC):
    """Parameters from which rows of one family can be made; subclasses say how.

    The same parameters and random generators give the same rows, whatever the size of the batches; fewer rows are a
    prefix of more. Memory does not grow with the number of rows. Numbers are rounded (times to a microsecond), so that
    the last bit of a machine's exp() does not show.
    """

    family: ClassVar[Family]

    @abstractmethod
    def chunks(self, rng_of: RngOf) -> Iterator[Columns]:
        """Yield rows without end, in order of time, in chunks of bounded size; the first row may have any time."""

    def facts(self) -> dict[str, str]:
        """Return what a reader would know of such a trace beyond its rows."""
        return {}

    def end_s(self, last: Columns) -> float | None:
        """Return when the last row of `last` ends, for the families that have a period."""
        del last
        return None

    def generate(
        self, rng_of: RngOf, *, rows: int | None = None, duration_s: float | None = None, batch_rows: int = BATCH_ROWS
    ) -> Generated:
        """Return the batches of a look-alike: `rows` rows, or the rows before `duration_s`, or what ends first.

        Raises TraceError if neither is given, one is not above zero, or `duration_s` is longer than a century.
        """
        if rows is None and duration_s is None:
            raise TraceError("a look-alike has no end of its own: give rows or duration_s")
        for name, value in (("rows", rows), ("duration_s", duration_s), ("batch_rows", batch_rows)):
            if value is not None and not value > 0:
                raise TraceError(f"{name} must be above 0, not {shown(value)}")
        if duration_s is not None and duration_s > LONGEST_S:
            raise TraceError(f"duration_s must be at most {LONGEST_S:g}, a century, not {duration_s:g}")
        return Generated(self, rng_of, rows, duration_s, batch_rows)


class Generated:
    """The batches of one look-alike, to be read once.

    Attributes:
        family: of the batches.
        facts: as in a Ledger; `period_s` is there once the last batch is read.
    """

    def __init__(
        self, generator: Generator, rng_of: RngOf, rows: int | None, duration_s: float | None, batch_rows: int
    ) -> None:
        self.family: Family = generator.family
        self.facts = {"origin": "generated", **generator.facts()}
        self._generator = generator
        self._duration_s = duration_s
        self._batches = _rebatch(self._cut(rng_of, rows), batch_rows)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return next(self._batches)

    def read_all(self) -> Any:
        """Return the batches left as one table."""
        return pa.Table.from_batches(list(self), schema=SCHEMAS[self.family])

    def _cut(self, rng_of: RngOf, rows: int | None) -> Iterator[Any]:
        """Yield the chunks as record batches, times from 0, up to the end."""
        origin: float | None = None
        left = rows
        for chunk in self._generator.chunks(rng_of):
            name, times = next(iter(chunk.items()))
            origin = float(times[0]) if origin is None else origin
            chunk[name] = np.round(times - origin, 6)
            inside = len(times) if self._duration_s is None else int(np.searchsorted(chunk[name], self._duration_s))
            keep = inside if left is None else min(inside, left)
            if keep:
                yield batch(self.family, chunk, len(times)).slice(0, keep)
                self._end_with({key: values[:keep] for key, values in chunk.items()})
            left = None if left is None else left - keep
            if inside < len(times) or left == 0:
                return

    def _end_with(self, chunk: Columns) -> None:
        end = self._generator.end_s(chunk)
        if end is not None:
            self.facts["period_s"] = repr(round(end if self._duration_s is None else min(end, self._duration_s), 6))


def _rebatch(pieces: Iterable[Any], batch_rows: int) -> Iterator[Any]:
    """Yield the rows of `pieces` in batches of `batch_rows`; the last one may be shorter."""
    held: list[Any] = []
    count = 0
    for piece in pieces:
        held.append(piece)
        count += piece.num_rows
        if count >= batch_rows:
            joined = pa.Table.from_batches(held).combine_chunks().to_batches(max_chunksize=batch_rows)
            held = [joined.pop()] if joined[-1].num_rows < batch_rows else []
            count = sum(item.num_rows for item in held)
            yield from joined
    if count:
        yield from pa.Table.from_batches(held).combine_chunks().to_batches()


def labels(codes: NDArray[Any], names: Iterable[str | None]) -> Any:
    """Return texts, `names` by number, as the dictionary column that the tables use; None is null."""
    words = list(names)
    known = {word: i for i, word in enumerate(dict.fromkeys(word for word in words if word is not None))}
    places = np.array([0 if word is None else known[word] for word in words])[codes]
    null = np.array([word is None for word in words])[codes]
    return pa.DictionaryArray.from_arrays(pa.array(places, pa.int32(), mask=null), pa.array(list(known), pa.string()))


def table_of(source: Any, family: Family, *, least: int, purpose: str) -> Any:
    """Return a table or its batches as one table; raises TraceError if it is of another family or shorter than `least`."""
    table = source if isinstance(source, pa.Table) else pa.Table.from_batches(list(source), schema=SCHEMAS[family])
    missing = [field.name for field in SCHEMAS[family] if not field.nullable and field.name not in table.column_names]
    if missing:
        raise TraceError(f"not a table of {family}: it lacks {', '.join(missing)}")
    if table.num_rows < least:
        raise TraceError(f"the trace has {table.num_rows} rows; to fit {purpose} takes at least {least}")
    return table


def column(table: Any, name: str) -> NDArray[np.float64]:
    """Return a column of numbers as floats."""
    return np.asarray(table.column(name).to_numpy(), dtype=np.float64)


def texts(table: Any, name: str) -> list[str | None]:
    """Return a column of texts; all null if the table does not have it."""
    if name not in table.column_names:
        return [None] * table.num_rows
    return list(table.column(name).to_pylist())
