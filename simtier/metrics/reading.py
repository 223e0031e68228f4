"""Reading tables batch by batch, so that memory does not follow the number of rows."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

Columns = dict[str, NDArray[Any]]
Row = Mapping[str, Any]
"""A few values by name."""

BATCH_ROWS = 65_536
MOST_CELLS = 1_000_000


class Texts:
    """Numbers for texts, the same over all batches."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._codes: dict[str, int] = {}

    def code(self, name: str) -> int:
        """Return the number of `name`."""
        if name not in self._codes:
            self._codes[name] = len(self.names)
            self.names.append(name)
        return self._codes[name]

    def codes(self, column: pa.DictionaryArray) -> NDArray[np.int64]:
        """Return the numbers of a text column."""
        own = np.array([self.code(name) for name in column.dictionary.to_pylist()], dtype=np.int64)
        indices: NDArray[np.int64] = column.indices.to_numpy(zero_copy_only=False)
        return own[indices]


def batches(path: Path, columns: Sequence[str], texts: Texts) -> Iterator[Columns]:
    """Yield arrays by column name; text columns as numbers of `texts`. Nothing if the table was never written."""
    if not path.exists():
        return
    # One row group at a time: reading ahead would hold the whole file in memory.
    with pq.ParquetFile(path, pre_buffer=False) as file:
        for number in range(file.num_row_groups):
            group = file.read_row_group(number, columns=list(columns), use_threads=False)
            for batch in group.to_batches(max_chunksize=BATCH_ROWS):
                yield {name: _array(batch.column(name), texts) for name in columns}


def by_replication(batch: Columns) -> Iterator[tuple[int, Columns]]:
    """Yield the rows of each replication; rows of one replication stand together, and most batches have only one."""
    numbers = batch["replication"]
    for number in range(int(numbers[0]), int(numbers[-1]) + 1):
        mine = slice(*np.searchsorted(numbers, [number, number + 1]))
        yield number, {name: values[mine] for name, values in batch.items()}


def _array(column: Any, texts: Texts) -> NDArray[Any]:
    if pa.types.is_dictionary(column.type):
        return texts.codes(column)
    values: NDArray[Any] = column.to_numpy(zero_copy_only=False)
    return values


class ByReplication:
    """A table read once from its beginning to its end, replication by replication: their rows stand together, in order."""

    def __init__(self, path: Path, columns: Sequence[str], texts: Texts) -> None:
        self._pieces = (piece for batch in batches(path, columns, texts) for piece in by_replication(batch))
        self._next = next(self._pieces, None)

    def take(self, number: int) -> Iterator[Columns]:
        """Yield the rows of a replication, batch by batch; each is asked for once at most, in order. What was not asked for is skipped."""
        while self._next is not None and self._next[0] < number:
            self._next = next(self._pieces, None)
        while self._next is not None and self._next[0] == number:
            yield self._next[1]
            self._next = next(self._pieces, None)


class Sums:
    """Sums of several values by a key of several integers."""

    def __init__(self, width: int) -> None:
        self.by_key: dict[tuple[int, ...], NDArray[np.float64]] = {}
        self._width = width

    def add(self, keys: Sequence[NDArray[Any]], values: Sequence[NDArray[np.float64]]) -> None:
        """Add each row's `values` to the sums of its key."""
        if not len(keys[0]):
            return
        # One small integer for each key: many times faster than np.unique over rows.
        sizes = [int(key.max()) + 1 for key in keys]
        packed = np.ravel_multi_index(tuple(keys), tuple(sizes))
        if math.prod(sizes) > MOST_CELLS:
            cells, packed = np.unique(packed, return_inverse=True)
        else:
            cells = np.arange(math.prod(sizes))
        counts = np.bincount(packed, minlength=len(cells))
        sums = [np.bincount(packed, weights=value, minlength=len(cells)) for value in values]
        for place in np.flatnonzero(counts):
            name = tuple(int(part) for part in np.unravel_index(cells[place], sizes))
            total = self.by_key.setdefault(name, np.zeros(self._width))
            total += [column[place] for column in sums]


def total(rows: Iterable[Row], name: str) -> float:
    """Return the sum of a column over a few rows."""
    return float(sum(row[name] for row in rows))


def grouped(rows: Iterable[Row], name: str) -> Mapping[Any, list[Row]]:
    """Return a few rows by the value of a column; none for a value that does not occur."""
    found: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        found[row[name]].append(row)
    return found


def overlap(start: NDArray[np.float64], end: NDArray[np.float64], window: tuple[float, float]) -> NDArray[np.float64]:
    """Return how much of each interval lies in `window`; a NaN end is the window's, a NaN start gives nothing."""
    ends = np.where(np.isnan(end), window[1], end)
    inside = np.minimum(ends, window[1]) - np.maximum(start, window[0])
    return np.where(np.isnan(inside), 0.0, np.maximum(inside, 0.0))
