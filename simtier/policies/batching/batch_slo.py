"""BATCH: size, timeout and memory of least cost that keep a latency percentile within an SLO."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from simtier.contract import FunctionView, Hold, Limits, RequestView, SiteView
from simtier.policies.batching.planning import ALONE, PlannedBatching, Setting, growth


class BatchSlo(PlannedBatching):
    """In each window choose, by an analytic model, size, timeout and memory of least cost whose latency percentile is within the SLO.

    What executions take by size and memory is known (the paper profiles it), and the arrivals of the next window are taken for Poisson
    ones of the rate of the last. If nothing keeps the SLO, what keeps it for most requests is chosen. Left out: the paper's fit of a
    Markovian arrival process, so bursts within a window make the latency longer than planned; cold starts, and waits for instances;
    times that differ from request to request (each is taken for a mean one).

    Source: Ali, Pinciroli, Yan, Smirni, "BATCH: Machine Learning Inference Serving on Serverless Platforms with Adaptive Batching",
    SC 2020; the model is in `simtier.policies.batching.oracle`.
    """

    sees_only_own: ClassVar[bool] = True

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        """Know nothing: requests run alone."""
        super().start(site, rng)
        self._setting = ALONE

    def form(self, queue: Sequence[RequestView], limits: Limits) -> Sequence[RequestView] | Hold:
        """Return the first requests of `queue` if they are a full batch, or their first has waited long enough."""
        self._most = limits.max_batch
        full = min(self._setting.size, limits.max_batch)
        until_s = limits.oldest_s + self._setting.timeout_s
        if len(queue) >= full or limits.now_s >= until_s:
            return queue[:full]
        return Hold(until_s)

    def _planned(self, function: FunctionView, rate: float) -> float:
        choices = [
            (setting, memory_bytes)
            for memory_bytes in self._candidates(function)
            for setting in self._settings(rate, growth(function, self._sizes()[-1], memory_bytes), memory_bytes)
        ]
        self._setting, chosen = min(choices, key=lambda choice: self._rank(choice[0]))
        return chosen

    def _rank(self, setting: Setting) -> tuple[float, float]:
        """Return the order of choice: those within the SLO by cost, then the others by how near they come."""
        return (max(0.0, self.percentile - setting.in_time), setting.cost)
