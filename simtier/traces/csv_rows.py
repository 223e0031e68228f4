"""Comma-separated files, column by column and block by block, at the speed of Arrow; faults name file, line and column.

Columns are found by name, whatever their order. Every field is read as text first, so that nothing is guessed: a field that is not
what its column holds ends the reading with its place, or, where the user asked for it, is dropped with its row and counted.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv

from simtier.errors import TraceError
from simtier.traces.columns import NUMBERS, Kind, bad_rows, told
from simtier.traces.ledger import Ledger, refuse
from simtier.traces.source import Source

BLOCK_BYTES = 2**20
_LONGEST_HEADER = 2**22
_SHOWN = 80


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

    Raises TraceError for an empty file, a missing or doubled column, and (unless the ledger is tolerant) for the first bad row.
    """
    with source.opened() as stream:
        names = header(source, stream, delimiter)
        needed = columns(names) if callable(columns) else columns
        wanted = _wanted(source.label, names, needed, optional, delimiter)
        for block in _blocks(source, stream, names, wanted, ledger, delimiter):
            yield _typed(source, block, {name: needed[name] for name in wanted}, names, ledger, delimiter)


def header(source: Source, stream: BinaryIO, delimiter: str = ",") -> list[str]:
    """Read the first line of a stream and return the names in it; raises TraceError if there is none."""
    line = stream.readline(_LONGEST_HEADER)
    try:
        text = line.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TraceError(f"{source.label}, line 1: not UTF-8 text (byte {line[error.start]:#04x})") from error
    if not text.strip():
        raise TraceError(
            f"{source.label}: the file is empty" if not line else f"{source.label}, line 1: the line is blank"
        )
    return next(csv.reader([text.rstrip("\r\n")], delimiter=delimiter))


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
        shown = delimiter.join(names)[:_SHOWN]
        raise TraceError(f"{label}, line 1: {fault} {name!r}; the header is {shown!r}{hint}, needed are {needed}")
    return [name for name in columns if times[name]]


def _blocks(
    source: Source, stream: BinaryIO, names: list[str], wanted: list[str], ledger: Ledger, delimiter: str
) -> Iterator[Any]:
    """Yield record batches of strings with the columns wanted."""
    if not stream.peek(1):  # type: ignore[attr-defined]  # every source opens a BufferedReader
        return

    def odd_row(_: Any) -> str:
        if not ledger.tolerant:
            return "error"
        ledger.rows_read += 1
        ledger.drop("wrong number of columns")
        return "skip"

    place = {name: number for number, name in enumerate(names)}
    positions = {name: f"{place[name]}" for name in wanted}
    try:
        with pcsv.open_csv(
            stream,
            pcsv.ReadOptions(
                column_names=[f"{k}" for k in range(len(names))], block_size=BLOCK_BYTES, use_threads=False
            ),
            pcsv.ParseOptions(delimiter=delimiter, invalid_row_handler=odd_row),
            pcsv.ConvertOptions(
                column_types={f"{k}": pa.string() for k in range(len(names))},
                include_columns=list(positions.values()),
                strings_can_be_null=False,
            ),
        ) as reader:
            for block in reader:
                if block.num_rows:
                    yield pa.RecordBatch.from_arrays(block.columns, wanted)
    except pa.ArrowInvalid as error:
        _explain(source, names, delimiter, str(error))


def _typed(
    source: Source, block: Any, kinds: Mapping[str, Kind], names: list[str], ledger: Ledger, delimiter: str
) -> dict[str, Any]:
    """Return a block's columns as what they hold, without its bad rows."""
    first_row, rows = ledger.rows_read, block.num_rows
    typed, faults = {}, []
    for alike, kind in _alike(kinds):
        texts = [block.column(name) for name in alike]
        values, found = kind.values(texts[0] if len(texts) == 1 else pa.concat_arrays(texts))
        for place, name in enumerate(alike):
            typed[name] = values.slice(place * rows, rows)
            faults += [(name, reason, mask.slice(place * rows, rows)) for reason, mask in found]
    order = {name: place for place, name in enumerate(kinds)}
    faults = sorted((fault for fault in faults if pc.any(fault[2]).as_py()), key=lambda fault: order[fault[0]])
    if not faults:
        ledger.rows_read += rows
        return typed
    if not ledger.tolerant:
        _refuse_first(source, first_row, block, faults, names, delimiter)
    ledger.rows_read += rows
    good = np.ones(rows, dtype=bool)
    for reason, mask in bad_rows([(f"{name}: {reason}", mask) for name, reason, mask in faults], rows):
        ledger.drop(reason, int(mask.sum()))
        good &= ~mask
    return {name: values.filter(pa.array(good)) for name, values in typed.items()}


def _alike(kinds: Mapping[str, Kind]) -> Iterator[tuple[list[str], Kind]]:
    """Yield the columns to be read in one go: numbers of one kind, of which a wide table has thousands; others one by one."""
    numbers: dict[Kind, list[str]] = {}
    for name, kind in kinds.items():
        if isinstance(kind, NUMBERS):
            numbers.setdefault(kind, []).append(name)
        else:
            yield [name], kind
    yield from ((names, kind) for kind, names in numbers.items())


def _refuse_first(
    source: Source, first_row: int, block: Any, faults: list[tuple[str, str, Any]], names: list[str], delimiter: str
) -> NoReturn:
    """Raise the TraceError for the first bad row of a block, with its line in the file."""
    places = []
    for name, reason, mask in faults:
        row = int(np.argmax(mask.fill_null(False).to_numpy(zero_copy_only=False)))
        places.append((row, names.index(name), name, reason))
    row, position, name, reason = min(places)
    field = block.column(name)[row].as_py()
    what = told(field, reason)
    refuse(source.label, _line_of(source, first_row + row, delimiter), f"{position + 1} ({name})", what)


def _line_of(source: Source, row: int, delimiter: str) -> int | None:
    """Return the line of data row `row` (from 0); blank lines are no rows."""
    with source.opened() as stream, io.TextIOWrapper(stream, "utf-8-sig", newline="") as text:
        reader = csv.reader(text, delimiter=delimiter)
        next(reader)
        for seen, _ in enumerate(filter(None, reader)):
            if seen == row:
                return reader.line_num
    return None


def _explain(source: Source, names: list[str], delimiter: str, arrow: str) -> NoReturn:
    """Raise the TraceError for a file that Arrow cannot take apart, with the line where that begins."""
    with source.opened() as stream:
        stream.readline(_LONGEST_HEADER)
        for line, row in enumerate(stream, start=2):
            try:
                text = row.decode()
            except UnicodeDecodeError as error:
                refuse(source.label, line, None, f"not UTF-8 text (byte {row[error.start]:#04x})")
            fields = next(csv.reader([text.rstrip("\r\n")], delimiter=delimiter), [])
            if fields and len(fields) != len(names):
                refuse(source.label, line, None, f"expected {len(names)} columns, as in the header, got {len(fields)}")
    raise TraceError(f"{source.label}: not comma-separated text ({arrow})")
