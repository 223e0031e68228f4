"""Sarathi-Serve: pieces of prompts fill up iterations of decodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from simtier.contract import EngineView, IterationBatching, Plan, SequenceView


class Sarathi(IterationBatching):
    """All decodes first, then pieces of the prompts that run, then of those who wait, up to a budget of tokens.

    No decode ever waits for a prompt; with more decodes than the budget no prompt is computed. A sequence is admitted if blocks for all of its
    prompt are free, which are its own from then on. When a decode lacks one, the sequence admitted last is preempted, and computed again later.

    Source: Agrawal et al., OSDI 2024, algorithm 3, with the budget of its strict targets; blocks, watermark and cap as in Vidur's version.
    """

    sees_only_own: ClassVar[bool] = True
    tokens: Annotated[int, Field(ge=1)] = 512
    """Tokens of an iteration (`chunk_size`); the paper takes 2048 where latency matters less."""
    sequences: Annotated[int, Field(ge=1)] = 128
    """Most sequences that run."""
    watermark: Annotated[float, Field(ge=0, lt=1)] = 0.01
    """Share of the blocks that admitting leaves free, so that answers can grow; whoever runs alone may use them."""

    def plan(self, engine: EngineView) -> Plan:
        """Return decodes, and pieces of prompts if the budget has room for any."""
        plan = Plan(engine)
        running = list(engine.running)
        self._decode(plan, engine, running)
        budget = self.tokens - len(plan.tokens)
        for sequence in running:
            number = min(sequence.pending, budget)
            if number > 0 and not _decodes(sequence):
                plan.run(sequence, number)
                budget -= number
        if plan.preempted:
            plan.iterations = 1  # the next one may admit again
        else:
            self._admit(plan, engine, budget)
        return plan

    def _decode(self, plan: Plan, engine: EngineView, running: list[SequenceView]) -> None:
        """Plan decodes, without the blocks that prompts still have to take; take from `running` who is preempted."""
        owed, place = _owed(engine, running), 0
        while place < len(running):
            sequence = running[place]
            while _decodes(sequence) and not plan.run(sequence, spare=owed):
                last = running.pop()
                plan.preempt(last)
                owed = _owed(engine, running)
                if last is sequence:
                    break
            place += 1

    def _admit(self, plan: Plan, engine: EngineView, budget: int) -> None:
        """Plan first pieces of prompts, in order; as a budget is left, prompts that run need no more blocks."""
        number = len(engine.running)
        spare = int(self.watermark * engine.blocks_total)
        for sequence in engine.waiting:
            piece = min(sequence.pending, budget)
            later = engine.blocks_for(sequence, sequence.pending) - engine.blocks_for(sequence, piece)
            if piece <= 0 or number == self.sequences:
                break
            if not plan.run(sequence, piece, spare=later + (spare if number else 0)):
                break
            budget -= piece
            number += 1


def _decodes(sequence: SequenceView) -> bool:
    return sequence.generated > 0 and sequence.pending == 1


def _owed(engine: EngineView, running: Sequence[SequenceView]) -> int:
    """Return how many more blocks the prompts of those that run need."""
    return sum(engine.blocks_for(each, each.pending) for each in running if not _decodes(each))
