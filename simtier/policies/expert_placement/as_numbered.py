"""Experts in the order of their numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from simtier.contract import ExpertLoadView, ExpertPlacement


class AsNumbered(ExpertPlacement):
    """Put expert 0 first, and begin anew with copies when all are there, whatever they had to do: no balancing."""

    def place_experts(self, load: ExpertLoadView) -> Sequence[Sequence[int]]:
        """Return the same order for each layer."""
        layers, experts = load.tokens.shape
        row = (np.arange(load.slots) % experts).tolist()
        return [row] * layers
