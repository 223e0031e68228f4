"""The replica where the first token is expected soonest, as Mooncake's Conductor chooses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from simtier.contract import REJECT, EngineReplicaView, Fetch, ReplicaView, RequestView, Routing, SiteView, Verdict
from simtier.policies.routing.engine_load import engines_of, least_busy


class Mooncake(Routing):
    """Take the replica with the least estimate of the first token: queue, prompt, and fetching of a better cached prefix from elsewhere.

    Algorithm 1 of Qin et al., "Mooncake: Trading More Storage for Less Computation", FAST 2025, section 5.2: where another replica knows more
    than `fetch_above` times as much of the prompt as this one, the rest of that is fetched from there, which takes its transfer and spares
    its computation, and spreads what many ask for; else all is computed but what this one knows. The request is rejected if the estimate
    is beyond its target for the first token (`reject`). For a pool that decodes, `by: token` takes the replica with the least
    time per token once the request has joined, and rejects one beyond its target for that. Of equals the least busy, then the oldest.

    Estimates are the replicas' own (the queue as if each prompt were computed by itself) and the network's present rates, where the paper
    fits both to measurements. Its threshold is not published; 2 is assumed. On services without a language model it counts requests.
    """

    sees_only_own: ClassVar[bool] = True
    fetches: ClassVar[bool] = True
    by: Literal["first_token", "token"] = "first_token"
    """What is estimated: the first token, for pools that compute prompts, or the time per token, for pools that decode."""
    fetch_above: Annotated[float, Field(ge=1)] = 2.0
    """How many times as much of the prompt another replica must know for it to be fetched; infinity never fetches."""
    reject: bool = True
    """Whether requests are rejected that are expected to miss their target."""

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        """Keep the view of the site."""
        self._site = site

    def choose(self, request: RequestView, replicas: Sequence[ReplicaView]) -> ReplicaView | Fetch | Verdict:
        """Return the replica with the least estimate, with a source of its prefix if it is to be fetched, or REJECT."""
        engines = engines_of(replicas)
        if not engines:
            return min(replicas, key=least_busy)
        if self.by == "token":
            return self._by_token(request, engines)
        known = {engine.id: engine.cached_tokens(request) for engine in engines}
        source = max(engines, key=lambda engine: (known[engine.id], -engine.id))
        options = [(*self._first_s(request, engine, known, source), engine) for engine in engines]
        first_s, fetches, best = min(options, key=lambda option: (option[0], *least_busy(option[2])))
        if self.reject and self._site.now_s + first_s > request.first_by_s:
            return REJECT
        return Fetch(best, source) if fetches else best

    def _first_s(
        self, request: RequestView, engine: EngineReplicaView, known: dict[int, int], source: EngineReplicaView
    ) -> tuple[float, bool]:
        """Return when the first token is expected from now, and whether the prefix is fetched for that."""
        own, best = known[engine.id], known[source.id]
        fetches = best > self.fetch_above * own
        way_s = 0.0
        if fetches:
            nbytes = (best - own) * engine.token_bytes
            way_s = self._site.transfer_s(source.node.name, engine.node.name, nbytes)
        return way_s + engine.queue_s + engine.prompt_s(request, best if fetches else own), fetches

    def _by_token(self, request: RequestView, engines: Sequence[EngineReplicaView]) -> ReplicaView | Verdict:
        options = [(engine.token_s(request), *least_busy(engine), engine) for engine in engines]
        token_s, _, _, best = min(options)
        return REJECT if self.reject and token_s > request.token_target_s else best
