"""What batching policies see of an engine; its sequences show themselves."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast, overload

from simtier.contract.iterations import SequenceView
from simtier.models.llm.estimates import pending_s

if TYPE_CHECKING:
    from simtier.models.llm.engine import Engine
    from simtier.models.llm.sequence import LlmSequence


class Waiting(Sequence[SequenceView]):
    """The sequences that wait; each is told what of it is in the cache when somebody looks at it."""

    __slots__ = ("_engine",)

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __len__(self) -> int:
        return len(self._engine.waiting)

    def __iter__(self) -> Iterator[SequenceView]:
        look = self._engine.blocks.look
        for sequence in self._engine.waiting:
            look(sequence)
            yield sequence

    @overload
    def __getitem__(self, place: int) -> SequenceView: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[SequenceView]: ...

    def __getitem__(self, place: int | slice) -> SequenceView | Sequence[SequenceView]:
        if isinstance(place, slice):
            return tuple(self)[place]
        sequence = self._engine.waiting[place]
        self._engine.blocks.look(sequence)
        return sequence


class EngineFacade:
    """An engine; see simtier.contract.EngineView."""

    __slots__ = ("_engine", "blocks_for")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.blocks_for: Callable[[Any, int], int] = (
            engine.blocks.needed
        )  # bound once: it is asked for every sequence of every plan

    @property
    def now_s(self) -> float:
        return self._engine.clock.now

    @property
    def running(self) -> Sequence[SequenceView]:
        return tuple(self._engine.running)

    @property
    def waiting(self) -> Sequence[SequenceView]:
        return Waiting(self._engine)

    @property
    def block_tokens(self) -> int:
        return self._engine.blocks.tokens

    @property
    def blocks_total(self) -> int:
        return self._engine.blocks.total

    @property
    def blocks_free(self) -> int:
        engine = self._engine
        return engine.blocks.free if engine.beside is None else engine.beside.free_for(engine)

    @property
    def context(self) -> int:
        return self._engine.context

    def blocks_back(self, sequences: Collection[SequenceView]) -> int:
        return self._engine.blocks.back(cast("Collection[LlmSequence]", sequences))

    def alone_s(self, sequence: SequenceView) -> float:
        return pending_s(self._engine.cost, cast("LlmSequence", sequence))
