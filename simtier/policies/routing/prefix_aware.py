"""The replica that knows most of the prompt, unless the load is too uneven."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from simtier.contract import ReplicaView, RequestView, Routing, Verdict
from simtier.policies.routing.engine_load import cached_tokens, least_busy


class PrefixAware(Routing):
    """Take the replica whose cache holds the longest beginning of the prompt, if that is a fair share of it and the load is even; else the least busy.

    The `cache_aware` rule of SGLang's router (SGLang Model Gateway 0.3, also vLLM's router; defaults as there): the load is uneven if the busiest
    replica has more than `apart` requests in flight beyond the least busy and more than `ratio` times as many. Of equal
    matches the least busy is taken, then the oldest.

    Differences: the router keeps a tree of what it sent where and so guesses what is cached, here the replicas are asked; and where no
    match is good enough it takes the replica with the smallest tree, here the least busy.
    """

    sees_only_own: ClassVar[bool] = True
    takes_only_one: ClassVar[bool] = True
    match: Annotated[float, Field(ge=0, le=1)] = 0.3
    """Share of the prompt that must be exceeded for a match to count."""
    apart: Annotated[int, Field(ge=0)] = 64
    """Requests in flight by which the busiest and the least busy replica may differ in any case."""
    ratio: Annotated[float, Field(ge=1)] = 1.5
    """Times as many requests in flight that the busiest may have in any case."""

    def choose(self, request: RequestView, replicas: Sequence[ReplicaView]) -> ReplicaView | Verdict:
        """Return the replica with the best match, or the least busy one."""
        idlest = min(replicas, key=least_busy)
        most = max(replica.in_flight for replica in replicas)
        if most - idlest.in_flight > self.apart and most > self.ratio * idlest.in_flight:
            return idlest
        best, found = idlest, self.match * request.prompt_tokens
        for replica in sorted(replicas, key=least_busy):
            cached = cached_tokens(replica, request)
            if cached > found:
                best, found = replica, cached
        return best
