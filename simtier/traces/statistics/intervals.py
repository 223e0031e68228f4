"""Numbers by interval and series: their totals over all series, interval by interval."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from simtier.errors import TraceError
from simtier.traces.statistics.columns import NumberColumn, Numbers
from simtier.traces.statistics.quantiles import Floats

_HOUR_S = 3600.0
_DAY_HOURS = 24
_MOST_HOURS = 100 * 366 * _DAY_HOURS  # a longer trace has a wrong time in it, not a daily wave
_PIECE = 2**16  # zeros added at a time


@dataclass(frozen=True)
class Rates:
    """The totals of a `rates` trace over its series; in the unit of its values.

    Attributes:
        total: sum of all values.
        series: different series; None if there are more than were told apart.
        total_per_series: `total` over `series`.
        covered_s: seconds that the intervals cover together.
        s_per_unit: `covered_s` over `total`: of counts, the mean time between two of what is counted.
        intervals: the totals of the intervals that have rows; where absent rows mean zero, of every interval from the first to the last.
        interval_cv: coefficient of variation of these totals.
        interval_dispersion: their variance (of the population) over their mean.
        lag_24h: correlation (Pearson) of the totals of whole hours with those 24 hours later; None for less than 48 whole hours.
    """

    total: float
    series: int | None
    total_per_series: float | None
    covered_s: float
    s_per_unit: float | None
    intervals: Numbers
    interval_cv: float | None
    interval_dispersion: float | None
    lag_24h: float | None


class IntervalTotals:
    """Collects `Rates` from rows in order of time; the rows of one time are one interval."""

    def __init__(self, bound: int) -> None:
        self.totals = NumberColumn(bound)
        self._rows = 0
        self._total = self._covered_s = 0.0
        self._first_s = 0.0
        self._open = (0.0, 0.0, 0.0)  # begin, length and total so far of the interval that may go on
        self._hours: defaultdict[int, float] = defaultdict(float)

    def add(self, times: Floats, lengths: Floats, values: Floats) -> None:
        """Take in the next rows; raises TraceError if time goes back."""
        if not self._rows:
            self._first_s = float(times[0])
            self._open = (self._first_s, float(lengths[0]), 0.0)
        steps = np.diff(times, prepend=self._open[0])
        if (steps < 0).any():
            row = self._rows + int(np.argmax(steps < 0)) + 1
            raise TraceError(f"row {row}: its time lies before that of the row above; sort the rows by time")
        self._rows += len(times)
        starts = np.flatnonzero(steps)
        head = int(starts[0]) if len(starts) else len(times)
        begin, length, total = self._open
        self._open = (begin, length, total + float(values[:head].sum()))
        if not len(starts):
            return
        self._close(*(np.array([part]) for part in self._open))
        totals = np.add.reduceat(values, starts)
        self._close(times[starts[:-1]], lengths[starts[:-1]], totals[:-1])
        self._open = (float(times[starts[-1]]), float(lengths[starts[-1]]), float(totals[-1]))

    def figures(self, series: int | None, *, absent_is_zero: bool) -> Rates:
        """Return what was collected, once: closes the last interval and, if told so, adds the intervals without rows."""
        end_s = self._first_s
        if self._rows:
            end_s = self._open[0] + self._open[1]
            self._close(*(np.array([part]) for part in self._open))
            if absent_is_zero:
                self._add_absent(end_s)
        totals = self.totals.figures()
        return Rates(
            self._total,
            series,
            self._total / series if series else None,
            self._covered_s,
            self._covered_s / self._total if self._total else None,
            totals,
            totals.cv,
            totals.dispersion,
            self._lag_24h(end_s, 0.0 if absent_is_zero else math.nan),
        )

    def _close(self, times: Floats, lengths: Floats, totals: Floats) -> None:
        self.totals.add(totals)
        self._total += float(totals.sum())
        self._covered_s += float(lengths.sum())
        hours = np.floor_divide(times - self._first_s, _HOUR_S).astype(np.int64)
        distinct, place = np.unique(hours, return_inverse=True)
        for hour, total in zip(distinct, np.bincount(place, weights=totals), strict=True):
            self._hours[int(hour)] += float(total)

    def _add_absent(self, end_s: float) -> None:
        length = self._open[1]
        absent = round((end_s - self._first_s - self._covered_s) / length) if length else 0
        self._covered_s += absent * length
        for start in range(0, absent, _PIECE):
            self.totals.add(np.zeros(min(_PIECE, absent - start)))

    def _lag_24h(self, end_s: float, absent: float) -> float | None:
        whole = math.floor((end_s - self._first_s) / _HOUR_S)
        if not 2 * _DAY_HOURS <= whole <= _MOST_HOURS:
            return None
        hours = np.array([self._hours.get(hour, absent) for hour in range(whole)])
        today, tomorrow = hours[:-_DAY_HOURS], hours[_DAY_HOURS:]
        known = np.isfinite(today) & np.isfinite(tomorrow)
        today, tomorrow = today[known], tomorrow[known]
        if len(today) < _DAY_HOURS or not (np.ptp(today) and np.ptp(tomorrow)):
            return None
        return float(np.corrcoef(today, tomorrow)[0, 1])
