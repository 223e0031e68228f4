"""What policies are asked about engines of language models: plans, power, pools, and what moves among replicas."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from simtier.testing.engine_fakes import FakeEngine, some_engine
from simtier.testing.engine_replica_fakes import some_engine_replicas, some_prompt
from simtier.testing.fakes import FakeOutcome, FakeRequest, FakeService, FakeSite
from simtier.testing.power_fakes import FakePowerRow, some_row


class EngineSituations:
    """The part of a generated world that is about engines; see `World`.

    Attributes:
        site: where they are.
    """

    site: FakeSite

    def plan(self) -> tuple[FakeEngine]:
        """Return an engine of a language model."""
        return (some_engine(self._one_of, self.site.now_s),)

    def idle_engine(self) -> FakeEngine:
        """Return an engine where nobody runs and somebody waits."""
        return some_engine(self._one_of, self.site.now_s, idle=True)

    def caps(self) -> tuple[FakePowerRow]:
        """Return a row of servers that share a power budget."""
        return (some_row(self._one_of, self.site.now_s),)

    def pools(self) -> tuple[FakeRequest, tuple[FakeService, ...]]:
        """Return a request and two to four pools of engines; some have no replica that is ready."""
        pools = tuple(self._pool(f"pool-{number}") for number in range(self._one_of(2, 3, 4)))
        return some_prompt(self._one_of, self._request(0), self.site.now_s), pools

    def balance(self) -> tuple[FakeService]:
        """Return a service of engines with sequences; some replicas drain, and there may be none."""
        return (self._pool("detect"),)

    def outcome(self) -> FakeOutcome:
        """Return a finished request, every other time of a language model."""
        outcome, latency_s = self._one_of("ok", "timed_out"), self._one_of(0.1, 0.2)
        if self._one_of(False, True):
            return FakeOutcome(request=self._request(0), outcome=outcome, latency_s=latency_s)
        now_s = self.site.now_s
        request = replace(some_prompt(self._one_of, self._request(0), now_s), arrival_s=now_s - latency_s)
        return FakeOutcome(
            request=request,
            outcome=outcome,
            latency_s=latency_s,
            first_token_s=now_s - self._one_of(0.0, 0.09),
            token_s=self._one_of(math.nan, 0.01, 0.06),
        )

    def _pool(self, name: str) -> FakeService:
        engines = some_engine_replicas(self._one_of, list(self.site.nodes.values())[: self._one_of(0, 1, 2, 4, 9)])
        replicas = tuple(
            replace(
                each,
                service=name,
                state=self._one_of("ready", "ready", "ready", "draining"),
                sequences=some_engine(self._one_of, self.site.now_s).running,
            )
            for each in engines
        )
        return FakeService(
            name=name,
            replicas=replicas,
            ready=sum(each.state == "ready" for each in replicas),
            queued=self._one_of(0, 1, 8),
            in_flight=sum(each.in_flight for each in replicas),
        )

    def _request(self, number: int, queued_s: float = math.nan) -> FakeRequest:
        raise NotImplementedError

    def _one_of(self, *choices: Any) -> Any:
        raise NotImplementedError
