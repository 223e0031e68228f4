"""Policies that claims about memory are measured with."""

from __future__ import annotations

from collections.abc import Sequence

from simtier.contract import Balancing, Loan, ReplicaView, RequestView, Routing, ServiceView, Step, runs_engine


class LendAll(Balancing):
    """Every replica lends the first one all its free blocks."""

    def balance(self, service: ServiceView) -> Sequence[Step]:
        """Return the loans."""
        engines = [each for each in service.replicas if runs_engine(each)]
        borrower, *lenders = sorted(engines, key=lambda each: each.id)
        return [Loan(each, borrower, each.blocks_free) for each in lenders if each.blocks_free]


class First(Routing):
    """The first replica gets everything."""

    def choose(self, request: RequestView, replicas: Sequence[ReplicaView]) -> ReplicaView:  # noqa: ARG002 - the contract passes it
        """Return it."""
        return min(replicas, key=lambda each: each.id)
