"""The emptiest node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from simtier.contract import NodeView, Placement, ReplicaSpecView


class LeastLoaded(Placement):
    """Take the node with the largest share of its cores free, then the one with the fewest replicas, then the first.

    Worst fit by share of cores: Kubernetes' `NodeResourcesFit` score with the strategy `LeastAllocated`, for cores only.
    """

    sees_only_own: ClassVar[bool] = True

    def place(self, replica: ReplicaSpecView, nodes: Sequence[NodeView]) -> NodeView | None:
        """Return the node of `nodes` with the largest share of free cores."""
        return min(nodes, key=_load)


def _load(node: NodeView) -> tuple[float, int]:
    free_share = node.cores_free / node.cores if node.cores else 0.0
    return -free_share, node.replicas
