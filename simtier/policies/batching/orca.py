"""Orca: sequences join and leave with every iteration; memory is reserved for the longest answer."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from simtier.contract import EngineView, IterationBatching, Plan
from simtier.policies.batching.keeping import blocks_of, keep, longest


class Orca(IterationBatching):
    """Admit in order of arrival, in every iteration, as long as memory for the longest answers is free.

    Prompts are computed whole, in one iteration with the others' next tokens. What is reserved is counted, not held: the blocks in use are
    those of tokens that are there. A sequence that needs more than all blocks runs alone.

    Source: Yu et al., OSDI 2022, section 4.2 and algorithm 1 (`max_bs`, `n_slots`, `max_tokens`); the paper varies `max_bs`, 128 is the cap of
    Vidur's Orca (Agrawal et al., MLSys 2024).
    """

    sees_only_own: ClassVar[bool] = True
    sequences: Annotated[int, Field(ge=1)] = 128
    """Most sequences that run (`max_bs`)."""
    untold: Annotated[int, Field(ge=0)] = 0
    """Tokens of answer to reserve where the client does not say; 0 for as many as the context holds. If answers turn out longer and blocks are
    missing, the sequence admitted last is preempted, and computed again later."""

    def plan(self, engine: EngineView) -> Plan:
        """Return all that run, and who can join."""
        plan = Plan(engine)
        running, _ = keep(plan, engine.running)
        if plan.preempted:
            plan.iterations = 1  # the next one may admit again
            return plan
        number = len(running)
        reserved = sum(blocks_of(engine, longest(engine, sequence, self.untold)) for sequence in running)
        for sequence in engine.waiting:
            reserved += blocks_of(engine, longest(engine, sequence, self.untold))
            if number == self.sequences or (number and reserved > engine.blocks_total) or not plan.run(sequence):
                break
            number += 1
        return plan
