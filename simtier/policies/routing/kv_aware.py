"""The replica where a request costs the fewest blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from simtier.contract import ReplicaView, RequestView, Routing, Verdict, runs_engine
from simtier.policies.routing.engine_load import least_busy


class KvAware(Routing):
    """Take the replica with the least `weight` x blocks of prompts to compute + blocks in use, this request's among both.

    The cost function of NVIDIA Dynamo's KV router (its docs, "KV cache routing", and `lib/llm/src/kv_router/scheduler.rs`):

        cost = weight x (tokens of prompts to compute there + prompt - cached) / block + blocks in use + blocks that the request adds

    of which blocks of cached prefixes that nobody uses are no part. `weight` is its `--kv-overlap-score-weight`: more favours a fast first
    token, less an even load of decodes. Requests on their way count. On services without a language model it counts requests.

    Differences: ties go to the least busy replica, then to the oldest (there to any), and there is no random choice by temperature.
    """

    sees_only_own: ClassVar[bool] = True
    takes_only_one: ClassVar[bool] = True
    weight: Annotated[float, Field(ge=0)] = 1.0
    """How much a block to compute counts against a block in use."""

    def choose(self, request: RequestView, replicas: Sequence[ReplicaView]) -> ReplicaView | Verdict:
        """Return the replica with the least cost."""
        return min(replicas, key=lambda replica: (self._cost(request, replica), *least_busy(replica)))

    def _cost(self, request: RequestView, replica: ReplicaView) -> float:
        if not runs_engine(replica):
            return 0.0
        new = request.prompt_tokens - replica.cached_tokens(request)
        to_compute = (replica.queued_tokens + new) / replica.block_tokens
        in_use = replica.blocks_total - replica.blocks_free
        return self.weight * to_compute + in_use + to_compute  # what is to be computed will be in use
