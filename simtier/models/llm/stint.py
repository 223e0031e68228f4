"""What an engine does between two plans: one iteration with pieces of prompts, or a stretch of iterations in which sequences decode."""

from __future__ import annotations

from simtier.models.llm.blocks import Blocks
from simtier.models.llm.sequence import LlmSequence
from simtier.models.llm.stretch import Stretch


class Stint:
    """Sequences that are computed together, from the begin to the end of what was planned.

    Attributes:
        decodes: sequences that get a token in each iteration.
        chunks: sequences of whose prompt a piece is computed, each with its tokens.
        stretch: the iterations, if only decodes run; None for one with prompts.
        begin_s: when the first began.
        held: blocks held then.
    """

    __slots__ = ("begin_s", "chunks", "decodes", "held", "stretch")

    def __init__(self) -> None:
        self.decodes: list[LlmSequence] = []
        self.chunks: list[tuple[LlmSequence, int]] = []
        self.stretch: Stretch | None = None
        self.begin_s = 0.0
        self.held = 0

    def cut(self, now: float) -> bool:
        """Take only the iterations that have ended by now, at the end of a run; return whether there are any."""
        stretch = self.stretch
        if stretch is None:
            return False
        number = stretch.under_way(now - self.begin_s)
        done = number if stretch.until(number) <= now - self.begin_s else number - 1
        if done:
            stretch.cut(done)
        return done > 0

    def hand_out(self, now: float, blocks: Blocks, running: int, waiting: int) -> tuple[float, ...]:
        """Hand out the tokens at the end, now; return the row of the table `iterations`.

        Args:
            now: when the last iteration ends.
            blocks: where keys and values are kept.
            running: how many sequences hold blocks.
            waiting: how many hold none.
        """
        done = self.stretch.iterations if self.stretch is not None else 1
        first_s = self.begin_s + self.stretch.until(1) if self.stretch is not None else now
        waits: list[float] = []
        share_s = (now - self.begin_s) / (len(self.decodes) + len(self.chunks))
        for sequence in self.decodes:
            blocks.take(sequence, done)
            sequence.computed += done
            sequence.generated += done
            if sequence.last_s < self.begin_s:
                waits.append(first_s - sequence.last_s)
            sequence.last_s = now
            sequence.busy_s += share_s
        firsts, again = self._prompts(now, share_s, waits)
        tokens = sum(number for _, number in self.chunks)
        sizes = (
            done,
            len(self.decodes),
            len(self.chunks),
            tokens,
            running,
            waiting,
            self.held,
            blocks.total - blocks.free,
        )
        gaps_s = (sum(waits) / len(waits), max(waits)) if waits else (0.0, 0.0)
        return (*sizes, firsts, again, len(waits), *gaps_s, self.begin_s, first_s, now)

    def _prompts(self, now: float, share_s: float, waits: list[float]) -> tuple[int, int]:
        """Hand out the tokens of prompts that end now; return how many are their first, and how many are not."""
        firsts = again = 0
        for sequence, tokens in self.chunks:
            sequence.computed += tokens
            sequence.busy_s += share_s
            if sequence.pending:
                continue
            sequence.generated += 1
            if sequence.last_s < self.begin_s:
                waits.append(now - sequence.last_s)
            sequence.last_s = now
            if sequence.generated == 1:
                sequence.first_s = now
                firsts += 1
            else:
                again += 1
        return firsts, again

    def done(self) -> list[LlmSequence]:
        """Return the sequences that have all their tokens."""
        served = (*self.decodes, *(sequence for sequence, _ in self.chunks))
        return [sequence for sequence in served if sequence.generated >= sequence.output]
