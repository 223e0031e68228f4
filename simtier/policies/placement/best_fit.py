"""The node that is fullest afterwards."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

from simtier.contract import NodeView, Placement, ReplicaSpecView


class BestFit(Placement):
    """Take the node with the least room left after placing; ties go to the first in the scenario's order.

    Best fit of bin packing (Johnson et al., SIAM J. Computing 3(4), 1974) in two dimensions: room is the Euclidean norm of
    the shares of cores and of memory left free (the L2 rule of Panigrahy et al., "Heuristics for vector bin packing",
    Microsoft Research, 2011, with equal weights).
    """

    sees_only_own: ClassVar[bool] = True

    def place(self, replica: ReplicaSpecView, nodes: Sequence[NodeView]) -> NodeView | None:
        """Return the node of `nodes` with the least room left."""
        return min(nodes, key=lambda node: _room_left(node, replica))


def _room_left(node: NodeView, replica: ReplicaSpecView) -> float:
    cores = (node.cores_free - replica.cores) / node.cores if node.cores else 0.0
    memory = (node.memory_free_bytes - replica.memory_bytes) / node.memory_bytes if node.memory_bytes else 0.0
    return math.hypot(cores, memory)
