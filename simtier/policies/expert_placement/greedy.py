"""Copies of the busiest experts, the heaviest first to where there is least."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from simtier.contract import ExpertLoadView, ExpertPlacement
from simtier.policies.expert_placement.copies import Floats, Whole, with_copies
from simtier.policies.expert_placement.packing import packed


class Greedy(ExpertPlacement):
    """Copy the expert with the most tokens a copy, one by one, then put the heaviest copy where there is least so far.

    Source: github deepseek-ai/EPLB, README, its global load balancing; used as described in DeepSeek-AI, "DeepSeek-V3 Technical Report", 2024, arXiv
    2412.19437, section 3.4: loads of the last minutes say what is placed next. Two copies of an expert may come to lie on one accelerator.
    """

    def place_experts(self, load: ExpertLoadView) -> Sequence[Sequence[int]]:
        """Return the experts by slot, layer by layer."""
        placed: list[list[int]] = spread(*with_copies(load.tokens, load.slots), load.accelerators).tolist()
        return placed


def spread(which: Whole, tokens: Floats, accelerators: int) -> Whole:
    """Return `which`, experts by layer and copy, in the order of the slots that the copies get."""
    orders = [
        [number for place in packed(row, accelerators) for number in place]  # no two places share a slot
        for row in tokens.tolist()
    ]
    return np.take_along_axis(which, np.array(orders), axis=1)
