"""A policy of one's own, for scenarios that ask for it wrongly."""

from __future__ import annotations

from collections.abc import Sequence

from simtier.contract import ReplicaView, RequestView, Routing


class Mine(Routing):
    def choose(self, request: RequestView, replicas: Sequence[ReplicaView]) -> ReplicaView:
        return replicas[0]
