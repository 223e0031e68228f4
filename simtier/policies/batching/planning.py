"""What batching policies share that choose size, timeout and memory by a model, window by window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from simtier.contract import Batching, FunctionView, SiteView
from simtier.policies.batching.oracle import Batches, Price
from simtier.units import Bytes, Dollars, DollarsPerByteSecond, Seconds

Floats = NDArray[np.float64]

_STEPS = 16
"""Timeouts tried are so many parts of the SLO, if none are given."""


@dataclass(frozen=True)
class Setting:
    """What a buffer may do, and what that leads to by the model.

    Attributes:
        size: requests that make a batch full.
        timeout_s: longest wait of the first request.
        cost: dollars of a request.
        in_time: share of requests within the SLO.
    """

    size: int
    timeout_s: float
    cost: float = 0.0
    in_time: float = 1.0


ALONE = Setting(1, 0.0)
"""No batching."""


class PlannedBatching(Batching):
    """Learns the rate of arrivals in each window, and plans by it; until the first plan requests run alone."""

    slo: Annotated[Seconds, Field(gt=0)]
    """Latency, from the buffer to the end of the execution, that `percentile` of the requests must not exceed."""
    percentile: Annotated[float, Field(gt=0, lt=1)] = 0.95
    """Share of the requests that must be within `slo`."""
    every: Annotated[Seconds, Field(gt=0)] = 60.0
    """Length of a window, at the end of which there is a new plan; 60 s if not given, assumed."""
    least: Annotated[int, Field(ge=1)] = 20
    """Arrivals of a window without which the plan stays as it is; assumed."""
    sizes: tuple[Annotated[int, Field(ge=1)], ...] = (1, 2, 4, 8, 16, 32)
    """Sizes of batches to choose from, of those that the function takes."""
    timeouts: tuple[Seconds, ...] = ()
    """Timeouts to choose from; 15 even steps up to `slo` if none are given."""
    memories: tuple[Annotated[Bytes, Field(gt=0)], ...] = ()
    """Memory of instances to choose from; it stays as the scenario says if none are given."""
    per_memory_time: DollarsPerByteSecond = 1.66667e-5 / 2**30
    """Price of memory for as long as an execution is billed; AWS Lambda's if not given."""
    per_request: Dollars = 2e-7
    """Price of an execution; AWS Lambda's if not given."""
    granularity: Annotated[Seconds, Field(gt=0)] = 0.1
    """An execution's time is billed in whole multiples of this; 100 ms if not given, AWS Lambda's until December 2020."""

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        """Know nothing."""
        self._site = site
        self._since_s = site.now_s
        self._seen = 0
        self._memory_bytes: float | None = None
        self._most = 0

    def memory(self, function: FunctionView) -> float | None:
        """Return the memory of the present plan; when a window has ended there is a new one."""
        took_s = self._site.now_s - self._since_s
        if took_s >= self.every:
            arrivals = function.arrivals - self._seen
            self._since_s, self._seen = self._site.now_s, function.arrivals
            if arrivals >= self.least and not isnan(function.execution_s(1, function.memory_bytes)):
                chosen = self._planned(function, arrivals / took_s)
                self._memory_bytes = chosen if self.memories else None
        return self._memory_bytes

    def _planned(self, function: FunctionView, rate: float) -> float:
        """Make a plan for this rate of arrivals, and return the memory it chose."""
        raise NotImplementedError

    @property
    def _price(self) -> Price:
        return Price(self.per_memory_time, self.per_request, self.granularity)

    def _candidates(self, function: FunctionView) -> tuple[float, ...]:
        """Return the memories to choose from."""
        return self.memories or (function.memory_bytes,)

    def _sizes(self) -> list[int]:
        """Return the sizes to choose from, in order."""
        return sorted({min(size, self._most or size) for size in self.sizes})

    def _settings(self, rate: float, service_s: Floats, memory_bytes: float) -> list[Setting]:
        """Return what there is to choose from at this rate; for `service_s` see `Batches`."""
        found = []
        for size in self._sizes():
            for timeout_s in self._timeouts() if size > 1 else (0.0,):
                batches = Batches(rate, size, timeout_s, service_s)
                cost = batches.cost(self._price, memory_bytes)
                found.append(Setting(size, timeout_s, cost, batches.within(self.slo)))
        return found

    def _timeouts(self) -> Sequence[float]:
        return self.timeouts or [self.slo * step / _STEPS for step in range(1, _STEPS)]


def growth(function: FunctionView, most: int, memory_bytes: float) -> Floats:
    """Return what batches of 1 to `most` take on instances of that memory."""
    return np.array([function.execution_s(batch, memory_bytes) for batch in range(1, most + 1)])
