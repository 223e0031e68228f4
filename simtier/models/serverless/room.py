"""On which node an instance finds room: free memory first, then memory of idle instances that are evicted for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from simtier.contract import Asker, NodeView, Placement
from simtier.models.node import ROUNDING, Claim, Node
from simtier.models.views import ClaimFacade

if TYPE_CHECKING:
    from simtier.models.serverless.cell import Cell
    from simtier.models.serverless.function import Function


class Room:
    """The nodes of a cell.

    The placement policy chooses among the nodes that have room. If none has, idle instances are evicted: on the node, of those whose idle
    instances hold enough, where the idle instance lies that the keep-alive policy values least; there the least valued go first.
    """

    def __init__(self, cell: Cell, nodes: Sequence[Node], placing: Asker) -> None:
        policy = placing.policy
        assert isinstance(policy, Placement)
        self._cell = cell
        self._nodes = nodes
        self._placing = placing
        self._place = policy.place
        self._takes_first = policy.takes_first
        self._places = {node: place for place, node in enumerate(nodes)}
        self._first: dict[tuple[float, float], int] = {}
        """By size of the claim: no node before this one has room for it."""

    def find(self, function: Function) -> Node | None:
        """Return a node with room for one more instance of `function`, made by evictions if need be; None if there is none."""
        claim = function.post_on(self._nodes[0]).claim
        if self._takes_first:
            node = self._first_with_room(claim)
            return node if node is not None else self._make_room(claim)
        roomy = [node for node in self._nodes if node.has_room(claim)]
        if not roomy:
            return self._make_room(claim)
        views: tuple[NodeView, ...] = tuple(node.view for node in roomy)
        answer = self._placing.ask(self._place, ClaimFacade(claim), views)
        chosen = next((node for node in roomy if node.view is answer), None)
        if chosen is None and answer is not None:
            raise self._placing.wrong(answer, "one of the nodes it was shown, or None")
        return chosen

    def freed(self, node: Node) -> None:
        """Hear that something of `node` is free again."""
        place = self._places[node]
        for size, first in self._first.items():
            if place < first:
                self._first[size] = place

    def _first_with_room(self, claim: Claim) -> Node | None:
        """Return the first node with room, not looking again at those that had none and were given none since."""
        size = (claim.memory_bytes, claim.cores)
        for place in range(self._first.get(size, 0), len(self._nodes)):
            if self._nodes[place].has_room(claim):
                self._first[size] = place
                return self._nodes[place]
        self._first[size] = len(self._nodes)
        return None

    def _make_room(self, claim: Claim) -> Node | None:
        evictions = self._cell.evictions
        memory_bytes = claim.memory_bytes

        def suits(node: Node) -> bool:
            could_be_free = node.memory_free_bytes + evictions.bytes_on(node)
            return memory_bytes <= could_be_free + ROUNDING * memory_bytes

        node = evictions.node_of_worst(suits)
        while node is not None and not node.has_room(claim):
            worst = evictions.worst_on(node)
            if worst is None:
                return None
            self._cell.keeping.end(worst, "evicted")
        return node
