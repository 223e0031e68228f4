"""Functions that are called at regular intervals have an instance just before each call, and none between."""

from __future__ import annotations

import math
from collections import deque
from statistics import median
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from simtier.contract import FunctionView, InstanceView, KeepAlive, SiteView
from simtier.units import Seconds


class TimerPrewarm(KeepAlive):
    """Learn each function's period; if it is steady and longer than `idle`, end at once, and start again just before the next call.

    Two of the policies that Joosen et al. propose ("Serverless cold starts and where to find them", EuroSys 2025): timer functions
    started ahead of their period, and ended early when the period is longer than keep-alive. Kept for 60 s, each call of such a
    function is a cold start, and each instance idles for 60 s in vain. How a period is recognised is ours: the median of the last
    `gaps` times between arrivals is taken for it if they spread, from the shortest to the longest, by at most `spread` of it.

    An instance is started so that it is ready `margin` before the call is due, going by the mean of the function's cold starts, and
    stays until `idle` after that. If a call is due so soon that there is no time to end and start again, the instance stays.
    All other functions' instances stay for `idle`. What has a period but several calls in each is not recognised.
    """

    sees_only_own: ClassVar[bool] = True
    keeps_apart: ClassVar[bool] = True
    idle: Seconds = 60.0
    """Keep-alive of functions without a period, and how long a call may be late."""
    margin: Seconds = 1.0
    """How long before the call an instance is to be ready."""
    gaps: Annotated[int, Field(ge=2)] = 4
    """How many times between arrivals must agree."""
    spread: Annotated[float, Field(ge=0)] = 0.1
    """By how much they may differ, relative to their median."""

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        """Forget all periods."""
        self._site = site
        self._seen: dict[str, Gaps] = {}
        self._back_in: dict[str, float | None] = {}  # what `prewarm` is to answer, by function

    def idle_for(self, instance: InstanceView) -> float:
        """Return 0 if there is time to start again before the next call is due, else until `idle` after that."""
        function, now_s = instance.function, self._site.now_s
        self._back_in[function.name] = None
        period_s = self._period_s(function)
        if not period_s > self.idle:
            return self.idle
        due_in_s = function.last_arrival_s + period_s - now_s
        start_in_s = due_in_s - self.margin - max(0.0, function.cold_s)  # a cold start of unknown length (NaN) counts 0
        if not instance.uses or start_in_s <= 0.0:
            return max(0.0, due_in_s) + self.idle
        self._back_in[function.name] = start_in_s
        return 0.0

    def prewarm(self, function: FunctionView) -> float | None:
        """Return when to start for the next call, if the instance asked about just now ended for it."""
        return self._back_in.get(function.name)

    def _period_s(self, function: FunctionView) -> float:
        seen = self._seen.get(function.name)
        if seen is None:
            seen = self._seen[function.name] = Gaps(self.gaps)
        seen.look(function)
        return seen.period_s(self.spread)


class Gaps:
    """The last times between arrivals of a function, as far as they can be told when its instances fall idle."""

    def __init__(self, most: int) -> None:
        self._gaps_s: deque[float] = deque(maxlen=most)
        self._arrivals = 0
        self._last_s = math.nan

    def look(self, function: FunctionView) -> None:
        """Learn from the arrivals since the last look; of several, the mean time between them."""
        new = function.arrivals - self._arrivals
        if new <= 0:
            return
        gap_s = (function.last_arrival_s - self._last_s) / new
        if gap_s >= 0.0:  # not so at the first arrival
            self._gaps_s.append(gap_s)
        self._arrivals, self._last_s = function.arrivals, function.last_arrival_s

    def period_s(self, spread: float) -> float:
        """Return the median, NaN if there are not enough or they differ by more than `spread` of it."""
        if len(self._gaps_s) < (self._gaps_s.maxlen or 0):
            return math.nan
        middle_s = median(self._gaps_s)
        return middle_s if max(self._gaps_s) - min(self._gaps_s) <= spread * middle_s else math.nan
