"""A frozen stand-in for every view of `simtier.contract.iterations`, and an engine in some state for the checks of policies."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from itertools import count
from typing import Any

_NEVER_TOLD = 1 << 30


@dataclass(frozen=True, kw_only=True)
class FakeSequence:
    """A sequence that waits; satisfies `SequenceView`. `blocks` and `computed` are numbers of their own: they need not agree."""

    id: int = 0
    priority: float = 0.0
    arrival_s: float = 0.0
    queued_s: float = 0.0
    deadline_s: float = math.inf
    first_by_s: float = math.inf
    prompt: int = 100
    generated: int = 0
    most: int = _NEVER_TOLD
    computed: int = 0
    blocks: int = 0
    preemptions: int = 0
    swapped: bool = False

    @property
    def pending(self) -> int:
        """Tokens of prompt and answer that are not computed."""
        return self.prompt + self.generated - self.computed


@dataclass(frozen=True, kw_only=True)
class FakeEngine:
    """An idle engine; satisfies `EngineView`. Its sequences share no blocks; a token of a prompt takes it 0.1 ms."""

    now_s: float = 0.0
    running: tuple[FakeSequence, ...] = ()
    waiting: tuple[FakeSequence, ...] = ()
    block_tokens: int = 16
    blocks_total: int = 1000
    blocks_free: int = 1000
    context: int = 4096

    def blocks_for(self, sequence: FakeSequence, tokens: int) -> int:
        """Return the blocks that `tokens` more fill beyond those it holds."""
        return -(-(sequence.computed + tokens) // self.block_tokens) - sequence.blocks

    def blocks_back(self, sequences: Collection[FakeSequence]) -> int:
        """Return the blocks that `sequences` hold."""
        return sum(sequence.blocks for sequence in sequences)

    def alone_s(self, sequence: FakeSequence) -> float:
        """Return 10 ms and 0.1 ms for each pending token."""
        return 0.01 + 1e-4 * sequence.pending


def some_engine(one_of: Callable[..., Any], now_s: float, *, idle: bool = False) -> FakeEngine:
    """Return an engine in some state that can be: who runs holds the blocks of what is computed, and everybody fits alone.

    Args:
        one_of: draws one of its arguments.
        now_s: simulated time.
        idle: whether nobody runs; then somebody waits.
    """
    ids = count()
    running = () if idle else tuple(_running(one_of, now_s, next(ids)) for _ in range(one_of(0, 1, 3, 6, 20)))
    waiting = [_waiting(one_of, now_s, next(ids)) for _ in range(one_of(1, 2, 5, 20) if idle else one_of(0, 1, 5))]
    if not idle:
        waiting[:0] = [_swapped(one_of, now_s, next(ids)) for _ in range(one_of(0, 0, 0, 2))]
    held = sum(sequence.blocks for sequence in running)
    largest = max((-(-(each.prompt + each.generated + 1) // 16) for each in (*running, *waiting)), default=1)
    total = max(held + one_of(0, 1, 5, 400), largest)
    return FakeEngine(
        now_s=now_s, running=running, waiting=tuple(waiting), blocks_total=total, blocks_free=total - held
    )


def _running(one_of: Callable[..., Any], now_s: float, number: int) -> FakeSequence:
    prompt, generated = one_of(1, 15, 16, 700, 3000), one_of(0, 1, 1, 17, 90)
    computed = prompt + generated - 1 if generated else min(prompt - 1, one_of(16, 512))
    return _sequence(
        one_of, now_s, number, prompt=prompt, generated=generated, computed=computed, blocks=-(-computed // 16)
    )


def _waiting(one_of: Callable[..., Any], now_s: float, number: int) -> FakeSequence:
    preempted = one_of(0, 0, 1)
    generated = preempted * one_of(0, 5)
    return _sequence(
        one_of,
        now_s,
        number,
        prompt=one_of(1, 16, 100, 700, 3000),
        generated=generated,
        computed=0,
        preemptions=preempted,
    )


def _swapped(one_of: Callable[..., Any], now_s: float, number: int) -> FakeSequence:
    prompt, generated = one_of(1, 16, 700), one_of(1, 20)
    return _sequence(
        one_of,
        now_s,
        number,
        prompt=prompt,
        generated=generated,
        computed=prompt + generated - 1,
        preemptions=1,
        swapped=True,
    )


def _sequence(one_of: Callable[..., Any], now_s: float, number: int, **state: Any) -> FakeSequence:
    arrival_s = now_s - one_of(0.0, 0.005, 1.0, 20.0)
    return FakeSequence(
        id=number,
        priority=one_of(0.0, 1.0, 2.0),
        arrival_s=arrival_s,
        queued_s=arrival_s,
        deadline_s=arrival_s + one_of(1.0, math.inf),
        most=one_of(100, _NEVER_TOLD),
        **state,
    )
