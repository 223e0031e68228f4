"""As many replicas as balance the cost of one missing against the cost of one idle."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from simtier.contract import Autoscaling, ServiceView, SiteView
from simtier.policies.autoscaling.window import Demand, replicas_for
from simtier.units import Seconds


class Newsvendor(Autoscaling):
    """Keep the quantile missing_cost / (missing_cost + idle_cost) of the forecast demand: the least expected cost.

    The decision rule of HARMONY (2024: replicas that minimise expected resource cost plus penalty over samples of the forecast),
    which for linear costs is the newsvendor's (Arrow, Harris and Marschak, "Optimal inventory policy", Econometrica 19(3), 1951). Its
    forecaster, a neural network, is replaced by an empirical distribution, so this is a surrogate: of the demand seen
    within `window` ("recent", for demand that comes and goes around a level), or of the demand now plus its changes over
    `ahead` seen within `window` ("changes", for demand that drifts).

    Demand is the mean number of slots in use since the last question plus the requests waiting. Costs are per slot and second,
    independent of how long a request waits. The quantile is the smallest sample that at least that share of samples does not exceed.
    """

    sees_only_own: ClassVar[bool] = True
    foresees: ClassVar[bool] = True
    missing_cost: Annotated[float, Field(gt=0)] = 9.0
    """Penalty of a slot that is missing, in any unit."""
    idle_cost: Annotated[float, Field(gt=0)] = 1.0
    """Cost of a slot that is idle, in the same unit."""
    forecast: Literal["recent", "changes"] = "recent"
    """What the distribution is made of."""
    window: Annotated[Seconds, Field(gt=0)] = 3600.0
    """How long a sample counts."""
    ahead: Seconds = 60.0
    """Over which time "changes" are taken; "recent" has no use for it."""

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        """Forget all samples."""
        self._site = site
        self._demand = Demand(site.now_s)
        self._before: deque[tuple[float, float]] = deque()  # demand that is not yet `ahead` old
        self._samples: deque[tuple[float, float]] = deque()
        self._sorted: list[float] = []

    def target(self, service: ServiceView) -> int:
        """Return the replicas for the quantile; at least one while a request is there."""
        now_s = self._site.now_s
        demand = self._demand.measure(service, now_s)
        if self.forecast == "recent":
            self._learn(now_s, demand)
            return replicas_for(self._quantile(), service)
        self._before.append((now_s, demand))
        while now_s - self._before[0][0] > self.ahead:
            self._before.popleft()
        self._learn(now_s, demand - self._before[0][1])
        return replicas_for(max(0.0, demand + self._quantile()), service)

    def _learn(self, now_s: float, sample: float) -> None:
        """Keep a sample, and forget what is too old."""
        self._samples.append((now_s, sample))
        insort(self._sorted, sample)
        while now_s - self._samples[0][0] >= self.window:
            _, old = self._samples.popleft()
            del self._sorted[bisect_left(self._sorted, old)]

    def _quantile(self) -> float:
        """Return the quantile of the samples that the costs ask for."""
        share = self.missing_cost / (self.missing_cost + self.idle_cost)
        return self._sorted[math.ceil(round(share * len(self._sorted), 9)) - 1]
