"""Experts of a mixture, spread whole over accelerators: how much of an iteration falls to the one with the busiest experts.

A token goes to k experts of a layer, to expert e with probability q_e (all q_e together are k); popularity is skewed if they differ. An accelerator
with the experts D gets sum over D of q_e visits of a token, and of T tokens meets sum over D of 1 - (1 - q_e)^T experts, whose weights it reads. A
layer lasts as long as its busiest accelerator. Of an expert with r copies each gets q_e / r.

`balanced` copies and places as DeepSeek's load balancer does (github deepseek-ai/EPLB): a copy more, one by one, of the expert whose copies have
the highest load, then the heaviest first to the accelerator with the least load that has a slot left.
Assumptions: tokens choose independently; popularity is known to the placement and does not drift.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush

import numpy as np

from simtier.models.llm.shape import Experts
from simtier.models.llm.work import Floats


class Loads:
    """What falls to the busiest accelerator of each layer.

    Args:
        shares: for each layer, accelerator and slot the probability that a token visits it; 0 for an empty slot.
    """

    def __init__(self, shares: Floats) -> None:
        self._missed = np.log1p(-np.minimum(shares, 1 - 1e-12))
        of_device = shares.sum(axis=2)
        self.devices = shares.shape[1]
        self.visits = float(of_device.max(axis=1).mean())
        """Visits of one token at the busiest accelerator, mean over layers."""
        self.imbalance = self.visits / float(of_device.mean())
        """Load of the busiest accelerator over the mean."""

    def met(self, tokens: int) -> float:
        """Return how many of its experts the accelerator that meets most of them meets with so many tokens, mean over layers."""
        met = 1 - np.exp(tokens * self._missed)
        return float(met.sum(axis=2).max(axis=1).mean())


def even_loads(experts: Experts, devices: int, redundant: int = 0) -> Loads:
    """Return the loads of experts that are all equally popular."""
    probabilities = np.full((1, experts.number), experts.active / experts.number)
    return Loads(placed(probabilities, devices, redundant, balanced=True))


def skewed_loads(
    experts: Experts,
    devices: int,
    cv: float,
    layers: int,
    rng: np.random.Generator,
    *,
    redundant: int = 0,
    balanced: bool = False,
) -> Loads:
    """Return the loads of experts whose popularity is log-normal with this CV, drawn anew for each layer.

    Args:
        experts: of the model.
        devices: accelerators over which they are spread.
        cv: standard deviation of popularity over its mean.
        layers: with experts.
        rng: random numbers.
        redundant: further copies of experts, in each layer.
        balanced: place them by load, not in order.
    """
    sigma = np.sqrt(np.log1p(cv**2))
    drawn = rng.lognormal(0.0, sigma, (layers, experts.number))
    return Loads(placed(probabilities(drawn, experts.active), devices, redundant, balanced=balanced))


def probabilities(popularity: Floats, active: int) -> Floats:
    """Return the probability of each expert to be among the `active` of a token: in proportion to popularity, but at most 1; by layer."""
    found = np.zeros_like(popularity)
    for row, weights in zip(found, popularity, strict=True):
        certain = np.zeros(len(weights), dtype=bool)
        while True:  # ends: each round makes another one certain
            left = active - certain.sum()
            row[:] = np.where(certain, 1.0, weights * left / max(weights[~certain].sum(), 1e-300))
            over = row > 1.0
            if not over.any():
                break
            certain |= over
    return found


def placed(chances: Floats, devices: int, redundant: int, *, balanced: bool) -> Floats:
    """Return the probabilities by layer, accelerator and slot, for `Loads`; in order of the experts, or by load.

    Raises ValueError for more accelerators than experts and copies.
    """
    layers, number = chances.shape
    if devices > number + redundant:
        raise ValueError(f"{number} experts and {redundant} copies are too few for {devices} accelerators")
    slots = -(-(number + redundant) // devices)
    found = np.zeros((layers, devices, slots))
    for layer, row in enumerate(chances):
        copies = _copied(row, redundant)
        if balanced:
            _pack(found[layer], sorted(copies, reverse=True))
        else:
            for place, share in enumerate(copies):  # the first accelerators have one more, if it does not come out even
                device = place * devices // len(copies)
                found[layer, device, int(np.count_nonzero(found[layer, device]))] = share
    return found


def _copied(chances: Floats, redundant: int) -> list[float]:
    """Return the load of each copy, copies of one expert side by side."""
    copies = [1] * len(chances)
    heap = [(-float(chance), expert) for expert, chance in enumerate(chances)]
    heapify(heap)
    for _ in range(redundant):
        _, expert = heappop(heap)
        copies[expert] += 1
        heappush(heap, (-float(chances[expert]) / copies[expert], expert))
    return [float(chance) / number for chance, number in zip(chances, copies, strict=True) for _ in range(number)]


def _pack(slots: Floats, loads: list[float]) -> None:
    """Put loads, the heaviest first, where there is least so far."""
    devices, room = slots.shape
    heap = [(0.0, device, 0) for device in range(devices)]
    for load in loads:
        held, device, used = heappop(heap)
        slots[device, used] = load
        if used + 1 < room:
            heappush(heap, (held + load, device, used + 1))
