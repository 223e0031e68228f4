"""Comma-separated files, column by column and block by block, at the speed of Arrow; faults name file, line and column.

Columns are found by name, whatever their order. Every field is read as text first, so that nothing is guessed: a field that is not
what its column holds ends the reading with its place, or, where the user asked for it, is dropped with its row and counted. A line end
within quotes ends it always: a quote left open would swallow the lines after it unseen.
"""

from __future__ import annotations

import csv
import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv

from simtier.errors import TraceError
from simtier.traces.columns import NUMBERS, Kind, bad_rows, told
from simtier.traces.csv_lines import LONGEST_FIELD, line_of, lines
from simtier.traces.csv_text import Watched, decoded
from simtier.traces.ledger import Ledger, refuse
from simtier.traces.shown import listed, shown
from simtier.traces.source import Source
from simtier.traces.times import settled

BLOCK_BYTES = 2**20
_LONGEST_HEADER = 2**22
_SHOWN = 80
_ROWS_EXPLAINED = 1000
_ODD = "wrong number of columns"
_RUNS_ON = "a line end within a field; is a quote left open?"


def csv_rows(
    source: Source,
    ledger: Ledger,
    columns: Mapping[str, Kind] | Callable[[list[str]], Mapping[str, Kind]],
    *,
    optional: Sequence[str] = (),
    delimiter: str = ",",
) -> Iterator[dict[str, Any]]:
    """Yield the rows of `source` in blocks: Arrow arrays of one length by the names of `columns`.

    Args:
        source: the file; its first line names the columns.
        ledger: counts rows and drops; says whether bad rows end the reading.
        columns: what each column needed is read as; a function gets the header's names and returns that, for files whose columns
            are not known before.
        optional: those of `columns` that a file may lack.
        delimiter: what parts the fields.

    Raises TraceError for an empty file, a missing or doubled column, a line end within a field, and (unless the ledger is tolerant) for the
    first bad row.
    """
    with source.opened() as stream:
        names = header(source, stream, delimiter)
        needed = columns(names) if callable(columns) else columns
        wanted = _wanted(source.label, names, needed, optional, delimiter)
        places = {name: place for place, name in enumerate(names) if name in needed}
        table = _Table(source, ledger, delimiter, names, places, {name: needed[name] for name in wanted})
        yield from table.rows(stream)


def header(source: Source, stream: BinaryIO, delimiter: str = ",") -> list[str]:
    """Read the first line of a stream and return the names in it; raises TraceError if there is none."""
    line = stream.readline(_LONGEST_HEADER + 1)
    if len(line) > _LONGEST_HEADER:
        refuse(source.label, 1, None, f"longer than {_LONGEST_HEADER} bytes; is the file text?")
    try:
        text = line.decode("utf-8-sig").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise TraceError(f"{source.label}, line 1: not UTF-8 text (byte {line[error.start]:#04x})") from error
    if not text.strip():
        raise TraceError(
            f"{source.label}: the file is empty" if not line else f"{source.label}, line 1: the line is blank"
        )
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True))
    except csv.Error as error:  # such as a carriage return within the line
        raise TraceError(f"{source.label}, line 1: no header of a table ({error})") from error


def _wanted(
    label: str, names: list[str], columns: Mapping[str, Kind], optional: Sequence[str], delimiter: str
) -> list[str]:
    """Return those of `columns` that the file has; raises TraceError if it lacks one it must have, or has one twice."""
    times = Counter(names)
    for name in columns:
        if times[name] == 1 or (name in optional and not times[name]):
            continue
        fault = "two columns" if times[name] else "no column"
        needed = ", ".join(repr(each) for each in columns if each not in optional)[: 4 * _SHOWN]
        hint = "" if len(names) > 1 else f" (is it parted by {delimiter!r}?)"
        raise TraceError(
            f"{label}, line 1: {fault} {shown(name)}; the header is {delimiter.join(names)[:_SHOWN]!r}{hint}, needed are {needed}"
        )
    return [name for name in columns if times[name]]


