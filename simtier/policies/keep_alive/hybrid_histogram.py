"""Instances stay, or come back, when the histogram of a function's idle times says that the next request is due."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from simtier.contract import FunctionView, InstanceView, KeepAlive, SiteView
from simtier.policies.keep_alive.idle_times import IdleTimes, Window
from simtier.units import Seconds


class HybridHistogram(KeepAlive):
    """Learn the idle times of each function, and have an instance from their 5th to their 99th percentile only.

    Shahrad et al., "Serverless in the Wild: Characterizing and optimizing the serverless workload at a large cloud provider",
    ATC 2020, section 4. An idle time goes from the end of an execution to the next arrival; they are counted in bins of `bin` up to
    `range`. In the paper's order:

    1. Most idle times out of range (a share above `out_of_bounds`): predict the next one, and have an instance within `fallback_margin`
       of that. The paper predicts with ARIMA; here it is the median of the last `recent` idle times, which follows a level but no trend
       and no season.
    2. Else, if the histogram is representative (coefficient of variation of the counts of all bins at least `cv`): end the instance at
       once, have one again from the `head` percentile, rounded down to a bin's edge, less `margin`, to the `tail` percentile, rounded
       up, plus `margin`. A head of 0 keeps it.
    3. Else keep it for `range`.

    Differences: the paper decides for an application of several functions, this for a function. Nothing is forgotten. Of several
    arrivals between two moments at which instances fall idle, only the last is seen, so that idle times of functions with many
    instances come out too long. FaasCache's simulator has another rule under this name (variance / mean at most 2, a range of 2 hours).
    """

    sees_only_own: ClassVar[bool] = True
    keeps_apart: ClassVar[bool] = True
    range: Annotated[Seconds, Field(gt=0, allow_inf_nan=False)] = 4 * 3600.0
    """Idle times the histogram covers, and how long an instance stays if it tells nothing."""
    bin: Annotated[Seconds, Field(gt=0, allow_inf_nan=False)] = 60.0
    """Width of a bin."""
    cv: Annotated[float, Field(ge=0)] = 2.0
    """Least coefficient of variation of a representative histogram."""
    head: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Share of idle times before which an instance is not worth having."""
    tail: Annotated[float, Field(ge=0, le=1)] = 0.99
    """Share of idle times for which an instance is to be there still."""
    margin: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """By how much to come earlier and stay longer."""
    out_of_bounds: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Share of idle times out of range from which on they are too many; ours."""
    fallback_margin: Annotated[float, Field(ge=0, lt=1)] = 0.15
    """By how much to come before and stay after a predicted idle time."""
    recent: Annotated[int, Field(ge=1)] = 10
    """How many idle times a prediction is made of; ours."""

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        """Forget all idle times."""
        self._site = site
        self._known: dict[str, IdleTimes] = {}
        self._back_in: dict[str, float | None] = {}  # what `prewarm` is to answer, by function

    def idle_for(self, instance: InstanceView) -> float:
        """Return what is left of the window if the instance was started for it; else 0 if the window begins later."""
        function, now_s = instance.function, self._site.now_s
        known = self._known.get(function.name)
        if known is None:
            known = self._known[function.name] = IdleTimes(self.range, self.bin, self.recent)
        self._back_in[function.name] = None
        if instance.uses:
            known.fell_idle(function, now_s)
        window = self._window(known)
        if not instance.uses:
            passed_s = now_s - known.since_s
            return max(0.0, window.end_s - passed_s) if passed_s >= 0.0 else window.end_s
        if window.begin_s > 0.0:
            self._back_in[function.name] = window.begin_s
            return 0.0
        return window.end_s

    def prewarm(self, function: FunctionView) -> float | None:
        """Return when the window begins, if the instance asked about just now has to go until then."""
        return self._back_in.get(function.name)

    def _window(self, known: IdleTimes) -> Window:
        if known.outside_share() > self.out_of_bounds:
            return known.around_median(self.fallback_margin)
        if known.cv() >= self.cv:
            return known.between(self.head, self.tail, self.margin)
        return Window(0.0, self.range)
