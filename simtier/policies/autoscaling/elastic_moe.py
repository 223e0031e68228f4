"""A step more whenever promises are broken for a while."""

from __future__ import annotations

from collections import deque
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from simtier.contract import Autoscaling, OutcomeView, ServiceView, SiteView
from simtier.units import Seconds


class ElasticMoe(Autoscaling):
    """Scale by `step` replicas when the share of requests within their objectives was below `attainment` for a window, and back when idle.

    The coordinator of "ElasticMoE" (2025): a replica stands for `step` = 1 more rank of data parallelism on accelerators of its own, tensor
    parallelism fixed; the new ones warm up (`llm.loading`: `peer`, `attach`, no `startup` where instances are initialised beforehand) while the old
    serve, get requests when they are ready, and the ones taken away drain. Fewer by `step` when all promises were kept and replicas were
    busy for less than `idle` of `scale_down_after`: the paper gives no rule, so this one is assumed.

    Requests count when they end, by time to first token, time per token and latency, where these have targets. Those that arrived
    before the last step was done count no more. Left out: experts that move between ranks, one engine over all ranks.
    """

    sees_only_own: ClassVar[bool] = True
    every: Annotated[Seconds, Field(gt=0)] = 1.0
    """How often it is asked."""
    attainment: Annotated[float, Field(gt=0, le=1)] = 0.9
    """Share of requests within their objectives below which it grows."""
    window: Annotated[Seconds, Field(gt=0)] = 10.0
    """How long an outcome counts; it does not act before so much time has passed since the last step."""
    step: Annotated[int, Field(ge=1)] = 1
    """Replicas more, or fewer, at a time."""
    idle: Annotated[float, Field(ge=0, lt=1)] = 0.3
    """Share of time that replicas may be busy when there are too many."""
    scale_down_after: Annotated[Seconds, Field(gt=0)] = 300.0
    """How long they must have been so idle."""
    app: str = ""
    """Application whose requests count; if not given, all that have a stage on this service."""

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        """Forget all outcomes."""
        self._site = site
        self._outcomes: deque[tuple[float, bool]] = deque()
        self._since_s = self._idle_s = site.now_s
        self._busy_slot_s = 0.0
        self._starts = False

    def observe(self, outcome: OutcomeView) -> None:
        """Note whether a request was served within its objectives."""
        request = outcome.request
        if request.arrival_s < self._since_s or self.app not in ("", request.app):
            return
        late = (
            outcome.first_token_s > request.first_by_s
            or outcome.token_s > request.token_target_s
            or request.arrival_s + outcome.latency_s > request.deadline_s
        )
        self._outcomes.append((self._site.now_s, outcome.outcome == "ok" and not late))

    def target(self, service: ServiceView) -> int:
        """Return the present number, or a step more or fewer."""
        now_s, current = self._site.now_s, service.ready + service.starting
        if current == 0:
            return 1 if service.queued else 0
        if service.starting:
            self._starts = True
            return current
        if self._starts:
            self._begin_anew(service)
        while self._outcomes and self._outcomes[0][0] < now_s - self.window:
            self._outcomes.popleft()
        if now_s - self._since_s < self.window:
            return current
        if self._broken():
            self._begin_anew(service)
            return current + self.step
        return current - self.step if self._too_many(service) else current

    def _begin_anew(self, service: ServiceView) -> None:
        self._starts = False
        self._outcomes.clear()
        self._since_s = self._idle_s = self._site.now_s
        self._busy_slot_s = service.busy_slot_s

    def _broken(self) -> bool:
        met = sum(kept for _, kept in self._outcomes)
        return met < self.attainment * len(self._outcomes)

    def _too_many(self, service: ServiceView) -> bool:
        """Return whether a step fewer would do, looked at once each `scale_down_after`."""
        past_s = self._site.now_s - self._idle_s
        if past_s < self.scale_down_after:
            return False
        slot_s = service.ready * service.concurrency * past_s
        busy = (service.busy_slot_s - self._busy_slot_s) / slot_s
        self._idle_s, self._busy_slot_s = self._site.now_s, service.busy_slot_s
        return service.ready > self.step and busy < self.idle and all(kept for _, kept in self._outcomes)
