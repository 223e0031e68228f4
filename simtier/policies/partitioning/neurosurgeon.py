"""The best split for the links as they are now."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from simtier.contract import HopView, Partitioning, RequestView, SplitView, TierView


class Neurosurgeon(Partitioning):
    """Cut where the predicted latency, or the energy, of this request is least.

    Kang et al., "Neurosurgeon: collaborative intelligence between the cloud and mobile edge", ASPLOS 2017, section 5 and
    algorithm 1, for any number of tiers: the exact minimum over all splits, found from the last tier inwards in
    O(layers x tiers) (dynamic programming: the best continuation from layer c on tier k does not depend on how it got there).

    If tier k is the last to run layers, the data crosses hops 0..k; hop j carries what crosses the cut before tier j, so a
    tier without layers is passed through; the result comes back over `returns[k]`. Each crossing costs its latency once,
    plus bytes / rate; bytes over a hop of rate 0 cost infinity, whatever the objective.

    Of equal splits the one that keeps most layers near the request is taken: tiers farther out are shared.

    The energy is that of all tiers and hops (the paper counts the mobile device's only): power above idle x layer time, and
    joules per byte x bytes. It is asked for each request, because tiers' queues change without any link changing.
    """

    sees_only_own: ClassVar[bool] = True
    keeps_apart: ClassVar[bool] = True
    objective: Literal["latency", "energy"] = "latency"
    """What is made least."""
    load_factor: Annotated[float, Field(ge=0)] = 0.0
    """How much each request already at a tier's replica stretches its time, for the latency: x (1 + load_factor x queued)."""

    def split(self, request: RequestView, path: SplitView) -> Sequence[int]:
        """Return the cuts of least cost."""
        crossing = path.crossing_bytes
        layers = len(crossing) - 1
        # onward[c]: the least cost of all that follows when layers before c have run on the tiers nearer than this one.
        onward = [math.inf] * layers
        ends: list[list[int]] = []
        for tier, hop, back in zip(reversed(path.tiers), reversed(path.hops), reversed(path.returns), strict=True):
            cost, end = self._moving(back, crossing[layers:])[0], layers
            here, end_from = [0.0] * layers, [layers] * (layers + 1)
            times, weight = tier.layer_s, self._weight(tier)
            for c in range(layers - 1, -1, -1):
                cost += weight * times[c]
                if onward[c] < cost:
                    cost, end = onward[c], c
                here[c], end_from[c] = cost, end
            onward = [move + rest for move, rest in zip(self._moving(hop, crossing), here, strict=False)]
            ends.append(end_from)
        if layers and math.isinf(onward[0]):  # no split ever ends: all are equal
            return [layers] * (len(ends) - 1)
        cuts, c = [], 0
        for end_from in reversed(ends):
            c = end_from[c]
            cuts.append(c)
        return cuts[:-1]

    def _weight(self, tier: TierView) -> float:
        """Return the cost of one second of layer time on `tier`."""
        return tier.active_w if self.objective == "energy" else 1.0 + self.load_factor * tier.queued

    def _moving(self, hop: HopView, crossing: Sequence[float]) -> list[float]:
        """Return the cost of moving each number of bytes over `hop`."""
        rate = hop.rate_bytes_per_s
        fixed = 0.0 if self.objective == "energy" else hop.latency_s
        if rate <= 0.0:
            return [math.inf if nbytes > 0.0 else fixed for nbytes in crossing]
        if self.objective == "energy":
            return [hop.joules_per_byte * nbytes for nbytes in crossing]
        return [fixed + nbytes / rate for nbytes in crossing]
