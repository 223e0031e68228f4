"""When rows arrive: their rate, the gaps between them, and how unevenly they fill equal bins of time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simtier.errors import TraceError
from simtier.traces.statistics.columns import NumberColumn, Numbers
from simtier.traces.statistics.quantiles import Floats


@dataclass(frozen=True)
class Arrivals:
    """The arrivals of a trace.

    Attributes:
        rate_per_s: rows over the span from the first row to the last; None if that is 0.
        gaps: seconds between neighbouring rows, one fewer than rows; its `zeros` are the ties.
        gap_cv: coefficient of variation of the gaps.
        ties: rows that arrive together with the row before.
        dispersion_1s: index of dispersion of the counts in bins of 1 s: variance over mean (1 for Poisson arrivals). Bins begin at
            the first row, hold their beginning and not their end, reach to the last row so that the last one may be
            unfinished, and the variance is that of the population.
        dispersion_60s: the same in bins of 60 s.
    """

    rate_per_s: float | None
    gaps: Numbers
    gap_cv: float | None
    ties: int
    dispersion_1s: float | None
    dispersion_60s: float | None


class ArrivalCounter:
    """Collects `Arrivals` from times in seconds that never decrease."""

    def __init__(self, bound: int) -> None:
        self.gaps = NumberColumn(bound)
        self.rows = 0
        self.first_s = self.last_s = 0.0
        self._bins = (_Bins(1.0), _Bins(60.0))

    def add(self, times: Floats) -> None:
        """Take in the next times; raises TraceError if one lies before its predecessor."""
        if not self.rows:
            self.first_s = self.last_s = float(times[0])
        gaps = np.diff(times, prepend=self.last_s)
        if (gaps < 0).any():
            row = int(np.argmax(gaps < 0))
            raise TraceError(
                f"row {self.rows + row + 1}: its time, {times[row]} s, lies before that of the row above; sort the rows by time"
            )
        self.gaps.add(gaps if self.rows else gaps[1:])
        for bins in self._bins:
            bins.add(times - self.first_s)
        self.rows += len(times)
        self.last_s = float(times[-1])

    def figures(self) -> Arrivals:
        """Return what was collected."""
        gaps = self.gaps.figures()
        span = self.last_s - self.first_s
        rate = self.rows / span if span else None
        return Arrivals(rate, gaps, gaps.cv, gaps.zeros, *(bins.dispersion() for bins in self._bins))


class _Bins:
    """Sums of the counts, and of their squares, in bins of `width_s`; whole numbers, so the result is exact."""

    def __init__(self, width_s: float) -> None:
        self._width_s = width_s
        self._rows = self._squares = 0
        self._bin = self._in_bin = 0  # the bin not yet left

    def add(self, since_first: Floats) -> None:
        places = np.floor_divide(since_first, self._width_s).astype(np.int64)
        starts = np.flatnonzero(np.diff(places, prepend=self._bin))
        counts = np.diff(starts, append=len(places))
        self._rows += len(places)
        self._in_bin += int(starts[0]) if len(starts) else len(places)
        if len(starts):
            self._squares += self._in_bin**2 + int(np.square(counts[:-1]).sum())
            self._bin, self._in_bin = int(places[-1]), int(counts[-1])

    def dispersion(self) -> float | None:
        bins = self._bin + 1
        squares = self._squares + self._in_bin**2
        return (bins * squares - self._rows**2) / (bins * self._rows) if self._rows else None
