"""The kind of policy that says how executions of functions share the cores that were given to them on one node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from simtier.contract.function_views import ExecutionView
from simtier.contract.policy import Policy
from simtier.contract.views import NodeView


class Rebalancing(Policy):
    """How many cores each execution on a node has: its own, fewer because it needs no more, or more that others lend it.

    One object serves the nodes of a whole platform (of a cell, where there are several). What an execution could use is not shown,
    only what it has been seen to use.
    """

    kind: ClassVar[str] = "rebalancing"

    def shares(self, node: NodeView, executions: Sequence[ExecutionView]) -> Sequence[float]:
        """Return how many cores each of `executions` has from now on: 0 or more, together at most what was allocated to them.

        `executions` are those of the platform under way on `node`, never none, in the order in which they began. Asked once for all
        that begin or end there at one instant, and when the time has come that `look_in` named. An execution has what is allocated
        to it until the first answer.
        """
        raise NotImplementedError

    def look_in(self, node: NodeView) -> float | None:  # noqa: ARG002 - most policies look at begins and ends only
        """Return in how many seconds to ask about `node` again even if nothing begins or ends there, or None.

        Asked right after `shares`; a new answer takes the place of the one before.
        """
        return None

    def finished(self, execution: ExecutionView) -> None:
        """Hear that an execution has ended, or was cut off; called just before it is gone."""
