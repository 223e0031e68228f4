"""On which node an instance finds room: free memory first, then memory of idle instances that are evicted for it."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from simtier.contract import Asker, NodeView, Placement
from simtier.models.node import ROUNDING, Claim, Node
from simtier.models.views import ClaimFacade

if TYPE_CHECKING:
    from simtier.models.serverless.cell import Cell
    from simtier.models.serverless.function import Function


class _Search:
    """The first node with room for claims of one size: no node before `_next` has any, but perhaps those given some since."""

    __slots__ = ("_again", "_freed", "_next", "_nodes")

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._nodes = nodes
        self._next = 0
        self._freed: list[int] = []  # a heap
        self._again: set[int] = set()  # the same

    def freed(self, place: int) -> None:
        """Look at that node again."""
        if place < self._next and place not in self._again:
            self._again.add(place)
            heappush(self._freed, place)

    def first(self, claim: Claim) -> Node | None:
        """Return the first node with room; None if there is none."""
        while self._freed:
            node = self._nodes[self._freed[0]]
            if node.has_room(claim):
                return node
            self._again.discard(heappop(self._freed))
        while self._next < len(self._nodes):
            node = self._nodes[self._next]
            if node.has_room(claim):
                return node
            self._next += 1
        return None


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
        self._searches: dict[tuple[float, float], _Search] = {}

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
        for search in self._searches.values():
            search.freed(place)

    def _first_with_room(self, claim: Claim) -> Node | None:
        """Return the first node with room, not looking again at those that had none and were given none since."""
        size = (claim.memory_bytes, claim.cores)
        search = self._searches.get(size)
        if search is None:
            search = self._searches[size] = _Search(self._nodes)
        return search.first(claim)

    def _make_room(self, claim: Claim) -> Node | None:
        evictions = self._cell.evictions
        memory_bytes = claim.memory_bytes * (1 - ROUNDING)

        def suits(node: Node) -> bool:
            idle_bytes, idle_cores = evictions.held_on(node)
            enough_memory = memory_bytes <= node.memory_free_bytes + idle_bytes
            return enough_memory and claim.cores <= node.cores_free + idle_cores + ROUNDING * node.cores

        node = evictions.node_of_worst(suits)
        while node is not None and not node.has_room(claim):
            worst = evictions.worst_on(node)
            if worst is None:
                return None
            self._cell.keeping.end(worst, "evicted")
        return node
