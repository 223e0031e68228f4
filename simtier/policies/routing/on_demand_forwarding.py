"""No queues at replicas: a request waits at the service until one is idle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from simtier.contract import REJECT, WAIT, ReplicaView, RequestView, Routing, SiteView, Verdict, runs_engine
from simtier.policies.routing.engine_load import least_busy


class OnDemandForwarding(Routing):
    """Offer the request to the replicas, the one with the fewest requests in flight first; the first that is idle takes it; if none is, wait.

    P/D-Serve (Jin et al., "P/D-Serve: Serving Disaggregated Large Language Model at Scale", arXiv:2408.08147, 2024, on-demand forwarding): instances
    that compute prompts keep no queue and accept a request only if they can begin, and the gateway tries until the request's target for the
    first token cannot be met any more; then it is rejected (without that, requests that are late make all others late). A
    replica is idle if fewer than `prompts` prompts wait there, are on their way, or are being computed. Of replicas with equally many
    requests in flight the oldest is asked first. On services without a language model a replica is idle if it has a free slot.

    Offers take no time here, as the answer comes from the replica itself: with `report_every` it is as old as the report, and then a
    replica may be sent more than it would accept. Requests that wait keep their order.
    """

    sees_only_own: ClassVar[bool] = True
    waits_in_line: ClassVar[bool] = True
    prompts: Annotated[int, Field(ge=1)] = 1
    """Prompts that a replica computes at a time: the size of its batches."""

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        """Keep the view of the site."""
        self._site = site

    def choose(self, request: RequestView, replicas: Sequence[ReplicaView]) -> ReplicaView | Verdict:
        """Return an idle replica, WAIT if there is none, or REJECT if the first token would come too late."""
        idle = [replica for replica in replicas if self._is_idle(replica)]
        if not idle:
            return REJECT if self._site.now_s > request.first_by_s else WAIT
        first = min(idle, key=least_busy)
        prompt_s = first.prompt_s(request) if runs_engine(first) else 0.0
        return REJECT if self._site.now_s + prompt_s > request.first_by_s else first

    def _is_idle(self, replica: ReplicaView) -> bool:
        if runs_engine(replica):
            return replica.queued_prompts < self.prompts
        return replica.in_flight < replica.concurrency
