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


def alone_times(cost: IterationCost, prompt: int, output: int) -> tuple[float, float]:
    """Return when a request that is alone gets its first and its last token, its prompt computed in one iteration."""
    first_s, line = cost.seconds([(prompt, 0)], 0, 0.0), cost.line(1)
    later = output - 1
    if line is None:
        return first_s, first_s + (float(cost.times(1, prompt + 1, later).sum()) if later else 0.0)
    a, b = line
    return first_s, first_s + later * (a + b * (prompt + 1)) + b * (later * (later - 1) / 2)
