"""No rebalancing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from simtier.contract import ExecutionView, NodeView, Rebalancing


class FixedShares(Rebalancing):
    """Each execution has the cores that are its own, whether it uses them or not."""

    sees_only_own: ClassVar[bool] = True
    keeps_apart: ClassVar[bool] = True
    passive: ClassVar[bool] = True

    def shares(self, node: NodeView, executions: Sequence[ExecutionView]) -> Sequence[float]:
        """Return what is allocated to each."""
        return [execution.allocated_cores for execution in executions]
