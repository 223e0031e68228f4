"""vLLM's scheduler before version 1: prompts in iterations of their own."""

from __future__ import annotations

from itertools import takewhile
from typing import Annotated, ClassVar

from pydantic import Field

from simtier.contract import EngineView, IterationBatching, Plan
from simtier.policies.batching.keeping import keep


class Vllm(IterationBatching):
    """Compute the prompts of those who wait, as many as fit; else the next token of all that run.

    Prompts are computed whole. Blocks are taken as tokens come; when they are missing, the sequence admitted last is preempted: computed again
    later, its answer so far included, or swapped to the host. While anybody is swapped none is admitted, and they return first.
    A prompt longer than the budget runs alone, and whoever runs alone may use the blocks that are kept free: vLLM refuses both.

    Source: Kwon et al., SOSP 2023, section 4.5; vLLM 0.3 to 0.8, `vllm/core/scheduler.py` (`_schedule_default`), with its defaults.
    """

    sees_only_own: ClassVar[bool] = True
    tokens: Annotated[int, Field(ge=0)] = 0
    """Most tokens of an iteration of prompts (`max_num_batched_tokens`); 0 for the default: the model's context, at least 2048."""
    sequences: Annotated[int, Field(ge=1)] = 256
    """Most sequences that run (`max_num_seqs`)."""
    watermark: Annotated[float, Field(ge=0, lt=1)] = 0.01
    """Share of the blocks that admitting leaves free, so that answers can grow."""
    swap: bool = False
    """Whether who is preempted goes to the host's memory (`preemption_mode`)."""
    padded: bool = False
    """Whether the budget counts each prompt as long as the longest of the iteration, as vLLM before 0.3 and Vidur do."""

    def plan(self, engine: EngineView) -> Plan:
        """Return an iteration of prompts if any can be computed, else one of decodes."""
        plan = Plan(engine)
        if not (engine.waiting and engine.waiting[0].swapped):
            self._admit(plan, engine)
        if plan.tokens:
            plan.iterations = 1
            return plan
        running, _ = keep(plan, engine.running, swap=self.swap)
        if plan.preempted:
            plan.iterations = 1  # the next one may admit again
        else:
            self._return(plan, engine, len(running))
        return plan

    def _admit(self, plan: Plan, engine: EngineView) -> None:
        """Plan prompts, in order."""
        budget = self.tokens or max(engine.context, 2048)
        tokens = most = 0
        number = len(engine.running)
        for sequence in engine.waiting:
            pending = sequence.pending
            tokens, most = tokens + pending, max(most, pending)
            used = most * (len(plan.tokens) + 1) if self.padded else tokens
            if number == self.sequences or (plan.tokens and used > budget):
                break
            if not plan.run(sequence, spare=self._spare(engine) if number else 0):
                break
            number += 1

    def _return(self, plan: Plan, engine: EngineView, number: int) -> None:
        """Plan those that were swapped, in order of arrival."""
        swapped = takewhile(lambda sequence: sequence.swapped, engine.waiting)
        for sequence in sorted(swapped, key=lambda sequence: (sequence.arrival_s, sequence.id)):
            if number == self.sequences or not plan.run(sequence, spare=self._spare(engine) if number else 0):
                break
            number += 1

    def _spare(self, engine: EngineView) -> int:
        return int(self.watermark * engine.blocks_total)
