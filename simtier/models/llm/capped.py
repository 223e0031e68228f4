"""Iteration times at a lower clock: those of another cost model, prompts and tokens each with their own slow-down."""

from __future__ import annotations

from collections.abc import Sequence

from simtier.models.llm.phase_power import PhasePower
from simtier.models.llm.work import Chunk, Floats, IterationCost


class Capped:
    """Times of `cost` at a share of the highest clock; see `phase_power` for the slow-down.

    Args:
        cost: at the highest clock.
        power: knows how much slower iterations become.
        clock: share of the highest clock, in (0, 1).
    """

    def __init__(self, cost: IterationCost, power: PhasePower, clock: float) -> None:
        self._cost, self._power, self._clock = cost, power, clock

    def seconds(self, chunks: Sequence[Chunk], decodes: int, contexts: float) -> float:
        """Return what an iteration takes; see `IterationCost`."""
        tokens = decodes + sum(new for new, _ in chunks)
        return self._cost.seconds(chunks, decodes, contexts) * self._power.slowdown(tokens, self._clock)

    def line(self, decodes: int) -> tuple[float, float] | None:
        """Return (a, b): decodes take a + b contexts; None if they do not at the highest clock."""
        line = self._cost.line(decodes)
        if line is None:
            return None
        slower = self._power.slowdown(decodes, self._clock)
        return line[0] * slower, line[1] * slower

    def times(self, decodes: int, contexts: float, iterations: int) -> Floats:
        """Return what iterations take one after the other."""
        return self._cost.times(decodes, contexts, iterations) * self._power.slowdown(decodes, self._clock)
