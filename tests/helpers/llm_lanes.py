"""Drive several engines of one replica alone: lanes of a pipeline, or an engine for prompts beside one for tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from llm_driving import Row

from simtier.clock import Clock
from simtier.contract import Asker, IterationBatching
from simtier.models.llm.blocks import Blocks
from simtier.models.llm.ears import Ears
from simtier.models.llm.engine import Engine
from simtier.models.llm.lanes import Lanes
from simtier.models.llm.parallel import Pipelined
from simtier.models.llm.pipeline import PipelineLanes
from simtier.models.llm.sequence import LlmSequence
from simtier.models.llm.shared_device import CostOf, SharedDevice
from simtier.models.llm.work import IterationCost
from simtier.streams import Streams
from simtier.testing import FakeSite

Ended = Callable[[LlmSequence], object]
Make = Callable[[Callable[[Ended], Engine], Ended], Engine | Lanes]
"""Makes what is to be driven, given what makes one engine, and who hears of ended sequences."""


def drive_lanes(
    rows: Iterable[Row],
    make: Make,
    policy: IterationBatching,
    cost: IterationCost,
    *,
    blocks: Blocks | None = None,
    wrote: Callable[[tuple[float, ...]], Any] = lambda _: None,
    until: float = 1e9,
) -> tuple[list[LlmSequence], Engine | Lanes]:
    """Serve `rows`, which are in order of arrival; return the sequences in order of arrival and what served them."""
    clock = Clock()
    asker = Asker(policy, type(policy).__name__, "engine", lambda: clock.now)
    kept = blocks if blocks is not None else Blocks(1 << 30, 16)
    asker.tell(policy.start, FakeSite(), Streams(0).stream("policy"))
    sequences: list[LlmSequence] = []

    def one(ended: Ended) -> Engine:
        return Engine(clock, asker, cost, kept, 1 << 20, ended)

    def heard(row: tuple[float, ...]) -> None:
        assert 0 <= kept.free <= kept.total
        wrote(row)

    engine = make(one, lambda _: None)
    engine.ears = Ears(wrote=heard)

    def arrive(arrival: tuple[int, Row]) -> None:
        number, row = arrival
        sequence = LlmSequence(None, number, row.prompt, row.output, clock.now, row.most, row.prefix)
        sequence.priority = row.priority
        assert engine.can_hold(sequence)
        sequences.append(sequence)
        engine.join(sequence)

    clock.feed((row.at, arrive, (number, row)) for number, row in enumerate(rows))
    clock.play(until)
    return sequences, engine


def pipeline(cost: Pipelined) -> Make:
    """Return what makes a pipeline."""
    return lambda one, ended: PipelineLanes([one(ended) for _ in range(cost.stages)], cost)


def beside(cost_of: CostOf, shares: tuple[float, float]) -> Make:
    """Return what makes an engine for prompts and one for tokens on the same accelerators."""
    return lambda one, ended: SharedDevice(one, cost_of, ended, shares)


def alone(one: Callable[[Ended], Engine], ended: Ended) -> Engine:
    """Make an ordinary engine."""
    return one(ended)


def all_is_over(sequences: list[LlmSequence], engine: Engine | Lanes, rows: list[Row]) -> None:
    """Check that every sequence has its tokens, and nobody holds anything."""
    assert [each.generated for each in sequences] == [row.output for row in rows]
    assert [each.computed for each in sequences] == [row.prompt + row.output - 1 for row in rows]
    assert all(each.arrival_s < each.first_s <= each.last_s for each in sequences)
    assert engine.blocks.free == engine.blocks.total
    assert not [*engine.running, *engine.waiting]
