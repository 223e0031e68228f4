"""A level that holds from one row to the next: the rate of a link, the instances of a spot market."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simtier.errors import TraceError
from simtier.traces.statistics.quantiles import Floats


@dataclass(frozen=True)
class Level:
    """A level weighted by how long it held, in the unit of its column.

    Attributes:
        covered_s: seconds that are weighed: up to the trace's `period_s`, or to the last row where that is not known.
        mean: time-weighted mean; None if no time passes.
        share_above_zero: share of the time that the level was above 0: for a spot market, its availability.
    """

    covered_s: float
    mean: float | None
    share_above_zero: float | None


class LevelClock:
    """Collects a `Level` from rows in order of time."""

    def __init__(self) -> None:
        self._rows = 0
        self._first_s = self._last_s = self._last = 0.0
        self._area = self._above_s = self._other_s = 0.0

    def add(self, times: Floats, values: Floats) -> None:
        """Take in the next rows; raises TraceError if time goes back."""
        if not self._rows:
            self._first_s = self._last_s = float(times[0])
        held = np.diff(times, prepend=self._last_s)
        if (held < 0).any():
            row = self._rows + int(np.argmax(held < 0)) + 1
            raise TraceError(f"row {row}: its time lies before that of the row above; sort the rows by time")
        levels = np.concatenate([[self._last], values[:-1]])
        self._area += float(np.dot(held, levels))
        self._above_s += float(held[levels > 0].sum())
        self._other_s += float(held[levels <= 0].sum())
        self._rows += len(times)
        self._last_s, self._last = float(times[-1]), float(values[-1])

    def figures(self, period_s: float | None) -> Level:
        """Return what was collected, the last row holding until `period_s` after the first."""
        rest = max(period_s - (self._last_s - self._first_s), 0.0) if period_s is not None and self._rows else 0.0
        covered = self._last_s - self._first_s + rest
        if not covered:
            return Level(0.0, None, None)
        above, other = self._above_s, self._other_s
        above, other = (above + rest, other) if self._last > 0 else (above, other + rest)
        return Level(covered, (self._area + rest * self._last) / covered, above / (above + other))
