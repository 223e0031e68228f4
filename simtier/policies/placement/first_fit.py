"""The first node with room."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from simtier.contract import NodeView, Placement, ReplicaSpecView


class FirstFit(Placement):
    """Take the first node with room, in the scenario's order.

    First fit of bin packing (Johnson et al., SIAM J. Computing 3(4), 1974).
    """

    sees_only_own: ClassVar[bool] = True
    keeps_apart: ClassVar[bool] = True
    takes_first: ClassVar[bool] = True

    def place(self, replica: ReplicaSpecView, nodes: Sequence[NodeView]) -> NodeView | None:
        """Return the first of `nodes`."""
        return nodes[0]
