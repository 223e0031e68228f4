"""How long things take that have an engine for themselves."""

from __future__ import annotations

from simtier.models.llm.sequence import LlmSequence
from simtier.models.llm.work import IterationCost


def pending_s(cost: IterationCost, sequence: LlmSequence) -> float:
    """Return what an iteration takes that computes all pending tokens of a sequence and nothing else."""
    return cost.seconds([(sequence.pending, sequence.computed)], 0, 0.0)


def alone_s(cost: IterationCost, prompt: int, output: int) -> float:
    """Return what a request takes that is alone, its prompt computed in one iteration."""
    decodes = float(cost.times(1, prompt + 1, output - 1).sum()) if output > 1 else 0.0
    return cost.seconds([(prompt, 0)], 0, 0.0) + decodes
