"""The journal: append-only tables of what happened, and their running fingerprint.

Models append rows of plain numbers and count nothing; every metric is a function of these tables. Rows go to a flat list per
table (the cheapest thing Python can append to) and leave it as Arrow record batches for a sink, so memory follows the
requests alive, not the requests served. Text is stored as a number that the journal hands out once per distinct text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from simtier.errors import SimulationError

FLUSH_ROWS = 16_384


@dataclass(frozen=True)
class Column:
    """One column: its name (with the unit as suffix where it has one), its type, and what it means.

    `kind` is "number" (float64), "integer" (int64) or "text" (a code from `Journal.code`, written out as a dictionary column).
    The `tagged` columns of a table stand side by side and share one value of the row, a tag from `Journal.tag`: what is the same for
    many rows is looked up when the rows are written out, not carried by each.
    """

    name: str
    kind: str
    meaning: str
    tagged: bool = False


@dataclass(frozen=True)
class TableSpec:
    """A table's columns in the order of its rows; `traced` tables count into the fingerprint."""

    name: str
    meaning: str
    columns: tuple[Column, ...]
    traced: bool = True

    @property
    def tagged(self) -> tuple[Column, ...]:
        """The columns that share a tag."""
        return tuple(column for column in self.columns if column.tagged)

    @property
    def width(self) -> int:
        """Values in a row."""
        return len(self.columns) - max(len(self.tagged) - 1, 0)


class Sink(Protocol):
    """Where batches go: a Parquet file per table, or memory."""

    def write(self, table: str, batch: pa.RecordBatch) -> None:
        """Take one batch; its schema is the same for every batch of a table."""


class Table:
    """One table being written: `append(row)` takes a tuple of numbers in the order of the columns."""

    def __init__(self, spec: TableSpec) -> None:
        self.spec = spec
        self.rows_written = 0
        self.width = spec.width
        self.tags: dict[tuple[float, ...], int] = {}
        self._behind = np.empty((0, len(spec.tagged)))
        """What the tags stand for, one row a tag."""
        self._buffer: list[float] = []
        self._packed: list[NDArray[np.float64]] = []
        self._packed_rows = 0
        self._hash = hashlib.sha256()
        self.append: Callable[[tuple[float, ...]], None] = self._buffer.extend

    @property
    def pending(self) -> int:
        """Rows appended and not yet taken."""
        return len(self._buffer) // self.width + self._packed_rows

    def pack(self) -> None:
        """Turn the rows appended of late into an array.

        To be called often: numbers that were made a moment ago are still in the processor's cache, and an array takes a quarter of
        the memory.
        """
        if not self._buffer:
            return
        if len(self._buffer) % self.width:
            raise SimulationError(f"a row of table {self.spec.name!r} does not have {self.width} values")
        rows = np.fromiter(self._buffer, dtype=np.float64, count=len(self._buffer)).reshape(-1, self.width)
        self._buffer.clear()
        self._hash.update(rows.data)
        self._packed.append(rows)
        self._packed_rows += len(rows)

    def extend(self, rows: NDArray[np.float64]) -> None:
        """Append rows that are an array already, (rows, values), behind those appended so far."""
        self.pack()
        rows = np.ascontiguousarray(rows)
        self._hash.update(rows.data)
        self._packed.append(rows)
        self._packed_rows += len(rows)

    def take(self, at_least: int = 1) -> list[NDArray[np.float64]]:
        """Return the packed rows as arrays (rows, values) of FLUSH_ROWS rows, and forget them; the last has what is left over.

        What is left over stays pending if it is less than `at_least` rows. So the cuts go by the rows alone, not by when rows are taken.
        """
        if self._packed_rows < at_least:
            return []
        rows = np.concatenate(self._packed)
        taken = [rows[first : first + FLUSH_ROWS] for first in range(0, len(rows), FLUSH_ROWS)]
        left = [taken.pop().copy()] if len(taken[-1]) < at_least else []
        self._packed, self._packed_rows = left, sum(map(len, left))
        self.rows_written += len(rows) - self._packed_rows
        return taken

    def arrays(self, rows: NDArray[np.float64], texts: pa.Array) -> list[pa.Array]:
        """Return each column as an Arrow array; what a tag stands for is looked up here."""
        found: list[pa.Array] = []
        values = iter(np.ascontiguousarray(rows.T))
        for column in self.spec.columns:
            if not column.tagged:
                found.append(_column(column.kind, next(values), texts))
            elif column is self.spec.tagged[0]:
                tags = next(values).astype(np.int32)
                self._note_new_tags()
                pairs = zip(self.spec.tagged, self._behind.T, strict=True)
                found += [_looked_up(c.kind, of_tag, tags, texts) for c, of_tag in pairs]
        return found

    def _note_new_tags(self) -> None:
        """Append what tags handed out of late stand for: there may be as many as rows, so none is turned into numbers twice."""
        new = list(islice(self.tags, len(self._behind), None))
        if new:
            self._behind = np.concatenate([self._behind, np.array(new, dtype=np.float64)])

    def digest(self) -> bytes:
        """Return the hash of all rows taken so far, and of what their tags stand for."""
        total = self._hash.copy()
        total.update(repr(list(self.tags)).encode())
        return total.digest()


