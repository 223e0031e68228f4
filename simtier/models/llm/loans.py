"""Blocks that one replica lends another, and what attending to them there costs both.

Source: Infinite-LLM (Lin et al., 2024, arXiv 2401.02669, sections 4 and 5): keys and values of a sequence may lie on any instance; a query
goes there and the partial result comes back, a few kilobytes.
Assumptions: what a borrower holds lies on its own and on lent blocks in proportion to how many there are; lender and borrower read at
the same time; the messages of a layer are one there and one back for each lender, all lenders at once; a lender reads for its borrowers in each
of its own iterations what they hold there. A loan counts as a request in flight at both, so that neither ends while it lasts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from simtier.models.llm.work import Chunk, Floats, IterationCost

if TYPE_CHECKING:
    from simtier.models.llm.replica import LlmReplica


class LoanedCost:
    """Iteration times of an engine that keeps a part of its contexts elsewhere, or reads those of others.

    Args:
        cost: without loans.
        share: of its blocks that are its own.
        fixed_s, decode_s: what the messages of an iteration take: fixed, and for each decode.
        more: tokens of others to read in each iteration.
    """

    def __init__(self, cost: IterationCost, share: float, fixed_s: float, decode_s: float, more: float) -> None:
        self._cost, self._share, self._fixed_s, self._decode_s, self._more = cost, share, fixed_s, decode_s, more

    def seconds(self, chunks: Sequence[Chunk], decodes: int, contexts: float) -> float:
        """Return what an iteration takes; see `IterationCost`."""
        own = self._cost.seconds(chunks, decodes, contexts * self._share + (self._more if decodes else 0.0))
        return own + self._fixed_s + self._decode_s * decodes

    def line(self, decodes: int) -> tuple[float, float] | None:
        """Return (a, b): decodes take a + b contexts."""
        line = self._cost.line(decodes)
        if line is None:
            return None
        a, b = line
        return a + b * self._more + self._fixed_s + self._decode_s * decodes, b * self._share

    def times(self, decodes: int, contexts: float, iterations: int) -> Floats:
        """Return what iterations take one after the other."""
        first = contexts * self._share + self._more
        several = self._cost.times(decodes, first, iterations)
        return np.asarray(several + self._fixed_s + self._decode_s * decodes)


class Loans:
    """The loans among the replicas of one service.

    Args:
        layers: of the model.
        query_bytes: of a query, and of a partial result, of one token in one layer.
    """

    def __init__(self, layers: int, query_bytes: float) -> None:
        self._layers = layers
        self._query_bytes = query_bytes
        self._lent: dict[tuple[LlmReplica, LlmReplica], int] = {}
        self._costs: dict[LlmReplica, IterationCost] = {}

    def lend(self, lender: LlmReplica, borrower: LlmReplica, blocks: int) -> bool:
        """Lend so many blocks, or below zero give back as many of them as are lent and free; return False if nothing is done.

        Only all of `blocks` are lent or none, between replicas that are ready; and each sequence that is there must still fit.
        """
        key = (lender, borrower)
        lent = self._lent.get(key, 0)
        giver = lender if blocks > 0 else borrower
        free = giver.engine.blocks.free - giver.engine.owed()
        if blocks < 0:
            blocks = -min(-blocks, lent, max(0, free))
        elif blocks > free or not lender.state == borrower.state == "ready":
            return False
        if not blocks or not _can_spare(giver, abs(blocks)):
            return False
        lent += blocks
        lender.engine.blocks.lend(borrower.engine.blocks, blocks)
        self._lent[key] = lent
        begins, ends = lent == blocks, not lent
        for replica in key:
            replica.engine.cut_short()
            self._change_cost(replica)
        for replica in key:
            replica.in_flight += begins - ends
            replica.engine.look_again()
            if ends:
                replica.has_less()
        return True

    def recall(self) -> None:
        """Have replicas that drain give back what is free of their loans, and get back what they have lent."""
        for (lender, borrower), lent in list(self._lent.items()):
            if "draining" in (lender.state, borrower.state):
                self.lend(lender, borrower, -lent)

    def _change_cost(self, replica: LlmReplica) -> None:
        """Have a replica's iterations take what its loans make of them."""
        engine = replica.engine
        plain = self._costs.setdefault(replica, replica.draw.cost)
        borrowed = {lender: number for (lender, to), number in self._lent.items() if to is replica and number}
        lent = sum(number for (lender, _), number in self._lent.items() if lender is replica)
        ways = [replica.moving.way_to(lender) for lender in borrowed]
        latency_s = max((way.latency_s for way in ways), default=0.0)
        byte_s = max((1 / way.rate_bytes_per_s() for way in ways), default=0.0)
        share = 1 - sum(borrowed.values()) / engine.blocks.total if borrowed else 1.0  # it may have lent all it had
        messages = 2 * self._layers
        replica.draw.change_cost(
            LoanedCost(
                plain, share, messages * latency_s, messages * byte_s * self._query_bytes, lent * engine.blocks.tokens
            )
        )


def _can_spare(replica: LlmReplica, blocks: int) -> bool:
    """Return whether each sequence of a replica fits into what it has without so many blocks; else it would wait for ever."""
    engine = replica.engine
    sequences = (*engine.running, *engine.waiting, *replica.moving.coming())
    longest = max((each.prompt + each.output for each in sequences), default=0)
    return longest <= (engine.blocks.total - blocks) * engine.blocks.tokens
