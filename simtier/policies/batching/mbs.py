"""MBS: a buffer for each range of sizes, so that short requests are not padded to long ones."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from math import inf, isnan
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from simtier.contract import FunctionView, Hold, Limits, RequestView, SiteView
from simtier.policies.batching.grouping import Choices, Group, cheapest, cost, lateness
from simtier.policies.batching.planning import ALONE, PlannedBatching, Setting, growth
from simtier.units import Seconds

Floats = NDArray[np.float64]

LEVELS = (0.2, 0.4, 0.6, 0.75, 0.85, 0.9, 0.95, 0.975, 0.99)
"""Bounds between groups are looked for at these quantiles of the sizes: closer where sizes of heavy tails lie far apart."""
_REMEMBERED = 2000
"""Sizes of so many of the last requests are kept."""
_POINTS = 8
"""The longest of a batch is taken for one of so many equally likely values."""


class Mbs(PlannedBatching):
    """Requests wait in groups by size, each with a batch size and a timeout of its own; bounds, sizes, timeouts and memory by a model.

    The size of a request is the time it takes alone (`work_s`). In each window the groups are planned for the rate and the sizes seen:
    a group has its share of Poisson arrivals (thinning), a batch takes as long as its longest request times what a batch of that many
    takes over one (padding), and the plan of least cost is chosen that keeps the latency percentile of all requests within the SLO.
    The paper searches by Bayesian optimisation; here all bounds at given quantiles are tried by dynamic programming, and all batch
    sizes and timeouts that are given, which finds the best of them up to a duality gap. All groups have the same memory: they call
    one function. Assumes sizes are known, and stages that are `padded`. Left out, as in `batch_slo`: cold starts, bursts within a window.

    The paper tells of costs up to 8 times lower, 37 times less padding and 3 times fewer executions. With 100 requests/s of log-normal
    sizes (mean 100 ms, CV 3), a quarter of the time for each further request and an SLO of 2 s, four groups here pad 93 % less and cost
    5.0 times less than `batch_slo`, which knows no sizes and misses that SLO; against one group, which keeps it, 59 % and 2.1 times, with
    5.6 times fewer executions (tests/theory/test_function_batches.py).

    Source: Ali, Pinciroli, Yan, Smirni, "Optimizing Inference Serving on Serverless Platforms", PVLDB 15(10), 2022.
    """

    sees_only_own: ClassVar[bool] = True
    groups: Annotated[int, Field(ge=1)] = 4
    """Most groups."""
    every: Annotated[Seconds, Field(gt=0)] = 300.0
    """Length of a window, at the end of which there is a new plan; 5 min if not given, assumed."""

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        """Know nothing: requests run alone."""
        super().start(site, rng)
        self._sizes_seen: deque[float] = deque(maxlen=_REMEMBERED)
        self._bounds: list[float] = []
        self._groups: list[Setting] = [ALONE]

    def form(self, queue: Sequence[RequestView], limits: Limits) -> Sequence[RequestView] | Hold:
        """Return the requests of the first group that is full, or whose first has waited long enough."""
        self._most = limits.max_batch
        waiting: list[list[RequestView]] = [[] for _ in self._groups]
        for request in queue:
            waiting[bisect_left(self._bounds, request.work_s)].append(request)
        next_s = inf
        for requests, setting in zip(waiting, self._groups, strict=True):
            if not requests:
                continue
            full, until_s = min(setting.size, limits.max_batch), requests[0].queued_s + setting.timeout_s
            if len(requests) >= full or limits.now_s >= until_s:
                self._learn(requests[:full])
                return requests[:full]
            next_s = min(next_s, until_s)
        return Hold(next_s)

    def _learn(self, requests: Sequence[RequestView]) -> None:
        self._sizes_seen += [size for request in requests if not isnan(size := request.work_s)]

    def _planned(self, function: FunctionView, rate: float) -> float:
        if len(self._sizes_seen) < self.least:
            return function.memory_bytes
        sizes = np.sort(np.array(self._sizes_seen))
        bounds = np.unique(np.quantile(sizes, LEVELS, method="lower"))
        bounds = bounds[bounds < sizes[-1]]
        plans = [
            (memory_bytes, self._divided(function, rate, sizes, bounds, memory_bytes))
            for memory_bytes in self._candidates(function)
        ]
        memory_bytes, groups = min(plans, key=lambda plan: (lateness(plan[1], self.percentile), cost(plan[1])))
        self._bounds = [float(bounds[group.low - 1]) for group in groups[1:]]
        self._groups = [group.setting for group in groups]
        return memory_bytes

    def _divided(
        self, function: FunctionView, rate: float, sizes: Floats, bounds: Floats, memory_bytes: float
    ) -> list[Group]:
        """Return the best groups at this memory."""
        edges = [0, *np.searchsorted(sizes, bounds, side="right").tolist(), len(sizes)]
        # What a batch takes for each second that its longest request takes with all the cores it can use.
        slower, alone_s = growth(function, self._sizes()[-1], memory_bytes), function.execution_s(1, inf)
        if alone_s > 0:
            slower /= alone_s

        def choices(low: int, high: int) -> Choices:
            mine = sizes[edges[low] : edges[high]]
            share = len(mine) / len(sizes)
            service_s = slower[:, np.newaxis] * _longest(mine, len(slower))
            return Choices(low, high, share, self._settings(rate * share, service_s, memory_bytes))

        return cheapest(len(edges) - 1, self.groups, choices, self.percentile)


def _longest(sizes: Floats, most: int) -> Floats:
    """Return equally likely values of the longest of 1 to `most` requests, a row each; `sizes` are sorted."""
    levels = (np.arange(_POINTS) + 0.5) / _POINTS
    powers = levels[np.newaxis, :] ** (1.0 / np.arange(1, most + 1)[:, np.newaxis])
    return np.quantile(sizes, powers)
