"""Engines without room borrow blocks of those that have some left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from simtier.contract import Balancing, EngineReplicaView, Loan, ServiceView, SiteView, Step, runs_engine


class InfiniteLlm(Balancing):
    """A replica that is short of blocks, and whose batch is small, borrows from the one with the most free, as long as that stays below its limit.

    It gives back what it has free beyond twice `spare` of all its blocks (assumed; the paper's blocks go back when their sequence ends).

    Debtors are taken in order of their batches, the smallest first: there one more sequence adds most. Each gets blocks until it has `spare` of its
    own number free, or no creditor has any to give.

    Source: Infinite-LLM (Lin et al., 2024, arXiv 2401.02669, section 5 and algorithm 1), which searches the number of blocks that maximises the modelled
    throughput of both; here the limits stand for that search.
    """

    sees_only_own: ClassVar[bool] = True
    batch: Annotated[int, Field(ge=1)] = 64
    """Batch below which a replica may be a debtor; assumed."""
    full: Annotated[float, Field(gt=0, lt=1)] = 0.9
    """Share of blocks in use, and wanted by waiting prompts, from which a replica is short of them; assumed."""
    idle: Annotated[float, Field(gt=0, lt=1)] = 0.7
    """Share of blocks in use up to which a replica lends; assumed."""
    spare: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Share of its blocks that a debtor should have free; assumed."""

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        """Begin without loans."""
        self._lent: dict[tuple[int, int], int] = {}

    def balance(self, service: ServiceView) -> Sequence[Step]:
        """Return the loans."""
        replicas = [each for each in service.replicas if runs_engine(each)]
        debtors = [
            each
            for each in replicas
            if each.state == "ready" and each.running < self.batch and _wanted(each) > self.full * each.blocks_total
        ]
        creditors = {
            each: int(each.blocks_free - (1 - self.idle) * each.blocks_total)
            for each in replicas
            if each not in debtors and each.state == "ready"
        }
        loans: list[Step] = self._returns(replicas)
        for debtor in sorted(debtors, key=lambda each: (each.running, each.id)):
            needs = int(_wanted(debtor) - (1 - self.spare) * debtor.blocks_total) + 1
            for creditor in sorted(creditors, key=lambda each: (-creditors[each], each.id)):
                blocks = min(needs, creditors[creditor])
                if blocks > 0:
                    loans.append(Loan(creditor, debtor, blocks))
                    self._lent[creditor.id, debtor.id] = self._lent.get((creditor.id, debtor.id), 0) + blocks
                    creditors[creditor] -= blocks
                    needs -= blocks
        return loans

    def _returns(self, replicas: Sequence[EngineReplicaView]) -> list[Step]:
        """Return what debtors give back."""
        by_id = {each.id: each for each in replicas}
        back: list[Step] = []
        for (lender, borrower), lent in list(self._lent.items()):
            if lender not in by_id or borrower not in by_id:
                del self._lent[lender, borrower]
                continue
            debtor = by_id[borrower]
            blocks = min(lent, int((1 - 2 * self.spare) * debtor.blocks_total - _wanted(debtor)))
            if blocks > 0:
                back.append(Loan(by_id[lender], debtor, -blocks))
                self._lent[lender, borrower] -= blocks
        return back


def _wanted(replica: EngineReplicaView) -> float:
    """Return the blocks that are in use, or that waiting prompts will need."""
    return replica.blocks_total - replica.blocks_free + replica.queued_tokens / replica.block_tokens
