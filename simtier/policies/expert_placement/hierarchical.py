"""Groups of experts to nodes first, then copies and accelerators within each node."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from simtier.contract import ExpertLoadView, ExpertPlacement
from simtier.policies.expert_placement.copies import with_copies
from simtier.policies.expert_placement.greedy import spread
from simtier.policies.expert_placement.packing import packed


class Hierarchical(ExpertPlacement):
    """Pack whole groups into nodes by load, then do on each node what `greedy` does on all: tokens of a group cross to one node only.

    Source: github deepseek-ai/EPLB, README, its hierarchical load balancing. Where the nodes do not divide the groups, or the slots, it
    places as `greedy`, as is said there.
    """

    def place_experts(self, load: ExpertLoadView) -> Sequence[Sequence[int]]:
        """Return the experts by slot, layer by layer."""
        nodes, (layers, experts) = load.nodes, load.tokens.shape
        if load.groups % nodes or experts % load.groups or load.accelerators % nodes:
            nodes, groups = 1, 1
        else:
            groups = load.groups
        of_group = load.tokens.reshape(layers, groups, -1)
        on_node = np.array([packed(row, nodes) for row in of_group.sum(axis=2).tolist()])
        members = np.arange(experts).reshape(groups, -1)[on_node].reshape(layers * nodes, -1)
        tokens = np.take_along_axis(load.tokens, members.reshape(layers, -1), axis=1).reshape(members.shape)
        which, each = with_copies(tokens, load.slots // nodes)
        placed = spread(which, each, load.accelerators // nodes)
        return np.take_along_axis(members, placed, axis=1).reshape(layers, load.slots).tolist()
