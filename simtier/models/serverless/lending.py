"""Executions on a node lend cores to each other: a policy is asked who has how many, and its answer is carried out.

Nodes are independent of each other. A share is had at once, and changing it is free.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import count
from numbers import Real
from typing import TYPE_CHECKING, Any

from simtier.clock import DECIDE, Clock, Entry
from simtier.contract import Asker, Rebalancing
from simtier.models.serverless.executions import Execution

if TYPE_CHECKING:
    from simtier.models.node import Node

NEVER = float("inf")
ROUNDING = 1e-9
"""By how much, relative to it, shares may exceed their sum: a policy adds them up in another order."""


class _OnNode:
    """The executions under way on one node, in the order in which they began."""

    __slots__ = ("asked_soon", "executions", "look", "node")

    def __init__(self, node: Node) -> None:
        self.node = node
        self.executions: dict[Execution, None] = {}
        self.asked_soon = False
        self.look: Entry | None = None


class Lending:
    """Asks the rebalancing policy of a cell for the shares on each node, and gives them.

    Attributes:
        next_number: hands out the numbers of executions.
    """

    def __init__(self, clock: Clock, asker: Asker) -> None:
        policy = asker.policy
        assert isinstance(policy, Rebalancing)
        self.next_number: Callable[[], int] = count().__next__
        self._clock = clock
        self._asker = asker
        self._policy = policy
        self._looks = type(policy).look_in is not Rebalancing.look_in
        self._hears_of_ends = type(policy).finished is not Rebalancing.finished
        self._of_node: dict[Node, _OnNode] = {}

    def begin(self, execution: Execution, node: Node) -> None:
        """Take an execution that has begun; the policy is asked once all that falls on this instant has happened."""
        place = self._of_node.get(node)
        if place is None:
            place = self._of_node[node] = _OnNode(node)
        place.executions[execution] = None
        self._ask_soon(place)

    def end(self, execution: Execution) -> None:
        """Let an execution go that has ended."""
        if self._hears_of_ends:
            self._asker.tell(self._policy.finished, execution.view)
        place = self._of_node[execution.visit.replica.node]
        del place.executions[execution]
        self._ask_soon(place)

    def _ask_soon(self, place: _OnNode) -> None:
        if not place.asked_soon:
            place.asked_soon = True
            self._clock.call_at(self._clock.now, self._ask, place, DECIDE)

    def _look(self, place: _OnNode) -> None:
        """Ask because the policy wanted to be asked (called by the clock)."""
        place.look = None
        if not place.asked_soon:
            self._ask(place)

    def _ask(self, place: _OnNode) -> None:
        """Ask for the shares on a node, and give them (called by the clock)."""
        place.asked_soon = False
        if place.look is not None:
            self._clock.cancel(place.look)
            place.look = None
        executions = list(place.executions)
        if not executions:
            return
        views = tuple(execution.view for execution in executions)
        shares = self._checked(self._asker.ask(self._policy.shares, place.node.view, views), executions)
        for execution, share in zip(executions, shares, strict=True):
            execution.give(share)
        if self._looks:
            self._plan_look(place)

    def _checked(self, answer: Any, executions: Sequence[Execution]) -> list[float]:
        """Return the shares; raises PolicyError if they are not what the contract allows."""
        most = math.fsum(execution.function.allocated for execution in executions)
        shares = list(answer) if isinstance(answer, Sequence) and not isinstance(answer, str) else []
        right = len(shares) == len(executions) and all(map(_is_share, shares))
        if not right or math.fsum(shares) > most * (1 + ROUNDING):
            number = f"{len(executions)} numbers of cores, one for each execution"
            raise self._asker.wrong(answer, f"{number}, 0 or more, together at most {most:.12g}")
        return [float(share) for share in shares]

    def _plan_look(self, place: _OnNode) -> None:
        answer: Any = self._asker.ask(self._policy.look_in, place.node.view)
        if answer is None:
            return
        if not isinstance(answer, Real) or isinstance(answer, bool) or not float(answer) > 0:
            raise self._asker.wrong(answer, "seconds, more than 0, or None")
        at_s = self._clock.now + float(answer)
        if at_s < NEVER:
            place.look = self._clock.call_at(at_s, self._look, place, DECIDE)


def _is_share(share: object) -> bool:
    return isinstance(share, Real) and not isinstance(share, bool) and 0.0 <= float(share) < NEVER
