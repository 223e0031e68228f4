"""Prompts and tokens side by side on the same accelerators, each with a share of their arithmetic: disaggregation within a device.

Two engines have one copy of the weights and one set of blocks: one computes prompts, then the sequence goes on in the other without anything
being moved. A share x of the arithmetic makes what is bound by it 1 / x times as long; memory bandwidth is reached in full from a
share of one half on. While both run, an engine has what the other leaves: the other takes of the arithmetic its share, times the part of its
iteration that arithmetic takes (by how much shorter it would be with any amount of it), and of the bandwidth likewise; but an engine has
no less than in proportion to the shares, and no less than half of the bandwidth.

Source: semi-PD (Hong et al., 2025, arXiv 2504.19867): unified storage, shares by MPS percentages that may overlap, by default 80 % for prompts and
100 % for tokens. How the two disturb each other is assumed: the paper measures it, and gives no formula.
Assumptions: the course of bandwidth over shares is a straight line up to one half; what the other engine does is seen at the begin of an
iteration, to a hundredth; a change of shares holds from the next iteration on and takes `switch_s` of each engine's time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf

from simtier.models.llm.engine import Engine
from simtier.models.llm.lanes import Lanes
from simtier.models.llm.sequence import LlmSequence
from simtier.models.llm.work import Chunk, IterationCost

CostOf = Callable[[float, float], IterationCost]
"""Returns what iterations take with shares of the accelerators' arithmetic and of their bandwidth."""
_ENOUGH = 0.5
"""Share of the arithmetic that reaches all of the bandwidth."""


class SharedDevice(Lanes):
    """An engine for prompts and one for tokens.

    Args:
        make: makes an engine, given what is called with each sequence that ends there.
        cost_of: what iterations take with shares of the accelerators.
        ended: called with each sequence that has all its tokens, or goes on elsewhere.
        shares: of prompts and of tokens.
        switch_s: what a change of shares takes.

    Attributes:
        prompts, tokens: the engines.
    """

    def __init__(
        self,
        make: Callable[[Callable[[LlmSequence], object]], Engine],
        cost_of: CostOf,
        ended: Callable[[LlmSequence], object],
        shares: tuple[float, float],
        switch_s: float = 0.0,
    ) -> None:
        self.prompts, self.tokens = make(self._computed), make(ended)
        super().__init__((self.prompts, self.tokens))
        self._cost_of = cost_of
        self._ended = ended
        self._switch_s = switch_s
        self._costs: dict[tuple[float, float], IterationCost] = {}
        self._needs = {self.prompts: (0.0, 0.0), self.tokens: (0.0, 0.0)}
        self._switching = {self.prompts: 0.0, self.tokens: 0.0}
        self.shares = shares

    def change(self, shares: tuple[float, float]) -> None:
        """Divide the arithmetic in another way from the next iterations on."""
        if shares != self.shares:
            self.shares = shares
            self._switching = dict.fromkeys(self._switching, self._switch_s)

    def join(self, sequence: LlmSequence) -> None:
        if sequence.total > 1:
            sequence.output = 1
            if not sequence.kept:
                sequence.kept = sequence.stays = True
        self.joined(sequence)
        self.prompts.join(sequence)

    def deliver(self, sequence: LlmSequence) -> None:
        self.joined(sequence)
        self.tokens.deliver(sequence)

    def _computed(self, sequence: LlmSequence) -> None:
        """Let a sequence decode whose prompt is computed, unless it does that elsewhere."""
        if not sequence.stays:
            self._ended(sequence)
            return
        sequence.kept = sequence.stays = False
        sequence.output = sequence.total
        self.keeps_its_claim(sequence)
        self.tokens.deliver(sequence)

    def end_s(self, engine: Engine, pieces: Sequence[Chunk], decodes: int, contexts: int) -> float:
        """Run with the engine's share, or with what the other leaves of it."""
        other = self.tokens if engine is self.prompts else self.prompts
        own, others = self.shares if engine is self.prompts else self.shares[::-1]
        work = (pieces, decodes, contexts)
        full = min(1.0, own / _ENOUGH)
        slower = self.slower(*work)
        alone_s = self._cost(own, full).seconds(*work)
        self._needs[engine] = (
            1 - self._cost(inf, full).seconds(*work) / alone_s,
            1 - self._cost(own, inf).seconds(*work) / alone_s,
        )
        switch_s, self._switching[engine] = self._switching[engine], 0.0
        if not other.busy:
            return self.clock.now + switch_s + slower * alone_s
        arithmetic, traffic = self._needs[other]
        compute = min(own, max(own / (own + others), 1 - others * arithmetic))
        bandwidth = min(full, max(0.5, 1 - traffic))
        return self.clock.now + switch_s + slower * self._cost(round(compute, 2), round(bandwidth, 2)).seconds(*work)

    def _cost(self, compute: float, bandwidth: float) -> IterationCost:
        cost = self._costs.get((compute, bandwidth))
        if cost is None:
            cost = self._costs[compute, bandwidth] = self._cost_of(compute, bandwidth)
        return cost
