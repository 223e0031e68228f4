"""The nearest pool that can answer in time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from simtier.contract import Disaggregation, EngineReplicaView, RequestView, ServiceView, SiteView, runs_engine


class SpillOver(Disaggregation):
    """A request goes wholly to the first pool with an engine that is expected to meet its targets for tokens, else to the last pool.

    Expected: its first token when the prompts before it, and its own, are computed; the time per token once it has joined the sequences that
    run. Both times `headroom`. Without targets everything stays in the first pool. The way there counts in so far as it has passed already, and the
    way back does not. Assumed as a rule that operators use; no paper is followed.
    """

    sees_only_own: ClassVar[bool] = True
    headroom: Annotated[float, Field(ge=1)] = 1.2
    """What both estimates are multiplied by, for what they leave out: decodes beside prompts, prompts beside decodes, and who joins later. Assumed."""

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        """Keep the view of the site."""
        self._site = site

    def pools(self, request: RequestView, pools: Sequence[ServiceView]) -> tuple[ServiceView, ServiceView]:
        """Return one pool twice."""
        for pool in pools[:-1]:
            if any(self._in_time(request, each) for each in pool.replicas if runs_engine(each)):
                return pool, pool
        return pools[-1], pools[-1]

    def _in_time(self, request: RequestView, engine: EngineReplicaView) -> bool:
        first_s = self.headroom * (engine.queue_s + engine.prompt_s(request))
        if self._site.now_s + first_s > request.first_by_s:
            return False
        return self.headroom * engine.token_s(request) <= request.token_target_s
