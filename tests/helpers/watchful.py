"""Policies that decide as the plainest ones do, but have to be asked: no short cut of the engine is left."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from simtier.contract import (
    Admission,
    Autoscaling,
    Batching,
    Hold,
    Limits,
    OutcomeView,
    ReplicaView,
    RequestView,
    Routing,
    Scheduling,
    ServiceView,
    SiteView,
    Verdict,
)
from simtier.units import Seconds

WORK: dict[int, float] = {}
"""Service time by request, as the policy below saw it; whoever reads it empties it before."""


class RankedFifo(Scheduling):
    """Fifo by keys; notes the work of each request."""

    def rank(self, request: RequestView) -> float:
        WORK[request.id] = request.work_s
        return 0.0


class PickedFifo(Scheduling):
    """Fifo by picking."""

    def pick(self, queue: Sequence[RequestView]) -> RequestView:
        return queue[0]


class Alone(Batching):
    """Batches of one."""

    def form(self, queue: Sequence[RequestView], limits: Limits) -> Sequence[RequestView] | Hold:
        return [queue[0]]


class First(Routing):
    """The only replica there is."""

    def choose(self, request: RequestView, replicas: Sequence[ReplicaView]) -> ReplicaView | Verdict:
        return replicas[0]


class Watching(Admission):
    """Lets everybody in, and hears of every end."""

    def admit(self, request: RequestView, service: ServiceView) -> bool:
        return True

    def observe(self, outcome: OutcomeView) -> None:
        assert outcome.latency_s >= 0


class UpThenDown(Autoscaling):
    """Four replicas at the first question, two from then on."""

    every: Seconds = 1.0

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        self._asked = 0

    def target(self, service: ServiceView) -> int:
        self._asked += 1
        return 4 if self._asked == 1 else 2
