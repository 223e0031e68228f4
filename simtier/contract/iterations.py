"""What a batching policy sees of an engine of a language model, and how it says what to compute next."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Protocol


class SequenceView(Protocol):
    """A request at an engine: its prompt, and the tokens it has got so far.

    How many tokens it will get nobody knows beforehand, so no view tells.
    """

    @property
    def id(self) -> int:
        """Number of the request."""

    @property
    def priority(self) -> float:
        """Importance given by the scenario; higher is more important."""

    @property
    def arrival_s(self) -> float:
        """When the request entered the system."""

    @property
    def queued_s(self) -> float:
        """When it reached the engine."""

    @property
    def deadline_s(self) -> float:
        """When its SLO target passes (absolute); infinity without one."""

    @property
    def first_by_s(self) -> float:
        """When its SLO target for the first token passes (absolute); infinity without one."""

    @property
    def prompt(self) -> int:
        """Tokens of its prompt."""

    @property
    def generated(self) -> int:
        """Tokens it has got so far."""

    @property
    def most(self) -> int:
        """Most tokens it may get, as its client says; a large number if it does not."""

    @property
    def computed(self) -> int:
        """Tokens whose keys and values are there; of a waiting one, those found in the cache of prefixes."""

    @property
    def pending(self) -> int:
        """Tokens to compute before it gets its next one: the rest of its prompt, or 1 while it decodes."""

    @property
    def blocks(self) -> int:
        """Blocks it holds."""

    @property
    def preemptions(self) -> int:
        """How often it was preempted."""

    @property
    def swapped(self) -> bool:
        """Whether its keys and values lie in the host's memory."""


class EngineView(Protocol):
    """An engine: one replica of a language model."""

    @property
    def now_s(self) -> float:
        """Simulated time."""

    @property
    def running(self) -> Sequence[SequenceView]:
        """Sequences that hold blocks, in the order in which they were admitted."""

    @property
    def waiting(self) -> Sequence[SequenceView]:
        """Sequences that hold none: preempted ones first, the last preempted at the front; then the others as they came."""

    @property
    def block_tokens(self) -> int:
        """Tokens of a block."""

    @property
    def blocks_total(self) -> int:
        """Blocks of the engine."""

    @property
    def blocks_free(self) -> int:
        """Blocks that nobody holds."""

    @property
    def context(self) -> int:
        """Most tokens of a sequence, prompt and answer together."""

    def blocks_for(self, sequence: SequenceView, tokens: int) -> int:
        """Return how many more blocks `sequence` needs to compute `tokens` more."""

    def blocks_back(self, sequences: Collection[SequenceView]) -> int:
        """Return how many blocks nobody holds any more if all of `sequences`, which run, lose theirs."""

    def alone_s(self, sequence: SequenceView) -> float:
        """Return what an iteration takes that computes all pending tokens of `sequence` and nothing else."""


class Plan:
    """What an engine computes next: a batching policy's answer.

    It keeps count of the blocks, so that a plan never asks for more than there are.

    Args:
        engine: whose plan it is.

    Attributes:
        tokens: for each sequence to run, in this order, how many of its pending tokens are computed.
        preempted: sequences that lose their blocks before, in this order; True if these are swapped to the host, else computed again.
        rejected: waiting sequences whose requests end here, rejected.
        free: blocks that are left.
        iterations: for how many iterations the plan holds at most, as long as nothing arrives, ends or lacks blocks. A plan in which a
            sequence computes a piece of its prompt holds for one.
        padded: prompts take the time of at least so many tokens.
        until_s: of a plan that computes nothing and preempts nobody, when to ask again, if nothing arrives before.
    """

    __slots__ = ("_back", "_engine", "free", "iterations", "padded", "preempted", "rejected", "tokens", "until_s")

    def __init__(self, engine: EngineView) -> None:
        self._engine = engine
        self.free = engine.blocks_free
        self.tokens: dict[SequenceView, int] = {}
        self.preempted: dict[SequenceView, bool] = {}
        self.rejected: list[SequenceView] = []
        self.iterations = float("inf")
        self.padded = 0
        self.until_s = float("inf")
        self._back = 0

    def __repr__(self) -> str:
        tokens = {sequence.id: number for sequence, number in self.tokens.items()}
        preempted = {sequence.id: swap for sequence, swap in self.preempted.items()}
        return (
            f"Plan({tokens=}, {preempted=}, iterations={self.iterations}, padded={self.padded}, until_s={self.until_s})"
        )

    def run(self, sequence: SequenceView, tokens: int | None = None, *, spare: int = 0) -> bool:
        """Have `tokens` of the sequence computed, all pending ones if None; return False if that leaves less than `spare` blocks.

        Raises ValueError if so many are not pending.
        """
        number = sequence.pending if tokens is None else tokens
        if not 1 <= number <= sequence.pending:
            raise ValueError(
                f"sequence {sequence.id} has {sequence.pending} pending tokens: 1 to all can be computed, not {number}"
            )
        needed = self._engine.blocks_for(sequence, number)
        if needed > self.free - spare:
            return False
        self.free -= needed
        self.tokens[sequence] = number
        return True

    def run_each(self, sequences: Iterable[SequenceView], budget: int, piece: int = 0) -> tuple[int, int]:
        """Have all pending tokens of each sequence computed, at most `piece` of each (0 for no bound), in order, as far as budget and blocks go.

        Returns how many sequences that are, and what is left of the budget. The same as calling `run` for each, and quicker.
        """
        blocks_for, planned, free, number = self._engine.blocks_for, self.tokens, self.free, 0
        for sequence in sequences:
            tokens = sequence.pending
            if tokens > budget:  # noqa: PLR1730 - min() is a call more for every sequence of every plan
                tokens = budget
            if piece and tokens > piece:
                tokens = piece
            needed = blocks_for(sequence, tokens)
            if tokens <= 0 or needed > free:
                break
            free -= needed
            planned[sequence] = tokens
            budget -= tokens
            number += 1
        self.free = free
        return number, budget

    def preempt(self, sequence: SequenceView, *, swap: bool = False) -> None:
        """Take its blocks from a running sequence, and take it out of the plan."""
        planned = self.tokens.pop(sequence, 0)
        if planned:
            self.free += self._engine.blocks_for(sequence, planned)
        self.preempted[sequence] = swap
        back = self._engine.blocks_back(self.preempted)  # together they may free more than each alone: what they share
        self.free += back - self._back
        self._back = back

    def reject(self, sequence: SequenceView) -> None:
        """End the request of a waiting sequence, which then takes no part."""
        self.rejected.append(sequence)
