"""Pools of ready instances as large as what was taken from them says they need to be."""

from __future__ import annotations

import math
from collections import deque
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from simtier.contract import PoolView, SiteView
from simtier.policies.keep_alive.fixed import Fixed
from simtier.units import Seconds


class PoolPrediction(Fixed):
    """Fill each pool up to what a forecast says will be taken before it is forecast again; keep instances for a fixed time.

    Proposed, without a method, by Joosen et al. ("Serverless cold starts and where to find them", EuroSys 2025): predict the
    size of pools. Ours: demand is what was taken from the pool, or would have been had it not been empty, in each `every`;
    the forecast is the larger of the `quantile` of the last `recent` intervals' demand (the smallest that at least that share does not
    exceed; 1 for the maximum) and of the demand one `period` before the interval to come.

    The pool holds a whole interval's demand, as if nothing refilled it meanwhile, so it errs on the large side. A pool keeps the size
    it has until an interval has passed, and never has less than `least`.
    """

    sees_only_own: ClassVar[bool] = True
    idle: Seconds = 60.0
    """How long an instance stays after its last request; Huawei's 60 s if not given."""
    every: Annotated[Seconds, Field(gt=0)] = 60.0
    """How often sizes are set."""
    quantile: Annotated[float, Field(gt=0, le=1)] = 0.95
    """Share of intervals in which the pool is to be large enough."""
    recent: Annotated[int, Field(ge=1)] = 20
    """How many intervals count as recent."""
    period: Annotated[Seconds, Field(allow_inf_nan=False)] = 86400.0
    """After which time demand repeats; 0 for never."""
    least: Annotated[int, Field(ge=0)] = 1
    """Least size."""

    @property
    def pool_every_s(self) -> float:
        """`every`."""
        return self.every

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        """Forget all demand."""
        self._before: dict[str, int] = {}  # taken and missed when last asked, by pool
        self._demand: dict[str, deque[int]] = {}

    def pool_size(self, pool: PoolView) -> int | None:
        """Return the forecast for the next interval; None the first time."""
        wanted = pool.taken + pool.missed
        before = self._before.get(pool.name)
        self._before[pool.name] = wanted
        if before is None:
            return None
        season = round(self.period / self.every)
        demand = self._demand.setdefault(pool.name, deque(maxlen=max(self.recent, season)))
        demand.append(wanted - before)
        return max(self.least, self._recent(demand), _seasonal(demand, season))

    def _recent(self, demand: deque[int]) -> int:
        """Return the quantile of the last intervals."""
        last = sorted(list(demand)[-self.recent :])
        return last[math.ceil(round(self.quantile * len(last), 9)) - 1]


def _seasonal(demand: deque[int], season: int) -> int:
    """Return the demand one season before the interval to come; 0 if that was not seen."""
    return demand[-season] if 0 < season <= len(demand) else 0
