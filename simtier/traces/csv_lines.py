"""Comma-separated files line by line, the slow and plain way: to find the line of a row, and the row that Arrow cannot take apart.

A row is a line that is not blank, as a line end within a field is refused.
"""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterator

from simtier.traces.source import Source

Line = tuple[int, list[str] | None]
"""The line of a row, and its fields; None if they cannot be told."""

LONGEST_FIELD = 131_072
"""Characters of a field that Python's csv module takes."""


def lines(source: Source, delimiter: str) -> Iterator[Line]:
    """Yield each row after the header; the last field of one with a quote left open ends in the line end.

    Bytes that are no text are kept as surrogates.
    """
    return ((line, _fields(text, delimiter)) for line, text in _texts(source))


def line_of(source: Source, row: int) -> int | None:
    """Return the line of data row `row` (from 0), if the file has so many."""
    return next((line for line, _ in itertools.islice(_texts(source), row, None)), None)


def _texts(source: Source) -> Iterator[tuple[int, str]]:
    """Yield the lines after the first that are not blank, with their line ends."""
    with (
        source.opened() as stream,
        io.TextIOWrapper(stream, "utf-8-sig", errors="surrogateescape", newline="") as text,
    ):
        text.readline()
        for line, content in enumerate(text, start=2):
            if content not in ("\n", "\r\n", "\r"):
                yield line, content


def _fields(text: str, delimiter: str) -> list[str] | None:
    try:
        return next(csv.reader([text], delimiter=delimiter))
    except csv.Error:  # a field of more than LONGEST_FIELD characters
        return None if '"' in text else text.rstrip("\r\n").split(delimiter)
