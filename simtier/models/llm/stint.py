"""What an engine does between two plans: one iteration with pieces of prompts, or a stretch of iterations in which sequences decode."""

from __future__ import annotations

from collections.abc import Callable, Container

from simtier.contract.iterations import Plan
from simtier.models.llm.blocks import Blocks
from simtier.models.llm.sequence import LlmSequence
from simtier.models.llm.stretch import Stretch
from simtier.models.llm.work import Chunk


class Stint:
    """Sequences that are computed together, from the begin to the end of what was planned.

    Attributes:
        decodes: sequences that get a token in each iteration.
        chunks: sequences of whose prompt a piece is computed, each with its tokens.
        pieces: what these take time for: the tokens, and those before them.
        contexts: sum of the contexts of `decodes` in the first iteration.
        stretch: the iterations, if only decodes run; None for one with prompts.
        begin_s: when the first began.
        held: blocks held then.
        held_before: block-seconds held while nothing ran, since what was done before.
    """

    __slots__ = (
        "_held",
        "_since_s",
        "begin_s",
        "chunks",
        "contexts",
        "decodes",
        "held",
        "held_before",
        "pieces",
        "stretch",
    )

    def __init__(self) -> None:
        self.decodes: list[LlmSequence] = []
        self.chunks: list[tuple[LlmSequence, int]] = []
        self.pieces: list[Chunk] = []
        self.contexts = 0
        self.stretch: Stretch | None = None
        self.begin_s = 0.0
        self.held = 0
        self.held_before = 0.0
        self._held = 0
        self._since_s = 0.0

    def idles(self, now: float, blocks: Blocks | None = None) -> None:
        """Note what is held while nothing runs; without `blocks`, that something does from now on."""
        self.held_before += self._held * (now - self._since_s)
        self._held, self._since_s = (blocks.total - blocks.free if blocks is not None else 0), now

    def take_in(
        self, plan: Plan, running: Container[LlmSequence], admit: Callable[[LlmSequence], object]
    ) -> tuple[list[LlmSequence], bool]:
        """Take what was planned; return those that come back from the host's memory, and whether any did not run before.

        In the latter case others may find what those who join hold, so that the policy is to be asked again after one iteration.
        """
        chunks, decodes, pieces, contexts = self.chunks, self.decodes, self.pieces, 0
        returned: list[LlmSequence] = []
        joined = False
        chunks.clear()
        decodes.clear()
        pieces.clear()
        for view, tokens in plan.tokens.items():
            sequence: LlmSequence = view  # type: ignore[assignment]  # views of sequences are the sequences
            if sequence not in running:
                admit(sequence)
                joined = True
                if sequence.swapped:
                    returned.append(sequence)
            computed = sequence.computed
            if (
                sequence.generated and sequence.prompt + sequence.generated - computed == 1
            ):  # `pending`, without the call
                decodes.append(sequence)
                contexts += computed + 1
            else:
                chunks.append((sequence, tokens))
                pieces.append((max(tokens, plan.padded), computed))
        self.contexts = contexts
        return returned, joined

    def cut(self, now: float) -> bool:
        """Take only the iterations that have ended by now, at the end of a run; return whether there are any."""
        done = self.ended(now - self.begin_s)
        if done and self.stretch is not None:
            self.stretch.cut(done)
        return done > 0

    @property
    def tokens(self) -> int:
        """Tokens that each iteration computes."""
        return len(self.decodes) + sum(tokens for _, tokens in self.chunks)

    def going_on(self) -> list[LlmSequence]:
        """Return the sequences whose prompt ends here, and which go on elsewhere."""
        return [
            sequence
            for sequence, tokens in self.chunks
            if sequence.kept and not sequence.stays and tokens == sequence.pending
        ]

    def owed(self, elapsed_s: float, blocks: Blocks) -> int:
        """Return the blocks that decodes will hold when the iteration under way ends, `elapsed_s` after the begin, and do not yet."""
        number = 1 if self.stretch is None else self.stretch.under_way(elapsed_s)
        return sum(blocks.needed(sequence, number) for sequence in self.decodes)

    def ended(self, elapsed_s: float) -> int:
        """Return how many iterations of the stretch have ended `elapsed_s` after its begin."""
        if self.stretch is None:
            return 0
        number = self.stretch.under_way(elapsed_s)
        return number if self.stretch.until(number) <= elapsed_s else number - 1

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
            self.held_before,
        )
        self.held_before = 0.0
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
