"""What is known of the prompts that a replica has not computed: of those on their way to it, and of those that wait."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from simtier.models.llm.sequence import LlmSequence

if TYPE_CHECKING:
    from simtier.models.llm.replica import LlmReplica
    from simtier.models.visit import Visit


class Line(deque[LlmSequence]):
    """The sequences that wait, with the tokens they have to compute as far as was known when they joined.

    Attributes:
        tokens: of all of them.
    """

    tokens = 0

    def append(self, sequence: LlmSequence) -> None:
        sequence.counted = sequence.pending
        self.tokens += sequence.counted
        super().append(sequence)

    def appendleft(self, sequence: LlmSequence) -> None:
        sequence.counted = sequence.pending
        self.tokens += sequence.counted
        super().appendleft(sequence)

    def popleft(self) -> LlmSequence:
        sequence = super().popleft()
        self.tokens -= sequence.counted
        return sequence

    def remove(self, sequence: LlmSequence) -> None:
        super().remove(sequence)
        self.tokens -= sequence.counted

    def discard(self, sequence: LlmSequence) -> None:
        """Remove a sequence if it is here."""
        if sequence in self:
            self.remove(sequence)


class OnWay:
    """Requests that were sent to a replica and have not arrived; without them a burst would take all the same replica for the idlest."""

    def __init__(self, replica: LlmReplica) -> None:
        self._replica = replica
        self._sequences: dict[Visit, LlmSequence] = {}

    def add(self, visit: Visit) -> None:
        """Note a visit that sets out now, and how much of its prompt is in the replica's cache."""
        if len(self._sequences) > self._replica.in_flight:  # some are over, and will not arrive
            self._sequences = {each: of for each, of in self._sequences.items() if _lives(each)}
        sequence = visit.stage.timer.sequence(visit, self._replica.clock.now)  # type: ignore[attr-defined]  # of tokens
        self._replica.engine.blocks.look(sequence)
        self._sequences[visit] = sequence

    def take(self, visit: Visit) -> LlmSequence | None:
        """Return the sequence of a visit that has arrived, or is lost; None if it was not noted."""
        return self._sequences.pop(visit, None)

    def living(self) -> list[LlmSequence]:
        """Return the sequences whose requests are not over."""
        return [sequence for visit, sequence in self._sequences.items() if _lives(visit)]


def _lives(visit: Visit) -> bool:
    return visit.id in visit.stage.app.alive
