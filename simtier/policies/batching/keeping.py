"""What several engines have in common: going on with what runs, and blocks kept for the longest answer."""

from __future__ import annotations

from collections.abc import Iterable

from simtier.contract import EngineView, Plan, SequenceView


def keep(
    plan: Plan, running: Iterable[SequenceView], budget: int | None = None, piece: int = 0, *, swap: bool = False
) -> tuple[list[SequenceView], int]:
    """Plan the sequences that run, in order; the last ones are preempted as long as blocks are missing.

    Args:
        plan: gets the tokens, and who is preempted.
        running: who runs, the first to be preempted last.
        budget: most tokens of them all; None for no bound.
        piece: most tokens of each; 0 for no bound.
        swap: whether who is preempted goes to the host's memory.

    Returns those that still run, and what is left of the budget.
    """
    kept = list(running)
    place, left = plan.run_each(kept, sum(sequence.pending for sequence in kept) if budget is None else budget, piece)
    while place < len(kept) and left > 0:
        sequence = kept[place]
        number = min(sequence.pending, left, piece or left)
        while not plan.run(sequence, number):
            last = kept.pop()
            plan.preempt(last, swap=swap)
            if last is sequence:
                break
        else:
            left -= number
        place += 1
    return kept, left


def longest(engine: EngineView, sequence: SequenceView, untold: int) -> int:
    """Return the tokens that a sequence may have in the end, prompt and answer; never more than the engine's context.

    A client that names no bound, or one beyond the context, counts for `untold` tokens of answer; if that is 0, for the whole context.
    """
    answer = sequence.most if sequence.most <= engine.context else untold or engine.context
    return min(sequence.prompt + max(answer, sequence.generated + 1), engine.context)


def blocks_of(engine: EngineView, tokens: int) -> int:
    """Return the blocks that so many tokens fill, at most all."""
    return min(-(-tokens // engine.block_tokens), engine.blocks_total)
