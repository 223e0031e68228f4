"""vLLM's scheduler from version 1 on: one budget of tokens for decodes and pieces of prompts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, ClassVar

from pydantic import Field

from simtier.contract import EngineView, IterationBatching, Plan, SequenceView
from simtier.policies.batching.keeping import keep
from simtier.units import Seconds


class VllmV1(IterationBatching):
    """Running sequences first, then waiting ones in order, each as many of its pending tokens as the budget leaves.

    When blocks are missing the sequence admitted last is preempted, and computed again later; in such an iteration none is admitted.

    Source: vLLM 0.8 to 0.19, `vllm/v1/core/sched/scheduler.py`. The defaults are those of its API server on accelerators with less than 70 GiB and on the
    A100; on larger ones (H100) it takes 8192 tokens and 1024 sequences. `whole` came with 0.19. Speculative tokens, encoders and adapters
    are left out. Its priorities are the policy `priority`.
    """

    sees_only_own: ClassVar[bool] = True
    tokens: Annotated[int, Field(ge=1)] = 2048
    """Most tokens of an iteration (`max_num_batched_tokens`)."""
    sequences: Annotated[int, Field(ge=1)] = 256
    """Most sequences that run (`max_num_seqs`)."""
    chunked: bool = True
    """Whether prompts are computed in pieces (`enable_chunked_prefill`); if not, a prompt runs only in an iteration whose budget holds all of it,
    and a longer one alone."""
    piece: Annotated[int, Field(ge=0)] = 0
    """Most tokens of one prompt in an iteration (`long_prefill_token_threshold`); 0 for no bound but the budget."""
    whole: bool = True
    """Whether a sequence is only admitted if blocks for all of its prompt are free (`scheduler_reserve_full_isl`)."""
    drop_late: Annotated[Seconds, Field(ge=0)] | None = None
    """Reject a waiting sequence if, when its turn comes, its prompt computed alone would end less than this before its target for the first
    token. No option of vLLM. Not given, none is rejected, and under overload late requests make all behind them late; 0 lets in what
    decodes beside it will make late."""

    def plan(self, engine: EngineView) -> Plan:
        """Return as many tokens as fit the budget and the blocks."""
        plan = Plan(engine)
        running, budget = keep(plan, self.ranked(engine.running), self.tokens, self.piece)
        if plan.preempted:
            plan.iterations = 1  # the next one may admit again
            return plan
        number = len(running)
        for sequence in self.ranked(engine.waiting):
            pending = sequence.pending
            if (
                self.drop_late is not None
                and not sequence.generated
                and self._is_late(engine, sequence, self.drop_late)
            ):
                plan.reject(sequence)
                continue
            tokens = min(pending, self.piece or pending)
            if tokens > budget and (self.chunked or number):
                tokens = budget if self.chunked else 0
            if tokens <= 0 or number == self.sequences:
                break
            if self.whole and engine.blocks_for(sequence, pending) > plan.free:
                break
            if not plan.run(sequence, tokens):
                plan.iterations = (
                    1  # a piece may fit that begins elsewhere, when what was found in the cache has given way
                )
                break
            number += 1
            budget -= tokens
        return plan

    @staticmethod
    def _is_late(engine: EngineView, sequence: SequenceView, before_s: float) -> bool:
        return engine.now_s + engine.alone_s(sequence) + before_s > sequence.first_by_s

    def ranked(self, sequences: Iterable[SequenceView]) -> Iterable[SequenceView]:
        """Return who is served first, and preempted last: who came first."""
        return sequences
