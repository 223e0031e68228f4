"""Comma-separated files line by line, the slow and plain way: to find the line of a row, and the row that Arrow cannot take apart."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from simtier.traces.source import Source

Line = tuple[int, list[str] | None]
"""The line a row begins on, and its fields; None if they cannot be told."""

LONGEST_FIELD = 131_072
"""Characters of a field that Python's csv module takes."""


def lines(source: Source, delimiter: str) -> Iterator[Line]:
    """Yield each row after the header; blank lines are no rows; after a row whose fields cannot be told there is no other.

    Bytes that are no text are kept as surrogates.
    """
    with (
        source.opened() as stream,
        io.TextIOWrapper(stream, "utf-8-sig", errors="surrogateescape", newline="") as text,
    ):
        text.readline()
        reader = csv.reader(text, delimiter=delimiter)
        line = 2
        try:
            for fields in reader:
                if fields:
                    yield line, fields
                line = reader.line_num + 2
        except csv.Error:
            yield line, None


def line_of(source: Source, delimiter: str, row: int) -> int | None:
    """Return the line on which data row `row` (from 0) begins, if it can be told."""
    for seen, (line, fields) in enumerate(lines(source, delimiter)):
        if seen == row:
            return None if fields is None else line
    return None
