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

from collections.abc import Iterable, Iterator

import pyarrow as pa

from simtier.errors import TraceError
from simtier.traces import text
from simtier.traces.tables import BANDWIDTH, Parsed
from simtier.units import parse as quantity


def parse(label: str, data: bytes) -> Parsed:
    """Return the trace in a file's bytes; raises TraceError with line and column for another format."""
    times: list[float] = []
    rates: list[float] = []
    rows_read = 0
    for line, time, rate in _rows(label, text.decode(label, data)):
        rows_read += 1
        if times and time < times[-1]:
            raise text.wrong(label, line, 1, f"time goes back from {times[-1]!r} to {time!r} s")
        if times and time == times[-1]:
            rates[-1] = rate
        else:
            times.append(time)
            rates.append(rate)
    equal = rows_read - len(times)
    notes = [f"stamps rebased by {times[0]!r} s"] if times[0] else []
    notes += ["one stamp only: a constant rate"] if len(times) == 1 else []
    return Parsed(_table(times, rates), rows_read, {"equal_stamp": equal} if equal else {}, tuple(notes))


def _rows(label: str, content: str) -> Iterator[tuple[int, float, float]]:
    """Yield (line, seconds, bytes/s); blank lines are no rows."""
    factor = quantity("1 Mbit/s", "data rate")
    for line, row in enumerate(content.split("\n"), start=1):
        fields = row.split()
        if not fields:
            continue
        if len(fields) != 2:
            expected = "expected two columns, seconds and Mbit/s, separated by a tab or spaces"
            raise text.wrong(label, line, min(len(fields), 3), f"{expected}, got {row.strip()[:60]!r}")
        yield line, text.number(label, line, 1, fields[0]), text.number(label, line, 2, fields[1]) * factor


def _table(times: list[float], rates: list[float]) -> pa.Table:
    span = times[-1] - times[0]
    period = span * len(times) / (len(times) - 1) if span else 1.0
    schema = BANDWIDTH.with_metadata({**BANDWIDTH.metadata, "period_s": repr(period)})
    return pa.table([[time - times[0] for time in times], rates], schema=schema)


def write(seconds: Iterable[float], mbit_per_s: Iterable[float], separator: str = "\t") -> bytes:
    """Return a file's bytes; `parse` gives back the very same numbers (times rebased, rates as bytes/s).

    Raises TraceError when there is no row, as no reader takes an empty file.
    """
    pairs = zip(seconds, mbit_per_s, strict=True)
    lines = [f"{float(time)!r}{separator}{float(rate)!r}\n" for time, rate in pairs]
    if not lines:
        raise TraceError("a bandwidth trace needs at least one row")
    return "".join(lines).encode()
