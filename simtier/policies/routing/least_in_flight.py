"""The replica with the least to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from simtier.contract import ReplicaView, RequestView, Routing, Verdict


class LeastInFlight(Routing):
    """Take the replica with the fewest unfinished requests; ties go to the oldest replica.

    Join the shortest queue (Winston, J. Applied Probability 14(1), 1977), counting requests on their way, as nginx's
    `least_conn` and Envoy's `LEAST_REQUEST` with full scan do. `least_outstanding` is another name for it, the one that load balancers of
    language models use.
    """

    sees_only_own: ClassVar[bool] = True
    takes_only_one: ClassVar[bool] = True

    def choose(self, request: RequestView, replicas: Sequence[ReplicaView]) -> ReplicaView | Verdict:
        """Return the replica with the fewest requests in flight."""
        return min(replicas, key=lambda replica: (replica.in_flight, replica.id))
