"""Several engines of one replica that have the same blocks: lanes of a pipeline, or one for prompts and one for tokens.

A replica sees them as one engine, each with its part of the accelerators' time: an equal one, for the energy and the utilisation. Each iteration is
taken by itself, and holds the blocks that it needs from its begin on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from simtier.models.llm.ears import Ears
from simtier.models.llm.engine import Engine
from simtier.models.llm.guests import Guests
from simtier.models.llm.hand_over import Handing
from simtier.models.llm.sequence import LlmSequence
from simtier.models.llm.stint import Stint
from simtier.models.llm.work import Chunk, IterationCost


class Together(list[LlmSequence]):
    """The sequences that wait at several engines.

    Attributes:
        tokens: as of each engine's line.
    """

    def __init__(self, engines: Sequence[Engine]) -> None:
        super().__init__(sequence for engine in engines for sequence in engine.waiting)
        self.tokens = sum(engine.waiting.tokens for engine in engines)


class Lanes:
    """What all such engines have in common; see `Engine` for what is not told here.

    Args:
        engines: two or more, with the same clock, blocks and context.
    """

    def __init__(self, engines: Sequence[Engine]) -> None:
        first = engines[0]
        self.engines = tuple(engines)
        self.clock, self.blocks, self.context, self.devices = first.clock, first.blocks, first.context, first.devices
        self.guests = Guests(self)
        self._plain = first.cost
        self._order: deque[LlmSequence] = deque()
        for engine in engines:
            engine.beside = self
            engine.guests = self.guests

    @property
    def running(self) -> list[LlmSequence]:
        return [sequence for engine in self.engines for sequence in engine.running]

    @property
    def waiting(self) -> Together:
        return Together(self.engines)

    @property
    def stint(self) -> Stint:
        return next((engine.stint for engine in self.engines if engine.busy), self.engines[0].stint)

    @property
    def cost(self) -> IterationCost:
        return self.engines[0].cost

    def join(self, sequence: LlmSequence) -> None:
        raise NotImplementedError

    def deliver(self, sequence: LlmSequence) -> None:
        raise NotImplementedError

    @property
    def busy(self) -> bool:
        return any(engine.busy for engine in self.engines)

    @property
    def elapsed_s(self) -> float:
        return sum(engine.elapsed_s for engine in self.engines) / len(self.engines)

    @property
    def iterations(self) -> int:
        return sum(engine.iterations for engine in self.engines)

    @property
    def handing(self) -> Handing:
        return self.engines[0].handing

    @handing.setter
    def handing(self, handing: Handing) -> None:
        for engine in self.engines:
            engine.handing = handing

    @property
    def ears(self) -> Ears:
        return self.engines[0].ears

    @ears.setter
    def ears(self, ears: Ears) -> None:
        for engine in self.engines:
            engine.ears = ears

    def change_cost(self, cost: IterationCost) -> None:
        for engine in self.engines:
            engine.change_cost(cost)

    def slower(self, pieces: Sequence[Chunk], decodes: int, contexts: int) -> float:
        """Return how many times as long an iteration takes as at first: by a lower clock, or by loans."""
        now, plain = self.cost, self._plain
        return (
            1.0 if now is plain else now.seconds(pieces, decodes, contexts) / plain.seconds(pieces, decodes, contexts)
        )

    def can_hold(self, sequence: LlmSequence) -> bool:
        return self.engines[0].can_hold(sequence)

    def owed(self) -> int:
        return self._missing()  # what an iteration needs it holds from its begin on

    # -- blocks: without an order each engine could take what another gives up, for ever

    def joined(self, sequence: LlmSequence) -> None:
        """Note a sequence that is new here: the oldest of all has the first claim to blocks."""
        self._order.append(sequence)

    def keeps_its_claim(self, sequence: LlmSequence) -> None:
        """Note that a sequence goes on in another engine, which may have been missed in between."""
        if sequence not in self._order:
            self._order.appendleft(sequence)

    def free_for(self, engine: Engine) -> int:
        """Return the free blocks that an engine may use: all, if the oldest sequence is there, else what that one does not need."""
        free = self.blocks.free
        return free if self._has_oldest(engine) else max(0, free - self._missing())

    def yields(self, engine: Engine) -> bool:
        """Return whether the oldest sequence is in another engine."""
        return not self._has_oldest(engine)

    def _oldest(self) -> LlmSequence | None:
        """Return the sequence that came first of those that are here."""
        order = self._order
        while order and not any(order[0] in each.running or order[0] in each.waiting for each in self.engines):
            order.popleft()
        return order[0] if order else None

    def _has_oldest(self, engine: Engine) -> bool:
        oldest = self._oldest()
        return oldest is None or oldest in engine.running or oldest in engine.waiting

    def _missing(self) -> int:
        """Return the blocks that the oldest sequence may still need."""
        oldest = self._oldest()
        if oldest is None:
            return 0
        most = oldest.prompt + (oldest.total if oldest.stays else oldest.output)
        return max(0, -(-most // self.blocks.tokens) - oldest.blocks)

    def cut_short(self) -> None:
        """Do nothing: each iteration is taken by itself."""

    def let_go(self, sequence: LlmSequence) -> None:
        self.engines[0].let_go(sequence)

    def look_again(self) -> None:
        for engine in self.engines:
            engine.look_again()

    def leave(self, sequence: LlmSequence) -> None:
        next(engine for engine in self.engines if sequence in engine.waiting).leave(sequence)

    def close(self) -> None:
        for engine in self.engines:
            engine.close()

    # -- what the engines ask

    def ready_s(self) -> float:
        """Return when the next iteration may begin: now."""
        return self.clock.now

    def takes_s(self, engine: Engine) -> float:
        """Begin an engine's iteration now; return how long it takes."""
        stint = engine.stint
        for sequence in stint.decodes:  # now, for others may take what is free before it ends
            self.blocks.take(sequence, 1)
        return self.end_s(engine, stint.pieces, len(stint.decodes), stint.contexts) - self.clock.now

    def end_s(self, engine: Engine, pieces: Sequence[Chunk], decodes: int, contexts: int) -> float:
        """Begin an iteration now; return when it ends."""
        raise NotImplementedError

    def freed(self, engine: Engine) -> None:
        """Let the other engines look what they can do with blocks that one has freed."""
        for other in self.engines:
            if other is not engine:
                other.look_again()
