"""The balancer of a service: asks its policy what to move among the engines, and does it.

Loans of blocks: what a borrower keeps elsewhere it attends to there (DistAttention, Infinite-LLM, Lin et al., 2024): each iteration its queries
travel to the lender and partial results back, layer by layer, and the lender's accelerators read those keys and values beside their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from simtier.clock import DECIDE
from simtier.contract import Asker, ReplicaView
from simtier.contract.balancing import Balancing, Divide, Loan, Move
from simtier.models.llm.loans import Loans
from simtier.models.llm.migration import Migration
from simtier.models.llm.replica import LlmReplica
from simtier.models.llm.shared_device import SharedDevice
from simtier.models.service import Service
from simtier.models.views import ServiceFacade


class EnginesFacade(ServiceFacade):
    """A service as balancing policies see it: always the present, and the replicas that drain too."""

    __slots__ = ()

    @property
    def replicas(self) -> Sequence[ReplicaView]:
        return tuple(replica.view for replica in self._service.fleet.serving)


class Balancer:
    """Asks at k times the policy's period.

    Args:
        service: whose replicas; all of them run a language model.
        asker: the balancing policy.
        loans: what blocks are lent.
    """

    def __init__(self, service: Service, asker: Asker, loans: Loans) -> None:
        policy = asker.policy
        assert isinstance(policy, Balancing)
        self._service = service
        self._asker = asker
        self._policy = policy
        self._loans = loans
        self._view = EnginesFacade(service)
        self._ticks = count(1)
        self.owner = ("service", service.name)
        """Whose it is: all that it does follows from that, and concerns nothing else."""
        self._next_tick()

    def _next_tick(self) -> None:
        self._service.clock.call_at(next(self._ticks) * self._policy.every, self._tick, None, DECIDE)

    def _tick(self, _: object) -> None:
        self._loans.recall()
        if self._service.fleet.serving:
            self._ask()
        self._next_tick()

    def _ask(self) -> None:
        steps = self._asker.ask(self._policy.balance, self._view)
        doing: dict[type, Callable[[Any], bool]] = {Move: self._move, Loan: self._lend, Divide: self._divide}
        if isinstance(steps, str) or not hasattr(steps, "__iter__"):
            raise self._asker.wrong(steps, "a list of Move, Loan and Divide")
        for step in steps:
            do = doing.get(type(step))
            if do is None:
                raise self._asker.wrong(step, "Move, Loan or Divide")
            do(step)

    def _replica(self, view: object, step: object) -> LlmReplica:
        found = next((replica for replica in self._service.fleet.serving if replica.view is view), None)
        if not isinstance(found, LlmReplica):
            raise self._asker.wrong(step, "replicas of the service it was shown")
        return found

    def _move(self, step: Move) -> bool:
        source, target = self._replica(step.source, step), self._replica(step.target, step)
        sequence: Any = step.sequence
        sequence = getattr(sequence, "sequence", sequence)
        if source is target:
            raise self._asker.wrong(step, "a target other than the source")
        if sequence not in source.engine.running or sequence.kept or sequence in source.moving.underway:
            return False
        return sequence.generated > 0 and Migration(sequence, source, target).begin()

    def _lend(self, step: Loan) -> bool:
        lender, borrower = self._replica(step.lender, step), self._replica(step.borrower, step)
        if lender is borrower or not isinstance(step.blocks, int):
            raise self._asker.wrong(step, "a whole number of blocks, lent by another replica")
        return self._loans.lend(lender, borrower, step.blocks)

    def _divide(self, step: Divide) -> bool:
        engine = self._replica(step.replica, step).engine
        if not isinstance(engine, SharedDevice) or not (0 < step.prompts <= 1 and 0 < step.tokens <= 1):
            raise self._asker.wrong(step, "shares in (0, 1] of a replica of a service with `shares`")
        engine.change((float(step.prompts), float(step.tokens)))
        return True
