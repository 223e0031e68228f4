"""Only requests whose tokens are expected in time."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from simtier.contract import Admission, RequestView, ServiceView, SiteView, runs_engine
from simtier.units import Seconds


class EarlyRejection(Admission):
    """Reject a request whose first token, or whose tokens after it, are expected to miss their targets on every replica.

    Mooncake's early rejection (Qin et al., "Mooncake", FAST 2025, on overload): whether a request can be decoded in time is asked before its prompt
    is computed, lest that be for nothing. First token: the replica's queue, and the prompt without what is cached. Time per token: as it
    will be when the prompt is computed, on the replica of `decode` where it is least: the prompts that are queued in this service have
    joined by then, shared equally among the replicas of `decode`; and of the sequences that decode now a part has ended, growing with
    the time until then and all of them after `stay`, which is the paper's prediction with one decoding time for all. Without
    `stay` none has ended. A service without a ready replica with an engine lets everything in.
    """

    decode: str = ""
    """Service that decodes, where that is another one."""
    stay: Annotated[Seconds, Field(gt=0)] | None = None
    """How long a sequence decodes, as expected."""
    headroom: Annotated[float, Field(ge=1)] = 1.2
    """What the expected time to the first token is multiplied by, for what it leaves out: decodes beside the prompts, and prompts in pieces. Assumed;
    at 1 an overloaded service lets in just those that will be a little late."""

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        """Keep the view of the site; raises ValueError if it has no service `decode`."""
        if self.decode and self.decode not in site.services:
            raise ValueError(f"there is no service {self.decode!r} to decode: there are {', '.join(site.services)}")
        self._site = site

    def admit(self, request: RequestView, service: ServiceView) -> bool:
        """Return whether its tokens are expected in time."""
        engines = [replica for replica in service.replicas if runs_engine(replica)]
        if not engines:
            return True
        first_s = min(engine.queue_s + engine.prompt_s(request) for engine in engines)
        if self._site.now_s + self.headroom * first_s > request.first_by_s:
            return False
        pool = self._site.services[self.decode] if self.decode else service
        decoding = [replica for replica in pool.replicas if runs_engine(replica)]
        if not decoding:
            return True
        joining = sum(engine.queued_prompts for engine in engines) / len(decoding)
        ended = min(1.0, first_s / self.stay) if self.stay is not None else 0.0
        token_s = min(engine.token_s(request, round(joining - ended * engine.running)) for engine in decoding)
        return token_s <= request.token_target_s
