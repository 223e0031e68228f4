"""The replica with the shortest queue, counted in tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from simtier.contract import ReplicaView, RequestView, Routing, Verdict
from simtier.policies.routing.engine_load import least_busy, queued_tokens


class ShortestQueueTokens(Routing):
    """Take the replica with the fewest tokens of prompts to compute; of equals the one with the fewest unfinished requests, then the oldest.

    Join the shortest queue as Splitwise does for its pool of prompts, counting pending tokens (Patel et al., ISCA 2024, section 4.3), and DistServe
    for its prefill instances (Zhong et al., OSDI 2024, section 4.3). Requests on their way and prompts half computed count, so that a
    burst does not go to one replica. On services without a language model it counts requests.
    """

    sees_only_own: ClassVar[bool] = True
    takes_only_one: ClassVar[bool] = True

    def choose(self, request: RequestView, replicas: Sequence[ReplicaView]) -> ReplicaView | Verdict:
        """Return the replica with the fewest tokens to compute."""
        return min(replicas, key=lambda replica: (queued_tokens(replica), *least_busy(replica)))
