"""How many bytes a second a link can carry, now and later: a constant, or a measured trace.

A capacity that follows a trace is integrated exactly over a transfer, as Mahimahi (Netravali et al., USENIX ATC 2015) replays
cellular links; no time step is involved. Assumed: within a segment the rate is constant, and a transfer adapts to a change of the
rate at once. Left out: the slow start and the recovery of a transport protocol.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

from simtier.errors import Problem, ScenarioError


@dataclass(frozen=True)
class Constant:
    """The same rate at all times, in bytes/s; `math.inf` means that transmission takes no time, 0 that it never ends.

    Raises ScenarioError for a negative rate or NaN.
    """

    bytes_per_s: float

    def __post_init__(self) -> None:
        if not self.bytes_per_s >= 0:
            raise _wrong(f"the rate is {self.bytes_per_s!r} bytes/s: give 0 or more")

    @property
    def mean(self) -> float:
        """The average rate in bytes/s."""
        return self.bytes_per_s

    def rate(self, t: float) -> float:  # noqa: ARG002 - a constant does not look at the time, its sibling does
        """Return the rate in bytes/s from `t` seconds on."""
        return self.bytes_per_s

    def finish(self, t: float, nbytes: float) -> float:
        """Return when `nbytes` that start at `t` seconds are through; infinity if never."""
        if nbytes <= 0:
            return t
        return t + nbytes / self.bytes_per_s if self.bytes_per_s else math.inf

    def bytes_between(self, t0: float, t1: float) -> float:
        """Return how many bytes can pass from `t0` to `t1` seconds."""
        return self.bytes_per_s * (t1 - t0) if t1 > t0 else 0.0

    def next_change(self, t: float) -> float:  # noqa: ARG002 - as above
        """Return the first time after `t` at which the rate may differ: never."""
        return math.inf


@dataclass(frozen=True)
class Piecewise:
    """A rate that holds from its stamp to the next one, such as a bandwidth trace; zeros are real outages.

    Args:
        times_s: the stamps in seconds of the trace, increasing; with a period, all in [0, period).
        bytes_per_s: the finite rate from each stamp on. Before the first stamp the first rate holds.
        period_s: after so many seconds the trace starts again; None: the last rate holds for ever.
        offset_s: at simulated time 0 the trace stands at this second.

    Every function costs O(log n) in the number of stamps; whole periods are skipped by arithmetic.
    Raises ScenarioError when the lists do not fit these rules.
    """

    times_s: Sequence[float]
    bytes_per_s: Sequence[float]
    period_s: float | None = None
    offset_s: float = 0.0
    mean: float = field(init=False, repr=False, compare=False)
    """The average rate in bytes/s over a period, or from the first stamp to the last."""
    _starts: list[float] = field(init=False, repr=False, compare=False)
    _before: list[float] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        times, rates = tuple(map(float, self.times_s)), tuple(map(float, self.bytes_per_s))
        _check(times, rates, self.period_s, self.offset_s)
        starts = [stamp - self.offset_s for stamp in times]
        if self.period_s is not None:
            starts[0] = -self.offset_s  # before the first stamp the first rate holds, in every period
        ends = [*starts[1:], *([] if self.period_s is None else [self.period_s - self.offset_s])]
        spans = [end - start for start, end in zip(starts, ends, strict=False)]
        before = list(accumulate((rate * span for rate, span in zip(rates, spans, strict=False)), initial=0.0))
        mean = before[-1] / sum(spans) if spans else rates[0]
        if self.period_s is None:
            before.append(math.inf if rates[-1] else before[-1])
        derived = {"times_s": times, "bytes_per_s": rates, "mean": mean, "_starts": starts, "_before": before}
        for name, value in derived.items():
            object.__setattr__(self, name, value)

    def rate(self, t: float) -> float:
        """Return the rate in bytes/s from `t` seconds on."""
        return self.bytes_per_s[self._locate(t)[1]]

    def next_change(self, t: float) -> float:
        """Return the first time after `t` seconds with a stamp; infinity if there is none."""
        loop, segment = self._locate(t)
        return self._start(loop, segment + 1)

    def finish(self, t: float, nbytes: float) -> float:
        """Return the earliest time at which `nbytes` that start at `t` seconds are through; infinity if never."""
        if nbytes <= 0 or t == math.inf:
            return t
        loop, segment = self._locate(t)
        rate, end = self.bytes_per_s[segment], self._start(loop, segment + 1)
        room = rate * (end - t) if rate else 0.0
        if nbytes <= room:
            return min(t + nbytes / rate, end)
        before = self._before
        goal = before[segment + 1] + (nbytes - room)
        if goal > before[-1]:
            if self.period_s is None or before[-1] == 0:
                return math.inf
            loops, goal = divmod(goal, before[-1])
            loop += int(loops)
            if goal == 0:  # through exactly at the end of the loop before
                loop, goal = loop - 1, before[-1]
        segment = bisect_left(before, goal) - 1
        extra = (goal - before[segment]) / self.bytes_per_s[segment]
        return max(self._start(loop, segment) + extra, end)

    def bytes_between(self, t0: float, t1: float) -> float:
        """Return how many bytes can pass from `t0` to `t1` seconds."""
        if t1 <= t0:
            return 0.0
        (loop0, i), (loop1, j) = self._locate(t0), self._locate(t1)
        if (loop0, i) == (loop1, j):
            return self.bytes_per_s[i] * (t1 - t0)
        head = self.bytes_per_s[i] * (self._start(loop0, i + 1) - t0)
        tail = self.bytes_per_s[j] * (t1 - self._start(loop1, j))
        loops = (loop1 - loop0) * self._before[-1] if loop1 > loop0 else 0.0
        return head + (loops + self._before[j] - self._before[i + 1]) + tail

    def _start(self, loop: int, segment: int) -> float:
        """Return the simulated time at which a segment starts: the one expression all answers come from, so that they agree."""
        if self.period_s is None:
            return self._starts[segment] if segment < len(self._starts) else math.inf
        more, segment = divmod(segment, len(self._starts))
        return (loop + more) * self.period_s + self._starts[segment]

    def _locate(self, t: float) -> tuple[int, int]:
        """Return the period and the segment that the finite time `t` is in, to the last bit of `_start`."""
        if self.period_s is None:
            return 0, max(bisect_right(self._starts, t) - 1, 0)
        loop = math.floor((t - self._starts[0]) / self.period_s)
        segment = bisect_right(self._starts, t - loop * self.period_s) - 1
        while t >= self._start(loop, segment + 1):  # the lines above round
            segment += 1
        while t < self._start(loop, segment):
            segment -= 1
        more, segment = divmod(segment, len(self._starts))
        return loop + more, segment


Capacity = Constant | Piecewise


def _check(times: Sequence[float], rates: Sequence[float], period: float | None, offset: float) -> None:
    if not times or len(times) != len(rates):
        raise _wrong(f"{len(times)} stamps and {len(rates)} rates: give one rate for each stamp, and at least one")
    if not all(a < b for a, b in pairwise(times)) or not all(map(math.isfinite, (*times, offset))):
        raise _wrong("the stamps must be finite numbers of seconds, each later than the one before")
    if not all(0 <= rate < math.inf for rate in rates):
        raise _wrong("the rates must be finite numbers of bytes/s, 0 or more")
    if period is not None and not (0 < period < math.inf and times[0] >= 0 and times[-1] < period):
        raise _wrong(
            f"the stamps go from {times[0]!r} s to {times[-1]!r} s: they must lie in [0, period = {period!r} s)"
        )


def _wrong(message: str) -> ScenarioError:
    return ScenarioError([Problem("capacity", message)])
