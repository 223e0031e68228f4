"""Policies of platforms that give whatever answer they are told to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from simtier.contract import (
    WAIT,
    Autoscaling,
    FunctionView,
    InstanceView,
    KeepAlive,
    NodeView,
    Placement,
    PoolView,
    ReplicaSpecView,
    ReplicaView,
    RequestView,
    Routing,
    ServiceView,
)
from simtier.units import Seconds

ANSWERS: dict[str, Any] = {
    "nan": float("nan"),
    "negative": -1.0,
    "minus one": -1,
    "text": "soon",
    "true": True,
    "none": None,
    "half": 0.5,
    "million": 1_000_000,
    "too many": 1_000_001,
    "wait": WAIT,
    "number": 0,
}


class IdleFor(KeepAlive):
    answer: str = "nan"

    def idle_for(self, instance: InstanceView) -> float:
        return ANSWERS[self.answer]  # type: ignore[no-any-return]


class Prewarm(KeepAlive):
    answer: str = "nan"

    def idle_for(self, instance: InstanceView) -> float:
        return 1.0

    def prewarm(self, function: FunctionView) -> float | None:
        return ANSWERS[self.answer]  # type: ignore[no-any-return]


class Worth(KeepAlive):
    answer: str = "nan"

    def idle_for(self, instance: InstanceView) -> float:
        return 1.0

    def worth(self, instance: InstanceView) -> float:
        return ANSWERS[self.answer]  # type: ignore[no-any-return]


class PoolSize(KeepAlive):
    answer: str = "nan"

    def idle_for(self, instance: InstanceView) -> float:
        return 1.0

    def pool_size(self, pool: PoolView) -> int | None:
        return ANSWERS[self.answer]  # type: ignore[no-any-return]


class Target(Autoscaling):
    answer: str = "nan"
    every: Seconds = 1.0

    def target(self, service: ServiceView) -> int:
        return ANSWERS[self.answer]  # type: ignore[no-any-return]


class Choose(Routing):
    answer: str = "nan"

    def choose(self, request: RequestView, replicas: Sequence[ReplicaView]) -> Any:
        return ANSWERS[self.answer]


class Place(Placement):
    answer: str = "nan"

    def place(self, replica: ReplicaSpecView, nodes: Sequence[NodeView]) -> Any:
        return ANSWERS[self.answer]


class Raises(KeepAlive):
    def idle_for(self, instance: InstanceView) -> float:
        raise ZeroDivisionError("no gaps yet")
