"""What is known of the idle times of a function, and when they say that an instance is worth having."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from statistics import median

from simtier.contract import FunctionView


@dataclass(frozen=True, slots=True)
class Window:
    """When to have an instance, in seconds since the function fell idle."""

    begin_s: float
    end_s: float


class IdleTimes:
    """The idle times of one function: a histogram of those in range, the number of those that are not, and the last few.

    An idle time goes from the end of an execution to the next arrival. It is learned when an instance falls idle after use: the last
    arrival, if there was one since, ended the idle time before.

    Attributes:
        since_s: when an instance last fell idle after use; NaN before the first time.
        outside: how many idle times were out of range.
    """

    def __init__(self, range_s: float, bin_s: float, recent: int) -> None:
        self.since_s = math.nan
        self.outside = 0
        self._bins = max(1, math.ceil(round(range_s / bin_s, 9)))
        self._bin_s = bin_s
        self._counts: dict[int, int] = {}
        self._total = 0
        self._squares = 0  # sum of the squares of all counts
        self._recent: deque[float] = deque(maxlen=recent)
        self._arrivals = 0

    def fell_idle(self, function: FunctionView, now_s: float) -> None:
        """Learn the idle time that the last arrival ended, if there is one; another begins now."""
        if function.arrivals > self._arrivals:
            self._arrivals = function.arrivals
            idle_s = function.last_arrival_s - self.since_s
            if idle_s >= 0.0:  # not so before the first use
                self.add(idle_s)
        self.since_s = now_s

    def add(self, idle_s: float) -> None:
        """Count an idle time."""
        self._recent.append(idle_s)
        number = int(idle_s // self._bin_s)
        if number >= self._bins:
            self.outside += 1
            return
        before = self._counts.get(number, 0)
        self._counts[number] = before + 1
        self._total += 1
        self._squares += 2 * before + 1

    def outside_share(self) -> float:
        """Return the share of idle times that were out of range; 0 if there were none at all."""
        return self.outside / max(1, self.outside + self._total)

    def cv(self) -> float:
        """Return the coefficient of variation (standard deviation / mean) of the counts of all bins; NaN if all are empty."""
        if not self._total:
            return math.nan
        return math.sqrt(max(0.0, self._bins * self._squares / self._total**2 - 1.0))

    def between(self, head: float, tail: float, margin: float) -> Window:
        """Return the window from the `head` to the `tail` quantile, rounded outwards to edges of bins, and `margin` wider."""
        first, last = self._bin_at(head), self._bin_at(tail) + 1
        return Window(first * self._bin_s * (1.0 - margin), last * self._bin_s * (1.0 + margin))

    def around_median(self, margin: float) -> Window:
        """Return the window of `margin` around the median of the last idle times; at least one must have been added."""
        middle_s = median(self._recent)
        return Window(middle_s * (1.0 - margin), middle_s * (1.0 + margin))

    def _bin_at(self, quantile: float) -> int:
        """Return the first bin up to which at least that share of the counts lies."""
        wanted, seen, number = round(quantile * self._total, 9), 0, 0
        for number in sorted(self._counts):
            seen += self._counts[number]
            if seen >= wanted:
                break
        return number
