"""Copies of the busiest experts, dealt out back and forth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from simtier.contract import ExpertLoadView, ExpertPlacement
from simtier.policies.expert_placement.copies import with_copies


class Serpentine(ExpertPlacement):
    """Copy as `greedy`, then sort the copies and deal them to the accelerators back and forth: no search, all layers at once.

    Source: the rule that automated search found for this problem: Cheng et al., "Barbarians at the Gate: How AI is Upending Systems Research",
    2025, arXiv 2510.06189, its case of expert-parallel load balancing; written from the description.
    """

    def place_experts(self, load: ExpertLoadView) -> Sequence[Sequence[int]]:
        """Return the experts by slot, layer by layer."""
        which, tokens = with_copies(load.tokens, load.slots)
        rounds = load.slots // load.accelerators
        dealt = np.arange(load.slots).reshape(rounds, load.accelerators)
        dealt[1::2] = dealt[1::2, ::-1]
        order = np.argsort(-tokens, axis=1, kind="stable")[:, dealt.T.ravel()]
        placed: list[list[int]] = np.take_along_axis(which, order, axis=1).tolist()
        return placed
