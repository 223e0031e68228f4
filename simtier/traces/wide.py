"""Wide tables: many numbers in a row, one for each function, or one for each minute.

In a table of intervals a row is an interval and a column a function; a blank is no sample and makes no row, a zero does. In a table of
functions a row is a function and a column a minute. Such a table is read as the file lies and given out as time goes, so all of it
is held: its zeros are left out, and what is not zero takes five to eight bytes a number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from simtier.traces.columns import Kind
from simtier.traces.csv_rows import csv_rows
from simtier.traces.ledger import Ledger, refuse
from simtier.traces.ordering import ROWS_AT_ONCE, in_order
from simtier.traces.source import Source
from simtier.traces.tables import batch
from simtier.traces.times import Seconds

LEFT_OUT = ("day",)
"""Columns that say again what the time says."""


def intervals(source: Source, ledger: Ledger, kind: Kind, length_s: float, time: str = "time") -> Iterator[Any]:
    """Yield the rates of a table of intervals, in order of time, and count its blank cells in the fact `blank_cells`.

    Args:
        source: the file: a column with the absolute second at which each interval begins, and one for each function.
        ledger: gets counts and facts.
        kind: what the numbers are read as; a blank must be allowed.
        length_s: how long an interval lasts.
        time: the column of times.

    Raises TraceError as `csv_rows` does, and for a file without a column of a function.
    """
    yield from in_order(source.label, "rates", _samples(source, ledger, kind, length_s, time), ledger)


def _samples(
    source: Source, ledger: Ledger, kind: Kind, length_s: float, time: str
) -> Iterator[tuple[Any, dict[str, Any]]]:
    def needed(names: list[str]) -> Mapping[str, Kind]:
        functions = [name for name in names if name not in (time, *LEFT_OUT)]
        if not functions and time in names:
            refuse(source.label, 1, None, f"no column but {', '.join(names)}: expected one for each function")
        return {time: Seconds(), **dict.fromkeys(functions, kind)}

    blank = 0
    for block in csv_rows(source, ledger, needed):
        times = block.pop(time).to_numpy()
        values = matrix(block, list(block)).T
        row, column = np.nonzero(~np.isnan(values))
        ledger.unfolded += len(row) - len(times)
        blank += values.size - len(row)
        columns = {
            "length_s": np.full(len(row), length_s),
            "series": pa.DictionaryArray.from_arrays(pa.array(column, pa.int32()), pa.array(list(block))),
            "value": values[row, column],
        }
        yield times[row], columns
    ledger.facts["blank_cells"] = str(blank)


def matrix(block: Mapping[str, Any], names: Sequence[str]) -> NDArray[np.float64]:
    """Return the columns `names` of a block as floats, one row a column of the block; null is NaN."""
    joined = pa.concat_arrays([block[name] for name in names]).cast(pa.float64())
    return np.asarray(joined.to_numpy(zero_copy_only=False)).reshape(len(names), -1)


@dataclass(frozen=True)
class Cells:
    """What is not zero in some rows of a table of functions, minute by minute.

    Attributes:
        starts: where each minute's cells begin, and where the last one's end.
        rows: the row in the table of each cell.
        values: the count in each cell.
    """

    starts: NDArray[np.uint32]
    rows: NDArray[np.uint32]
    values: NDArray[Any]

    @classmethod
    def of(cls, counts: NDArray[np.float64], first_row: int) -> Cells:
        """Return the cells of `counts`, one row a minute, of which the first column is row `first_row` of the table."""
        minute, row = np.nonzero(counts)
        values = counts[minute, row]
        starts = np.searchsorted(minute, np.arange(len(counts) + 1)).astype(np.uint32)
        kind = np.min_scalar_type(int(values.max(initial=0)))
        return cls(starts, (row + first_row).astype(np.uint32), values.astype(kind))

    def minute(self, number: int) -> slice:
        """Return where the cells of a minute lie."""
        return slice(int(self.starts[number]), int(self.starts[number + 1]))


def by_time(pieces: Sequence[Cells], starts_s: Sequence[float], length_s: float, series: Any) -> Iterator[Any]:
    """Yield the rates of a table of functions minute by minute, in a minute as the file lies.

    Args:
        pieces: the table, its first rows first.
        starts_s: when each minute began; rising.
        length_s: how long each lasted.
        series: what each row of the table is about: a dictionary array.
    """
    widths = np.sum([np.diff(piece.starts.astype(np.int64)) for piece in pieces], axis=0)
    first = 0
    while first < len(starts_s):
        sizes = np.cumsum(widths[first:])
        last = first + max(int(np.searchsorted(sizes, ROWS_AT_ONCE, side="right")), 1)
        cells = [(piece, piece.minute(minute)) for minute in range(first, last) for piece in pieces]
        rows = np.concatenate([piece.rows[place] for piece, place in cells])
        columns = {
            "time_s": np.repeat(np.asarray(starts_s[first:last], dtype=float), widths[first:last]),
            "length_s": np.full(len(rows), length_s),
            "series": pa.DictionaryArray.from_arrays(series.indices.take(pa.array(rows)), series.dictionary),
            "value": np.concatenate([piece.values[place].astype(np.float64) for piece, place in cells]),
        }
        if len(rows):
            yield batch("rates", columns, len(rows))
        first = last
