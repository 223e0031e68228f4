"""The two-column text of cooked bandwidth traces: a line holds seconds and Mbit/s, separated by a tab or spaces.

The reading of a file, stated because the files do not say it:

- A rate holds from its stamp to the next. (Cooked logs measure a rate over the time before its stamp; taking it for
  the time after shifts the rates by one step and leaves their distribution.) A rate of zero is data.
- Stamps are rebased so that the first is 0, and the offset is noted.
- The trace loops with period = last stamp + mean step, that is, rows x mean step: the last rate holds for a mean
  step. The last stamp alone would give the last row no time at all, and turn a file of n even steps into n - 1 of
  them.
- Of equal stamps the last row counts, as the earlier ones hold for no time; they are counted as dropped. A stamp before
  the one above is refused: nothing says which of the two is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from simtier.errors import TraceError
from simtier.traces import text
from simtier.traces.columns import BEYOND, LONGEST_S
from simtier.traces.ledger import Ledger
from simtier.traces.shown import shown
from simtier.traces.source import Source
from simtier.traces.tables import batch
from simtier.units import parse as quantity

BYTES_PER_S = quantity("1 Mbit/s", "data rate")


def read(source: Source, ledger: Ledger) -> Iterator[Any]:
    """Yield the trace in a file, whole; raises TraceError with line and column for another format."""
    times: list[float] = []
    rates: list[float] = []
    label = source.label
    for line, row in _lines(text.decode(label, source.read_bytes())):
        ledger.rows_read += 1
        try:
            time, rate = _pair(label, line, row)
            if times and time < times[-1]:
                raise text.wrong(label, line, 1, f"time goes back from {times[-1]!r} to {time!r} s")
        except TraceError:
            if not ledger.tolerant:
                raise
            ledger.drop("not two columns of numbers, or a time that goes back")
            continue
        if times and time == times[-1]:
            ledger.drop("equal stamp")
            rates[-1] = rate
        else:
            times.append(time)
            rates.append(rate)
    if times:
        yield from _finished(times, rates, ledger)


def _lines(content: str) -> Iterator[tuple[int, str]]:
    """Yield (line number, line) of all lines that are not blank."""
    return ((line, row) for line, row in enumerate(content.split("\n"), start=1) if row.strip())


def _pair(label: str, line: int, row: str) -> tuple[float, float]:
    """Return seconds and bytes/s of a line."""
    fields = row.split()
    if len(fields) != 2:
        expected = "expected two columns, seconds and Mbit/s, separated by a tab or spaces"
        raise text.wrong(label, line, min(len(fields), 3), f"{expected}, got {shown(row.strip())}")
    time = text.number(label, line, 1, fields[0])
    if time > LONGEST_S:
        raise text.wrong(label, line, 1, f"{shown(fields[0])} s is {BEYOND}; is it in seconds?")
    rate = text.number(label, line, 2, fields[1]) * BYTES_PER_S
    if math.isinf(rate):
        raise text.wrong(label, line, 2, f"{shown(fields[1])} Mbit/s is no finite number of bytes/s")
    return time, rate


def _finished(times: list[float], rates: list[float], ledger: Ledger) -> Iterator[Any]:
    """Yield the table's one batch, rebased, and write down its period."""
    span = times[-1] - times[0]
    ledger.facts["period_s"] = repr(span * len(times) / (len(times) - 1) if span else 1.0)
    ledger.facts["origin_s"] = repr(times[0])
    if times[0]:
        ledger.note(f"stamps rebased by {times[0]!r} s")
    if len(times) == 1:
        ledger.note("one stamp only: a constant rate")
    columns = {"time_s": np.array(times) - times[0], "rate_bytes_per_s": np.array(rates)}
    yield batch("bandwidth", columns, len(times))


def write(seconds: Iterable[float], mbit_per_s: Iterable[float], separator: str = "\t") -> bytes:
    """Return a file's bytes; `parse` gives back the very same numbers (times rebased, rates as bytes/s).

    Raises TraceError when there is no row, as no reader takes an empty file.
    """
    pairs = zip(seconds, mbit_per_s, strict=True)
    lines = [f"{float(time)!r}{separator}{float(rate)!r}\n" for time, rate in pairs]
    if not lines:
        raise TraceError("a bandwidth trace needs at least one row")
    return "".join(lines).encode()
