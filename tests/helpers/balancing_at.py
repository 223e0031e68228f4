"""Policies that move, lend and route as a test tells them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from simtier.contract import Balancing, Loan, Move, ReplicaView, RequestView, Routing, ServiceView, SiteView, Step


class MoveAt(Balancing):
    """Moves the first decoding sequence of the first replica to the second, from the tick at `at` seconds on, `times` times at most."""

    every: float = 0.5
    at: float = 2.5
    times: int = 1

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        self._site, self._left = site, self.times

    def balance(self, service: ServiceView) -> Sequence[Step]:
        source, target = service.replicas[:2]
        decoding = [each for each in source.sequences if each.generated]  # type: ignore[attr-defined]  # it runs an engine
        if self._site.now_s < self.at or not decoding or not self._left:
            return []
        self._left -= 1
        return [Move(decoding[0], source, target)]  # type: ignore[arg-type]  # as above


class LendAt(Balancing):
    """Has every other replica lend the first `blocks[k]` at `times[k]` seconds."""

    every: float = 0.5
    times: tuple[float, ...] = (0.5,)
    blocks: tuple[int, ...] = (4,)

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        self._site = site

    def balance(self, service: ServiceView) -> Sequence[Step]:
        borrower, *lenders = service.replicas
        return [
            Loan(lender, borrower, blocks)  # type: ignore[arg-type]  # they run engines
            for time, blocks in zip(self.times, self.blocks, strict=True)
            if time == self._site.now_s
            for lender in lenders
        ]


class First(Routing):
    """Sends everything to the first replica."""

    def choose(self, request: RequestView, replicas: Sequence[ReplicaView]) -> ReplicaView:
        return replicas[0]
