"""FastServe: a multi-level feedback queue that long prompts join further down."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from simtier.contract import EngineView, IterationBatching, Plan, SequenceView, SiteView
from simtier.units import Seconds


@dataclass(slots=True)
class _Job:
    """Where a sequence stands: its level, its place there, what it has used of the level's quantum, and when it was served last."""

    level: int
    place: int
    used_s: float
    last_s: float


class FastServe(IterationBatching):
    """Serve the highest level first; a sequence that has used up its level's quantum goes to the end of the next one.

    A level's quantum is `ratio` times that of the one above. A sequence joins the first level whose quantum holds its prompt's iteration: higher
    ones it could only pass through. Who has not been served for `starvation` goes to the front of the first level. Sequences that
    are not served keep their blocks until others need these; then the lowest are swapped to the host.

    Left out: proactive swapping, which moves blocks before they are needed, while others compute; a bound on the host's memory.
    Differs from the published code: waiting times are looked at in every iteration, not every thousandth, and who sinks goes to the end of its
    new level, not to the front.

    Source: Wu et al., NSDI 2026 (arXiv:2305.05920), section 4; defaults of its code (github LLMServe/FastServe, `fastserve/scheduler.py`).
    """

    sees_only_own: ClassVar[bool] = True
    steady: ClassVar[bool] = False  # quanta are times, and end between any two iterations

    sequences: Annotated[int, Field(ge=1)] = 16
    """Most sequences of an iteration (`max_batch_size` of its experiments)."""
    tokens: Annotated[int, Field(ge=1)] = 2048
    """Most tokens of prompts in an iteration (`max_tokens_per_batch`); a longer prompt is the only one of its iteration."""
    quantum: Annotated[Seconds, Field(gt=0)] = 0.01
    """Quantum of the first level (`base_quantum`)."""
    ratio: Annotated[float, Field(gt=1)] = 2.0
    """Quantum of a level over that of the one above (`threshold`)."""
    starvation: Annotated[Seconds, Field(gt=0)] = 3.0
    """Time without service after which a sequence rises to the first level."""

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        """Forget all sequences."""
        self._jobs: dict[int, _Job] = {}
        self._served: list[int] = []
        self._since_s = 0.0
        self._places = count(1)

    def plan(self, engine: EngineView) -> Plan:
        """Return the next tokens of those on the highest levels; or who is swapped for them, and being asked again, their tokens."""
        self._sink(engine.now_s)
        sequences = self._look(engine)
        chosen = self._choose(sequences)
        plan = Plan(engine)
        self._make_room(plan, engine, sequences, chosen)
        if plan.preempted:
            return plan
        for sequence in chosen:
            plan.run(sequence)
        self._served = [sequence.id for sequence in chosen]
        self._since_s = engine.now_s
        return plan

    def _sink(self, now_s: float) -> None:
        """Charge the last iteration to those who were served."""
        for job in (self._jobs[number] for number in self._served):
            job.used_s += now_s - self._since_s
            job.last_s = now_s
            if job.used_s > self._quantum_s(job.level):
                job.level, job.place, job.used_s = job.level + 1, next(self._places), 0.0
        self._served = []

    def _look(self, engine: EngineView) -> list[SequenceView]:
        """Return all sequences, the highest first; new ones join, and those who have waited long rise."""
        sequences = [*engine.running, *engine.waiting]
        jobs = {each.id: self._jobs.get(each.id) or self._join(engine, each) for each in sequences}
        for job in jobs.values():
            if job.level and engine.now_s - job.last_s >= self.starvation:
                job.level, job.place, job.used_s = 0, -next(self._places), 0.0
        self._jobs = jobs
        return sorted(sequences, key=lambda each: (jobs[each.id].level, jobs[each.id].place))

    def _join(self, engine: EngineView, sequence: SequenceView) -> _Job:
        prompt_s, level = engine.alone_s(sequence), 0
        while self._quantum_s(level) < prompt_s:
            level += 1
        return _Job(level, next(self._places), 0.0, sequence.queued_s)

    def _choose(self, sequences: list[SequenceView]) -> list[SequenceView]:
        """Return the first ones that make an iteration."""
        chosen: list[SequenceView] = []
        tokens = 0
        for sequence in sequences:
            prompt = sequence.pending if sequence.pending > 1 or not sequence.generated else 0
            if len(chosen) == self.sequences or (tokens and tokens + prompt > self.tokens):
                break
            chosen.append(sequence)
            tokens += prompt
        return chosen

    def _make_room(
        self, plan: Plan, engine: EngineView, sequences: list[SequenceView], chosen: list[SequenceView]
    ) -> None:
        """Swap the lowest as long as `chosen`, the first of `sequences`, lack blocks; these go without if all others' are not enough."""
        needed = sum(engine.blocks_for(each, each.pending) for each in chosen)
        for sequence in reversed(sequences):
            if needed > plan.free and sequence is chosen[-1]:
                chosen.pop()
                needed -= engine.blocks_for(sequence, sequence.pending)
            if needed > plan.free and sequence.blocks:
                plan.preempt(sequence, swap=True)

    def _quantum_s(self, level: int) -> float:
        return self.quantum * float(self.ratio**level)
