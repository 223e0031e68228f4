"""Policies that do what a test tells them: so many replicas at such times, or a request that is turned away."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from simtier.contract import (
    REJECT,
    Admission,
    Autoscaling,
    ReplicaView,
    RequestView,
    Routing,
    ServiceView,
    SiteView,
    Verdict,
)


class Steps(Autoscaling):
    """Wants `numbers[k]` replicas from `times[k]` seconds on."""

    every: float = 0.25
    times: tuple[float, ...] = (0.0,)
    numbers: tuple[int, ...] = (1,)

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        self._site = site

    def target(self, service: ServiceView) -> int:
        begun = sum(time <= self._site.now_s for time in self.times)
        return self.numbers[max(0, begun - 1)]


class Nobody(Routing):
    """Turns every request away."""

    def choose(self, request: RequestView, replicas: Sequence[ReplicaView]) -> Verdict:
        return REJECT


class Closed(Admission):
    """Lets nobody in."""

    def admit(self, request: RequestView, service: ServiceView) -> bool:
        return False
