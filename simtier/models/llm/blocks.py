"""Blocks of keys and values: how many there are, and who holds how many."""

from __future__ import annotations

from collections.abc import Collection

from simtier.models.llm.sequence import LlmSequence


class Blocks:
    """The blocks of one engine, without sharing.

    Args:
        total: how many there are.
        tokens: tokens of each.

    Attributes:
        free: blocks that nobody holds.
    """

    def __init__(self, total: int, tokens: int) -> None:
        self.total = self.free = total
        self.tokens = tokens

    def lend(self, other: Blocks, number: int) -> None:
        """Let another engine have so many free blocks of these; below zero, take back as many that are free there."""
        self.grow(-number)
        other.grow(number)

    def grow(self, number: int) -> None:
        """Have so many more free blocks, or fewer."""
        self.total += number
        self.free += number

    def look(self, sequence: LlmSequence) -> None:
        """Tell a waiting sequence how much of it is there: nothing."""

    def admit(self, sequence: LlmSequence) -> None:
        """Hear that a waiting sequence will run."""

    def needed(self, sequence: LlmSequence, tokens: int) -> int:
        """Return how many more blocks a sequence needs to compute `tokens` more."""
        return -(-(sequence.computed + tokens) // self.tokens) - sequence.blocks

    def back(self, sequences: Collection[LlmSequence]) -> int:
        """Return how many blocks nobody holds any more if all of `sequences` are released."""
        return sum(sequence.blocks for sequence in sequences)

    def take(self, sequence: LlmSequence, tokens: int) -> None:
        """Give a sequence the blocks for `tokens` more."""
        more = -(-(sequence.computed + tokens) // self.tokens) - sequence.blocks  # `needed`, without the call
        sequence.blocks += more
        self.free -= more

    def take_unknown(self, sequence: LlmSequence, tokens: int) -> None:
        """Give a sequence the blocks for `tokens` more, whose keys and values are still to come."""
        self.take(sequence, tokens)

    def know(self, sequence: LlmSequence) -> None:
        """Hear that the keys and values of all its blocks are here."""

    def release(self, sequence: LlmSequence) -> None:
        """Take all its blocks from a sequence."""
        self.free += sequence.blocks
        sequence.blocks = 0

    def plant(self, sequence: LlmSequence, tokens: int) -> None:
        """Keep the first `tokens` of a sequence, which were computed elsewhere, for whoever looks for them: here nobody does."""

    def lasts(self, sequences: list[LlmSequence], most: int) -> int:
        """Return for how many iterations, `most` or less, all of `sequences` can decode before a block is missing; at least 0."""
        size = self.tokens
        if len(sequences) * (most // size + 1) <= self.free:
            return most
        slack = [0] * size  # how many sequences have so many places left in their last block
        for sequence in sequences:
            slack[sequence.blocks * size - sequence.computed] += 1
        return min(most, self._lasts(slack, len(sequences)))

    def _lasts(self, slack: list[int], sequences: int) -> int:
        """Return the same without bound: whole rounds of `tokens` iterations, in each of which every sequence takes one block."""
        rounds, left = divmod(self.free, sequences)
        done = rounds * self.tokens
        iteration = 0
        while True:  # ends: over a round all of them want one, and there are fewer left
            left -= slack[iteration]  # those with so many places left want a block after so many iterations
            if left < 0:
                return done + iteration
            iteration += 1
