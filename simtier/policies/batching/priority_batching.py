"""The more important sequences first, at the cost of the others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from simtier.contract import EngineView, Plan, SequenceView
from simtier.policies.batching.vllm_v1 import VllmV1


class Priority(VllmV1):
    """As vllm_v1, but the more important are served and admitted first, and the least important, of these the newest, are preempted.

    Source: `--scheduling-policy priority` of vLLM (its lower numbers are more important, here higher ones); `preempts` as in
    `_schedule_priority_preemption` of vLLM 0.6 to 0.8, False as from version 1 on.
    """

    sees_only_own: ClassVar[bool] = True
    preempts: bool = True
    """Whether a waiting sequence takes the place, or the blocks, of less important ones that run. Only if theirs are enough."""

    def plan(self, engine: EngineView) -> Plan:
        """Return who loses its place, and being asked again, what is computed."""
        if not self.preempts or not engine.waiting or not engine.running:
            return super().plan(engine)
        first = min(engine.waiting, key=_rank)
        yielding = [sequence for sequence in self.ranked(engine.running) if sequence.priority < first.priority]
        plan = self._make_room(engine, first, yielding)
        if plan.preempted:
            return plan
        plan = super().plan(engine)
        if yielding and first not in plan.tokens:
            plan.iterations = 1  # what it lacks may have become too little meanwhile
        return plan

    def ranked(self, sequences: Iterable[SequenceView]) -> Iterable[SequenceView]:
        """Return the most important first, of equal ones who came first."""
        return sorted(sequences, key=_rank)

    def _make_room(self, engine: EngineView, first: SequenceView, yielding: list[SequenceView]) -> Plan:
        """Return a plan that preempts as many as `first` needs, or nobody if all of `yielding` are not enough."""
        plan = Plan(engine)
        tokens = first.pending if self.whole or not self.chunked else min(first.pending, self.tokens)
        blocks = engine.blocks_for(first, tokens)
        number = len(engine.running)
        for sequence in reversed(yielding):
            if number < self.sequences and blocks <= plan.free:
                break
            plan.preempt(sequence)
            number -= 1
        return plan if number < self.sequences and blocks <= plan.free else Plan(engine)


def _rank(sequence: SequenceView) -> tuple[float, float, int]:
    return -sequence.priority, sequence.arrival_s, sequence.id
