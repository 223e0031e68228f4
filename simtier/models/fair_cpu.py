"""Processor sharing of a node's cores among all running requests.

Each running request gets an equal share of the cores, but never more than it can use (its cap); what capped ones leave goes to the
others (water-filling). Requests with the same cap always run at the same rate, so one counter of work per cap, advanced at every
change, tells when each ends: O(log n) a change (virtual time: Parekh and Gallager, IEEE/ACM ToN 1(3), 1993).
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

from simtier.clock import Clock, Entry

Done = Callable[[Any], object]


class _Class:
    """All running jobs with one cap: a counter of the work each of them has got since the class last was empty."""

    __slots__ = ("cap", "counter", "ends", "rate")

    def __init__(self, cap: float) -> None:
        self.cap = cap
        self.counter = 0.0
        self.rate = 0.0
        self.ends: list[tuple[float, int, Done, Any]] = []


class FairCpu:
    """The cores of one node.

    Args:
        clock: simulated time.
        cores: how many.
    """

    def __init__(self, clock: Clock, cores: float) -> None:
        self._clock = clock
        self._cores = cores
        self._classes: list[_Class] = []
        self._changed_s = 0.0
        self._wake: Entry | None = None

    @property
    def running(self) -> int:
        """Jobs running now."""
        return sum(len(c.ends) for c in self._classes)

    def run(self, core_seconds: float, cap: float, done: Done, argument: Any) -> None:
        """Start a job of `core_seconds` that can use at most `cap` cores; calls `done(argument)` at its end."""
        self._advance()
        group = next((c for c in self._classes if c.cap == cap), None)
        if group is None:
            group = _Class(cap)
            self._classes.append(group)
            self._classes.sort(key=lambda c: c.cap)
        heappush(group.ends, (group.counter + core_seconds, self._clock.next_serial(), done, argument))
        self._set_rates()

    def unfinished(self) -> list[tuple[Any, float]]:
        """Return (argument, core-seconds still to do) of every running job; looking changes nothing."""
        elapsed = self._clock.now - self._changed_s
        return [(end[3], end[0] - c.counter - elapsed * c.rate) for c in self._classes for end in c.ends]

    def _advance(self) -> None:
        elapsed = self._clock.now - self._changed_s
        self._changed_s = self._clock.now
        for group in self._classes:
            group.counter = group.counter + elapsed * group.rate if group.ends else 0.0

    def _set_rates(self) -> None:
        """Share the cores among the classes, smallest cap first, and wake up at the next end."""
        left, jobs, soonest = self._cores, self.running, float("inf")
        for group in self._classes:
            if not group.ends:
                continue
            group.rate = min(group.cap, left / jobs)
            left -= group.rate * len(group.ends)
            jobs -= len(group.ends)
            soonest = min(soonest, max(0.0, group.ends[0][0] - group.counter) / group.rate)
        if self._wake is not None:
            self._clock.cancel(self._wake)
        self._wake = self._clock.call_in(soonest, self._end) if soonest < float("inf") else None

    def _end(self, _: object) -> None:
        """End every job whose work is done; at least the one this wake-up was for."""
        self._wake = None
        self._advance()
        ended = []
        for group in self._classes:
            # What is left at the wake-up is rounding: less than the clock can tell apart at this rate.
            slack = group.rate * abs(self._clock.now) * 1e-15 + 1e-15 * group.counter
            while group.ends and group.ends[0][0] <= group.counter + slack:
                ended.append(heappop(group.ends))
        ended.sort(key=lambda end: end[1])
        self._set_rates()
        for _, _, done, argument in ended:
            done(argument)
