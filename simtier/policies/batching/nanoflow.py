"""NanoFlow: a dense batch of a fixed number of tokens, as large as pays off when operations overlap."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from simtier.contract import EngineView
from simtier.contract.iterations import Plan
from simtier.policies.batching.sarathi import Sarathi


class Nanoflow(Sarathi):
    """All decodes, then pieces of prompts, up to the dense batch; who waits is admitted only if answers as long as expected would fit beside.

    The gain lies in how an iteration is executed, which the model's `overlap` says; this rule makes the batch for it.

    Source: Zhu et al., OSDI 2025, section 4.3 (batches of 2,048 tokens for Llama-2-70B on eight A100; memory foreseen by the mean length of
    answers). Left out: forming the next batch while one runs, and keys and values in the host's memory and on disks.
    """

    sees_only_own: ClassVar[bool] = True
    tokens: Annotated[int, Field(ge=1)] = 2048
    """Tokens of an iteration (dense batch)."""
    sequences: Annotated[int, Field(ge=1)] = 2048
    """Most sequences that run."""
    answer: Annotated[int, Field(ge=0)] = 0
    """Tokens of an answer that are expected, and for which blocks are left free for all that run; 0: none are."""

    def _admit(self, plan: Plan, engine: EngineView, budget: int) -> None:
        """Plan first pieces of prompts while the blocks of expected answers would be free."""
        number, size = len(engine.running), engine.block_tokens
        spare = int(self.watermark * engine.blocks_total)
        owed = sum(max(0, self.answer - each.generated) for each in engine.running) // size if self.answer else 0
        for sequence in engine.waiting:
            piece = min(sequence.pending, budget)
            if piece <= 0 or number == self.sequences:
                break
            later = engine.blocks_for(sequence, sequence.pending) - engine.blocks_for(sequence, piece)
            owed += self.answer // size
            if not plan.run(sequence, piece, spare=later + (spare + owed if number else 0)):
                break
            budget -= piece
            number += 1
