"""Which idle instance goes first when memory is needed."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simtier.models.node import Node
    from simtier.models.serverless.instance import Instance


class Evictions:
    """The idle instances of a cell, node by node, in the order in which they fell idle.

    Args:
        worth: what an idle instance is worth now, by the keep-alive policy; None: the longer idle the less.
    """

    def __init__(self, worth: Callable[[Instance], float] | None) -> None:
        self._ask_worth = worth
        self._idle: dict[Instance, None] = {}
        self._of_node: dict[Node, dict[Instance, None]] = {}
        self._bytes: dict[Node, float] = {}
        self._heap: list[tuple[float, float, int, Instance]] = []

    def __len__(self) -> int:
        return len(self._idle)

    def add(self, instance: Instance) -> None:
        """Note an instance that has fallen idle."""
        node = instance.node
        self._idle[instance] = None
        self._of_node.setdefault(node, {})[instance] = None
        self._bytes[node] = self._bytes.get(node, 0.0) + instance.post.claim.memory_bytes
        if self._ask_worth is not None:
            instance.worth = self._ask_worth(instance)
            self._push(instance)

    def discard(self, instance: Instance) -> None:
        """Forget an instance that is no longer idle; one that is not there is fine."""
        if instance in self._idle:
            del self._idle[instance]
            of_node = self._of_node[instance.node]
            del of_node[instance]
            # With none left there is nothing: what rounding left is forgotten.
            left = self._bytes[instance.node] - instance.post.claim.memory_bytes if of_node else 0.0
            self._bytes[instance.node] = left

    def bytes_on(self, node: Node) -> float:
        """Return the memory of idle instances on a node."""
        return self._bytes.get(node, 0.0)

    def node_of_worst(self, suits: Callable[[Node], bool]) -> Node | None:
        """Return the node, of those that suit, with the idle instance that is worth least; None if none suits."""
        if self._ask_worth is None:
            return next((instance.node for instance in self._idle if suits(instance.node)), None)
        seen: list[Instance] = []
        while (instance := self._pop()) is not None:
            seen.append(instance)
            if suits(instance.node):
                break
        for each in seen:
            self._push(each)
        return instance.node if instance is not None else None

    def worst_on(self, node: Node) -> Instance | None:
        """Return the idle instance on `node` that is worth least, the longest idle of equals; None if there is none."""
        idle = self._of_node.get(node, {})
        if self._ask_worth is None:
            return next(iter(idle), None)
        return min(idle, key=self._worth, default=None)

    def _worth(self, instance: Instance) -> tuple[float, float, int]:
        assert self._ask_worth is not None
        instance.worth = max(instance.worth, self._ask_worth(instance))
        return (instance.worth, instance.since_s, instance.id)

    def _push(self, instance: Instance) -> None:
        heappush(self._heap, (instance.worth, instance.since_s, instance.id, instance))

    def _pop(self) -> Instance | None:
        """Take the least worth out of the heap; what has grown in worth meanwhile goes back first."""
        while self._heap:
            worth, since_s, _, instance = heappop(self._heap)
            if instance not in self._idle or instance.since_s != since_s or worth != instance.worth:
                continue  # used since: it is in the heap again, if it is idle
            if self._worth(instance)[0] > worth:
                self._push(instance)
                continue
            return instance
        return None
