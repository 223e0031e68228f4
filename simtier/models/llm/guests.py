"""Sequences whose prompt was computed elsewhere, as long as they wait for room."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence
from typing import Protocol

from simtier.models.llm.blocks import Blocks
from simtier.models.llm.sequence import LlmSequence

_SPARE = 0.01
"""Share of all blocks that they leave free for those that decode already, as the watermark of vLLM before version 1; assumed."""


class Guest(Protocol):
    """A sequence from elsewhere that waits for room."""

    def enter(self) -> bool:
        """Reserve blocks; return False if there are too few now."""


class Host(Protocol):
    """An engine, as far as its guests need it."""

    blocks: Blocks

    @property
    def running(self) -> Collection[LlmSequence]:
        """Sequences that hold blocks."""

    @property
    def waiting(self) -> Sequence[LlmSequence]:
        """Sequences that do not."""

    def owed(self) -> int:
        """Return the blocks that decodes will hold when the iteration under way ends, and do not yet."""

    def cut_short(self) -> None:
        """End what is under way with the present iteration."""


class Guests:
    """The guests of an engine, who enter in the order in which they came."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._line: deque[Guest] = deque()

    def expect(self, guest: Guest) -> None:
        """Let a guest enter as soon as there is room."""
        self._line.append(guest)
        self.welcome()

    def remove(self, guest: Guest) -> None:
        """Let a guest go that has not entered."""
        self._line.remove(guest)

    def welcome(self) -> None:
        """Let guests enter, unless a sequence waits to have its own blocks back."""
        waiting = self._host.waiting
        while self._line and not (waiting and waiting[0].preemptions) and self._line[0].enter():
            self._line.popleft()

    def reserve(self, sequence: LlmSequence) -> bool:
        """Hold blocks for a sequence whose prompt was computed elsewhere; return False if there are too few.

        Those that its beginning is found in are shared; `found` is how many tokens these are.
        """
        blocks, tokens = self._host.blocks, sequence.computed
        sequence.computed = 0
        blocks.look(sequence)
        found = sequence.computed
        spare = int(_SPARE * blocks.total) if self._host.running else 0
        enough = blocks.needed(sequence, tokens + 1 - found) <= blocks.free - spare - self._host.owed()
        if enough:
            blocks.admit(sequence)
            blocks.take_unknown(sequence, tokens - found)
            sequence.found = found
            self._host.cut_short()
        sequence.computed = tokens
        return enough
