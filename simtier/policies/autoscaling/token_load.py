"""As many engines as the tokens that are there call for."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from simtier.contract import Autoscaling, ServiceView, SiteView, runs_engine
from simtier.policies.autoscaling.window import Stabilizer, ceil
from simtier.units import Seconds


class TokenLoad(Autoscaling):
    """Scale so that sequences hold a share `blocks` of all blocks, and at most `queued` tokens of prompts wait for each replica.

    Wanted is the larger of ceil(blocks held / (share x blocks of a replica)) and ceil(tokens of prompts not computed / queued); it grows at
    once and shrinks to the most wanted during `scale_down_after`. These are the two signals that the Kubernetes project "llm-d" and KServe document
    for engines (use of the KV cache, waiting tokens), with this simulator's own defaults: no system's, and not tuned. Left out: the
    time a replica takes to start. Requests that wait for a first replica have no tokens yet: for them there is one.
    """

    sees_only_own: ClassVar[bool] = True
    blocks: Annotated[float, Field(gt=0, le=1)] = 0.7
    """Share of the blocks that is to be held."""
    queued: Annotated[float, Field(gt=0)] = 8192.0
    """Tokens of prompts not computed that one replica is to deal with."""
    scale_down_after: Seconds = 300.0
    """How long fewer replicas must have been enough."""

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        """Forget what was wanted."""
        self._site = site
        self._stabilizer = Stabilizer(self.scale_down_after)

    def target(self, service: ServiceView) -> int:
        """Return the stabilised number of replicas; services without a language model keep what they have."""
        current = service.ready + service.starting
        engines = [replica for replica in service.replicas if runs_engine(replica)]
        if not engines:
            return max(current, 1) if service.queued else current
        held = sum(each.blocks_total - each.blocks_free for each in engines)
        of_one = sum(each.blocks_total for each in engines) / len(engines)
        tokens = sum(each.queued_tokens for each in engines)
        wanted = max(1, ceil(held / (self.blocks * of_one)), ceil(tokens / self.queued))
        return self._stabilizer.stabilize(self._site.now_s, wanted, current)
