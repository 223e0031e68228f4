"""Azure LLM inference 2023: one hour of two production services, `code` and `conv`.

Source: Patel et al., "Splitwise: Efficient generative LLM inference using phase splitting", ISCA 2024; columns
TIMESTAMP (arrival), ContextTokens (input), GeneratedTokens (output), read by name. Stamps are `YYYY-MM-DD HH:MM:SS`
with up to seven digits of fraction and an optional UTC offset; they are kept as whole 100-ns ticks until the first
one is subtracted. Rows need not be sorted: they are sorted stably, and how many lay out of order is noted. Zero
tokens are data.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from itertools import pairwise

import pyarrow as pa

from simtier.errors import TraceError
from simtier.traces import text
from simtier.traces.dataset import Dataset, Place
from simtier.traces.tables import LLM_REQUESTS, Parsed

COLUMNS = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
TICKS_PER_SECOND = 10_000_000
_STAMP = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[ T]([0-9]{2}):([0-9]{2}):([0-9]{2})"
    r"(?:\.([0-9]{1,7}))?(Z|[-+][0-9]{2}:?[0-9]{2})?"
)

_ZONE = re.compile(r"(?:Z|[-+][0-9]{2}:?[0-9]{2})$")


def ticks(stamp: str) -> int:
    """Return a stamp as 100-ns ticks since year 1 in UTC (without an offset: as written); raises ValueError."""
    match = _STAMP.fullmatch(stamp)
    if not match:
        raise ValueError("expected YYYY-MM-DD HH:MM:SS with at most 7 digits of fraction and an optional UTC offset")
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError("hour, minute or second is out of range")
    seconds = date(year, month, day).toordinal() * 86400 + hour * 3600 + minute * 60 + second - _offset_s(match[8])
    return seconds * TICKS_PER_SECOND + int((match[7] or "").ljust(7, "0"))


def _offset_s(zone: str | None) -> int:
    if zone is None or zone == "Z":
        return 0
    size = int(zone[1:3]) * 3600 + int(zone[-2:]) * 60
    return -size if zone[0] == "-" else size


def parse(label: str, data: bytes) -> Parsed:
    """Return the requests in a file's bytes; raises TraceError with line and column for another format."""
    rows = list(_rows(label, text.decode(label, data)))
    if not rows:
        raise TraceError(f"{label}: the file has a header and no rows")
    stamps = [row[0] for row in rows]
    inversions = sum(later < earlier for earlier, later in pairwise(stamps))
    rows.sort(key=lambda row: row[0])
    first = rows[0][0]
    columns = [
        [(row[0] - first) / TICKS_PER_SECOND for row in rows],
        [row[1] for row in rows],
        [row[2] for row in rows],
    ]
    notes = [f"stamps are arrivals; sorted, {inversions} lay before the row above them"] if inversions else []
    return Parsed(pa.table(columns, schema=LLM_REQUESTS), len(rows), notes=tuple(notes))


def _rows(label: str, content: str) -> Iterator[tuple[int, int, int]]:
    """Yield (ticks, input tokens, output tokens) of each row; blank lines are no rows."""
    reader = csv.reader(io.StringIO(content, newline=""), strict=True)
    zoned: set[bool] = set()
    try:
        header = next(reader)
        at, context, generated = (_position(label, header, name) for name in COLUMNS)
        for row in filter(None, reader):
            line = reader.line_num
            if len(row) != len(header):
                raise text.wrong(
                    label, line, len(row), f"expected {len(header)} columns, as in the header, got {len(row)}"
                )
            stamp = _stamp(label, line, at + 1, row[at])
            zoned.add(bool(_ZONE.search(row[at])))
            if len(zoned) > 1:
                raise text.wrong(label, line, at + 1, f"{row[at]!r}: stamps with and without a UTC offset in one file")
            given = text.whole(label, line, context + 1, row[context])
            yield stamp, given, text.whole(label, line, generated + 1, row[generated])
    except csv.Error as error:
        raise TraceError(f"{label}, line {reader.line_num}: not comma-separated text ({error})") from error


def _stamp(label: str, line: int, column: int, field: str) -> int:
    try:
        return ticks(field)
    except ValueError as error:
        raise text.wrong(label, line, column, f"{field!r} is not a time stamp: {error}") from error


def _position(label: str, header: list[str], name: str) -> int:
    if header.count(name) == 1:
        return header.index(name)
    fault = "two columns" if name in header else "no column"
    raise TraceError(
        f"{label}, line 1: {fault} {name!r}; the header is {','.join(header)[:80]!r}, needed are {', '.join(COLUMNS)}"
    )


def write(
    arrival_ticks: Iterable[int], input_tokens: Iterable[int], output_tokens: Iterable[int], start: date
) -> bytes:
    """Return a file's bytes in the official format (CRLF, 7 digits); arrivals: 100-ns ticks since midnight on `start`.

    `parse` gives back the same arrivals, less the first one. Ticks and tokens must not be negative.
    """
    lines = [",".join(COLUMNS)]
    for tick, given, made in zip(arrival_ticks, input_tokens, output_tokens, strict=True):
        seconds, fraction = divmod(int(tick), TICKS_PER_SECOND)
        clock = datetime.combine(start, time()) + timedelta(seconds=seconds)
        lines.append(f"{clock:%Y-%m-%d %H:%M:%S}.{fraction:07d},{given},{made}")
    return ("\r\n".join(lines) + "\r\n").encode()


AZURE_LLM_2023 = Dataset(
    name="azure-llm-2023",
    family="llm_requests",
    folders=("azure-llm-2023",),
    places=(
        Place("AzureLLMInferenceTrace_*.csv*", r"AzureLLMInferenceTrace_(.+)\.csv"),
        Place("*.csv*", r"(?!AzureLLMInferenceTrace_)(.+)\.csv"),
    ),
    parse=parse,
)
