"""Policies that do what an episode of an environment did: its actions, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import simtier
from simtier.contract import ReplicaView, RequestView, ServiceView, SiteView, SplitView
from simtier.learning.decisions import decision_from


class Autoscaling(simtier.Autoscaling):
    """Scales by the actions."""

    decision: dict[str, Any]
    actions: list[list[int]]

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        self._left = iter(self.actions)

    def target(self, service: ServiceView) -> int:
        return int(decision_from(self.decision).answer(next(self._left), service))


class Routing(simtier.Routing):
    """Routes by the actions."""

    takes_only_one = True
    decision: dict[str, Any]
    actions: list[list[int]]

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        self._left = iter(self.actions)

    def choose(self, request: RequestView, replicas: Sequence[ReplicaView]) -> Any:
        return decision_from(self.decision).answer(next(self._left), request, replicas)


class Partitioning(simtier.Partitioning):
    """Splits by the actions."""

    decision: dict[str, Any]
    actions: list[list[int]]

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        self._left = iter(self.actions)

    def split(self, request: RequestView, path: SplitView) -> Sequence[int]:
        return decision_from(self.decision).answer(next(self._left), request, path)
