"""The freest engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from simtier.contract import ReplicaView, RequestView, Routing, Verdict, runs_engine
from simtier.policies.freeness import freeness


class Llumnix(Routing):
    """Take the engine with the highest freeness: its free blocks, less what waiting prompts will need, over its batch.

    Replicas without an engine are taken by requests in flight. Of equals the oldest is taken.

    Source: Llumnix (Sun et al., OSDI 2024, section 4.4.3: dispatching).
    """

    sees_only_own: ClassVar[bool] = True
    takes_only_one: ClassVar[bool] = True

    def choose(self, request: RequestView, replicas: Sequence[ReplicaView]) -> ReplicaView | Verdict:
        """Return the freest replica."""
        return max(replicas, key=_free)


def _free(replica: ReplicaView) -> float:
    return freeness(replica) if runs_engine(replica) else float(-replica.in_flight)