@dataclass
class _Table:
    """A file being read: what its columns are called, and as what those needed are read."""

    source: Source
    ledger: Ledger
    delimiter: str
    names: list[str]
    places: dict[str, int]
    kinds: dict[str, Kind]

    def rows(self, stream: BinaryIO) -> Iterator[dict[str, Any]]:
        """Yield the columns needed, block by block."""
        watched = Watched(stream, mended=self.ledger.tolerant)
        for block in self._blocks(stream, watched):
            if watched.quotes:
                self._refuse_line_ends(block)
            yield self._typed(block)

    def _blocks(self, stream: BinaryIO, watched: Watched) -> Iterator[Any]:
        """Yield record batches of bytes, all columns of the file."""
        if not stream.peek(1):  # type: ignore[attr-defined]  # every source opens a BufferedReader
            return

        def odd_row(row: Any) -> str:
            if "\n" in row.text or "\r" in row.text:
                return "error"
            self.ledger.rows_read += 1
            self.ledger.drop(_ODD)
            return "skip"

        numbers = [f"{k}" for k in range(len(self.names))]  # names may be there twice
        try:
            with pcsv.open_csv(
                pa.PythonFile(watched, "r"),
                pcsv.ReadOptions(column_names=numbers, block_size=BLOCK_BYTES, use_threads=False),
                pcsv.ParseOptions(
                    delimiter=self.delimiter, invalid_row_handler=odd_row if self.ledger.tolerant else None
                ),
                pcsv.ConvertOptions(column_types=dict.fromkeys(numbers, pa.binary()), strings_can_be_null=False),
            ) as reader:
                for block in reader:
                    if block.num_rows:
                        yield block
        except pa.ArrowInvalid as error:
            self._explain(str(error))

    def _typed(self, block: Any) -> dict[str, Any]:
        """Return a block's columns as what they hold, without its bad rows."""
        first_row, rows = self.ledger.rows_read, block.num_rows
        typed, faults = {}, []
        for alike, kind in list(_alike(self.kinds)):
            columns = [block.column(self.places[name]) for name in alike]
            joined = columns[0] if len(columns) == 1 else pa.concat_arrays(columns)
            text, odd = decoded(joined, mended=self.ledger.tolerant)
            self.kinds[alike[0]] = known = settled(kind, text)
            values, found = known.values(text)
            for place, name in enumerate(alike):
                typed[name] = values.slice(place * rows, rows)
                faults += [(name, reason, mask.slice(place * rows, rows)) for reason, mask in (*odd, *found)]
        order = {name: place for place, name in enumerate(self.kinds)}
        faults = sorted((fault for fault in faults if pc.any(fault[2]).as_py()), key=lambda fault: order[fault[0]])
        if faults and not self.ledger.tolerant:
            self._refuse_first(first_row, block, faults)
        self.ledger.rows_read += rows
        if not faults:
            return typed
        good = np.ones(rows, dtype=bool)
        for reason, mask in bad_rows([(f"{name}: {reason}", mask) for name, reason, mask in faults], rows):
            self.ledger.drop(reason, int(mask.sum()))
            good &= ~mask
        return {name: values.filter(pa.array(good)) for name, values in typed.items()}

    def _refuse_first(self, first_row: int, block: Any, faults: list[tuple[str, str, Any]]) -> NoReturn:
        """Raise the TraceError for the first bad row of a block, with its line in the file."""
        found = []
        for name, reason, mask in faults:
            row = int(np.argmax(mask.fill_null(False).to_numpy(zero_copy_only=False)))
            found.append((row, self.places[name], reason))
        row, position, reason = min(found, key=lambda place: place[:2])
        field = block.column(position)[row].as_py().decode(errors="replace")
        place = f"{position + 1} ({listed([self.names[position]])})"
        refuse(self.source.label, self._line_of(first_row + row), place, told(field, reason))

    def _refuse_line_ends(self, block: Any) -> None:
        """Raise the TraceError for the first field of a block with a line end in it, if there is one."""
        masks = [pc.match_substring_regex(column, "[\r\n]") for column in block.columns]
        rows = [int(np.argmax(mask.to_numpy(zero_copy_only=False))) for mask in masks if pc.any(mask).as_py()]
        if rows:
            refuse(self.source.label, self._line_of(self.ledger.rows_read + min(rows)), None, _RUNS_ON)

    def _line_of(self, row: int) -> int | None:
        """Return the line of data row `row`, counted from 0 with those left out for their number of columns."""
        # Where those stood between the others is not known.
        uncertain = self.ledger.dropped[_ODD]
        return None if uncertain else line_of(self.source, row)

    def _explain(self, arrow: str) -> NoReturn:
        """Raise the TraceError for a file that Arrow cannot take apart, with the line where that begins."""
        label, above, untold = self.source.label, list[list[str]](), None
        for line, fields in itertools.islice(lines(self.source, self.delimiter), self.ledger.rows_read, None):
            if fields is None:
                untold = untold or line
                continue
            _refuse_swallowing(label, line, fields)
            if len(fields) == len(self.names):
                above.append(fields)
            elif not self.ledger.tolerant:
                if above:
                    self._typed(_block(above))  # one of those may be bad
                expected = f"expected {len(self.names)} columns, as in the header, got {len(fields)}"
                refuse(label, line, None, expected)
            if len(above) == _ROWS_EXPLAINED:
                self._typed(_block(above))
                above = []
        if untold:
            refuse(label, untold, None, f"a field of more than {LONGEST_FIELD} characters; is a quote left open?")
        raise TraceError(f"{label}: not comma-separated text ({listed([arrow])})")


def _refuse_swallowing(label: str, line: int, fields: list[str]) -> None:
    """Raise the TraceError for a line that holds more than a line, or more than a block."""
    if any("\n" in field or "\r" in field for field in fields):
        refuse(label, line, None, _RUNS_ON)
    if sum(map(len, fields)) > BLOCK_BYTES:
        refuse(label, line, None, f"longer than {BLOCK_BYTES} bytes")


def _block(rows: list[list[str]]) -> Any:
    """Return rows of text as Arrow reads them."""
    columns = [[field.encode(errors="surrogateescape") for field in column] for column in zip(*rows, strict=True)]
    return pa.RecordBatch.from_arrays([pa.array(column) for column in columns], [f"{k}" for k in range(len(columns))])


def _alike(kinds: Mapping[str, Kind]) -> Iterator[tuple[list[str], Kind]]:
    """Yield the columns to be read in one go: numbers of one kind, of which a wide table has thousands; others one by one."""
    numbers: dict[Kind, list[str]] = {}
    for name, kind in kinds.items():
        if isinstance(kind, NUMBERS):
            numbers.setdefault(kind, []).append(name)
        else:
            yield [name], kind
    yield from ((names, kind) for kind, names in numbers.items())
