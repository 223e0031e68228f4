"""Sequences move from the fullest engine to the freest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from simtier.contract import Balancing, Move, SequenceView, ServiceView, Step, runs_engine
from simtier.policies.freeness import freeness


class Llumnix(Balancing):
    """Pairs replicas whose freeness is low with those where it is high, and moves one sequence in each pair.

    What is moved is the decoding sequence of the lowest priority, of these the one with the fewest blocks. New requests go to the freest replica by
    the routing policy of the same name.

    Source: Llumnix (Sun et al., OSDI 2024, section 4.4.3); how free a replica is, is told in `simtier.policies.freeness`.
    """

    sees_only_own: ClassVar[bool] = True
    low: float = 30.0
    """Iterations below which a replica gives sequences away; assumed, the paper names none."""
    high: float = 60.0
    """Iterations above which a replica takes them; assumed."""
    most: Annotated[int, Field(ge=1)] = 8
    """Most pairs at a time; assumed."""

    def balance(self, service: ServiceView) -> Sequence[Step]:
        """Return the moves: the fullest replica to the freest, the second to the second, and so on."""
        free = {each: freeness(each) for each in service.replicas if runs_engine(each)}
        order = sorted(free, key=lambda each: (free[each], each.id))
        givers = [each for each in order if free[each] < self.low]
        takers = [each for each in reversed(order) if free[each] > self.high]
        moves: list[Step] = []
        for source, target in list(zip(givers, takers, strict=False))[: self.most]:
            sequence = _least_important(source.sequences)
            if sequence is not None:
                moves.append(Move(sequence, source, target))
        return moves


def _least_important(sequences: Sequence[SequenceView]) -> SequenceView | None:
    """Return the decoding sequence to move; None if none decodes."""
    decoding = [each for each in sequences if each.generated and each.pending == 1]
    return min(decoding, key=lambda each: (each.priority, each.blocks, each.id), default=None)
