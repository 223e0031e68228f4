"""Batches of whole requests: none joins until all are done."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from simtier.contract import EngineView, IterationBatching, Plan, SequenceView
from simtier.policies.batching.keeping import blocks_of, keep, longest
from simtier.units import Seconds


class Static(IterationBatching):
    """Form a batch when `size` requests wait or the oldest has for `timeout`, and run it until all of it is done.

    Prompts are padded: each takes the time of the longest of its batch. So is memory: each gets room for the longest prompt with the longest
    answer, and a batch has as many requests as that allows. Whoever is done sooner hands its answer over and takes no more time (as a server that
    streams; one that answers whole batches is slower); its place stays empty.

    Source: NVIDIA FasterTransformer as Orca describes and measures it (Yu et al., OSDI 2022, sections 2 and 6), behind a batcher such as
    Triton's, whose `max_queue_delay_microseconds` is 0 unless set.
    """

    sees_only_own: ClassVar[bool] = True
    size: Annotated[int, Field(ge=1)] = 8
    """Requests of a full batch."""
    timeout: Seconds = 0.0
    """Longest wait of the oldest request for others to join it; 0 runs whatever waits."""
    untold: Annotated[int, Field(ge=0)] = 0
    """Tokens of answer to keep room for where the client does not say; 0 for as many as the context holds. Those whose answers turn out longer
    may be preempted."""

    def plan(self, engine: EngineView) -> Plan:
        """Return the rest of the batch that runs, else a new one, else when it is time for one."""
        plan = Plan(engine)
        if engine.running:
            keep(plan, engine.running)
            return plan
        batch = self._fitting(engine)
        if not batch:
            return plan
        until_s = min(sequence.queued_s for sequence in batch) + self.timeout
        if len(batch) == min(self.size, len(engine.waiting)) < self.size and engine.now_s < until_s:
            plan.until_s = until_s
            return plan
        plan.padded = max(sequence.pending for sequence in batch)
        for sequence in batch:
            plan.run(sequence)
        return plan

    def _fitting(self, engine: EngineView) -> list[SequenceView]:
        """Return the first of those who wait, as many as make a batch and have room."""
        batch: list[SequenceView] = []
        prompt = answer = 0
        for sequence in engine.waiting:
            prompt = max(prompt, sequence.prompt)
            answer = max(answer, longest(engine, sequence, self.untold) - sequence.prompt)
            each = blocks_of(engine, min(prompt + answer, engine.context))
            if len(batch) == self.size or (batch and (len(batch) + 1) * each > engine.blocks_total):
                break
            batch.append(sequence)
        return batch