class Journal:
    """The tables of one replication.

    Args:
        specs: the tables.
        sink: takes the record batches.
        replication: written into every row's first column.
    """

    def __init__(self, specs: Mapping[str, TableSpec], sink: Sink, replication: int = 0) -> None:
        self.tables = {name: Table(spec) for name, spec in specs.items()}
        self._sink = sink
        self.replication = replication
        # Two books, so that what is only looked at never shows in the fingerprint.
        self._books: dict[bool, dict[str, int]] = {True: {}, False: {}}

    def code(self, text: str, *, traced: bool = True) -> int:
        """Return the number that stands for `text` in rows of traced tables, or of the others."""
        book = self._books[traced]
        return book.setdefault(text, len(book))

    def text(self, code: int, *, traced: bool = True) -> str:
        """Return the text that `code` stands for."""
        return next(islice(self._books[traced], code, None))

    def tag(self, table: str, *values: float | str) -> int:
        """Return the number that stands for the values of a table's tagged columns in its rows."""
        tags = self.tables[table].tags
        coded = tuple(float(self.code(value)) if isinstance(value, str) else float(value) for value in values)
        return tags.setdefault(coded, len(tags))

    def flush(self, at_least: int = 1) -> None:
        """Hand pending rows to the sink, see Table.take; raises SimulationError if a row has too few values."""
        for name, table in self.tables.items():
            table.pack()
            for rows in table.take(at_least):
                self._sink.write(name, self._batch(table, rows))

    def flush_full(self) -> None:
        """Pack what was appended, and hand over what makes full batches. To be called often."""
        self.flush(FLUSH_ROWS)

    def fingerprint(self) -> str:
        """Return a hash of the trajectory: every row of the traced tables, and the texts behind the codes. Flushes first.

        A table without rows does not count, so that one more kind of table changes no run that has none of it.
        """
        self.flush()
        total = hashlib.sha256("\n".join(self._books[True]).encode())
        for name, table in sorted(self.tables.items()):
            if table.spec.traced and table.rows_written:
                total.update(name.encode() + table.digest())
        return total.hexdigest()

    def _batch(self, table: Table, rows: NDArray[np.float64]) -> pa.RecordBatch:
        texts = pa.array(list(self._books[table.spec.traced]), pa.string())
        columns = [pa.array(np.full(len(rows), self.replication, np.int32)), *table.arrays(rows, texts)]
        return pa.RecordBatch.from_arrays(columns, schema=schema(table.spec))


def schema(spec: TableSpec) -> pa.Schema:
    """Return the Arrow schema of a table, with each column's meaning in its metadata."""
    fields = [pa.field("replication", pa.int32(), metadata={"meaning": "which repetition of the run, from 0"})]
    fields += [pa.field(c.name, _TYPES[c.kind], metadata={"meaning": c.meaning}) for c in spec.columns]
    return pa.schema(fields, metadata={"meaning": spec.meaning})


_TYPES: dict[str, Any] = {
    "number": pa.float64(),
    "integer": pa.int64(),
    "text": pa.dictionary(pa.int32(), pa.string()),
}


def _column(kind: str, values: NDArray[np.float64], texts: pa.Array) -> pa.Array:
    if kind == "number":
        return pa.array(values)
    if kind == "integer":
        return pa.array(values.astype(np.int64))
    codes = values.astype(np.int32)
    # Only the texts that occur, renumbered; np.unique over the rows would sort them all for that.
    used = np.flatnonzero(np.bincount(codes, minlength=len(texts)))
    renumbered = np.zeros(len(texts), np.int32)
    renumbered[used] = np.arange(len(used), dtype=np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(renumbered[codes]), texts.take(pa.array(used)))


def _looked_up(kind: str, of_tag: NDArray[np.float64], tags: NDArray[np.int32], texts: pa.Array) -> pa.Array:
    """Return the column whose value is `of_tag[tag]` in each row."""
    if kind != "text" or len(of_tag) > len(tags):
        return _column(kind, of_tag[tags], texts)
    # Only the tags that occur: which others there are already depends on when the rows are written out.
    here = np.flatnonzero(np.bincount(tags, minlength=len(of_tag)))
    used, renumbered = np.unique(of_tag[here].astype(np.int32), return_inverse=True)
    places = np.zeros(len(of_tag), np.int32)
    places[here] = renumbered
    return pa.DictionaryArray.from_arrays(pa.array(places[tags]), texts.take(pa.array(used)))
