"""Which idle instance goes first when memory is needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simtier.models.node import Claim, Node
    from simtier.models.serverless.instance import Instance

_FEW = 64

Entry = tuple[float, float, int, "Instance"]
"""Worth, since when it is idle, number, and the instance: the order in which they go."""


class _Line:
    """Idle instances, all of them or those of one node, the one worth least first.

    Entries of instances that were used meanwhile, or have gained worth, stay until they come up, or are too many.
    """

    __slots__ = ("cores", "count", "heap", "nbytes")

    def __init__(self) -> None:
        self.heap: list[Entry] = []
        self.count = 0
        self.nbytes = 0.0
        self.cores = 0.0

    def come(self, claim: Claim) -> None:
        self.count += 1
        self.nbytes += claim.memory_bytes
        self.cores += claim.cores

    def go(self, claim: Claim) -> None:
        self.count -= 1
        # With none left there is nothing: what rounding left is forgotten.
        self.nbytes = self.nbytes - claim.memory_bytes if self.count else 0.0
        self.cores = self.cores - claim.cores if self.count else 0.0

    def push(self, entry: Entry) -> None:
        if len(self.heap) > 2 * self.count + _FEW:
            self.heap[:] = filter(_counts, self.heap)
            heapify(self.heap)
        heappush(self.heap, entry)


def _counts(entry: Entry) -> bool:
    """Return whether an entry tells the present."""
    worth, since_s, _, instance = entry
    return instance.listed and instance.since_s == since_s and instance.worth == worth


class Evictions:
    """The idle instances of a cell: of equal worth the one idle longest goes first, of those the one that began to start first.

    Without an order of the policy's own nothing is written down before memory is short for the first time: in most runs it never is.

    Args:
        worth: what an idle instance is worth now, by the keep-alive policy; None: the longer idle the less.
        idle: returns the instances of the cell that are idle now.
    """

    def __init__(self, worth: Callable[[Instance], float] | None, idle: Callable[[], Iterable[Instance]]) -> None:
        self._ask_worth = worth
        self._idle = idle
        self._asleep = worth is None
        self._count = 0
        self._all = _Line()
        self._of_node: dict[Node, _Line] = {}

    def __len__(self) -> int:
        return self._count

    def add(self, instance: Instance) -> None:
        """Note an instance that has fallen idle."""
        self._count += 1
        instance.listed = True
        if not self._asleep:
            self._note(instance)

    def discard(self, instance: Instance) -> None:
        """Forget an instance that is no longer idle; one that is not there is fine."""
        if not instance.listed:
            return
        self._count -= 1
        instance.listed = False
        if not self._asleep:
            for line in (self._all, self._of_node[instance.node]):
                line.go(instance.post.claim)

    def held_on(self, node: Node) -> tuple[float, float]:
        """Return the memory and the cores of idle instances on a node."""
        self._wake()
        line = self._of_node.get(node)
        return (0.0, 0.0) if line is None else (line.nbytes, line.cores)

    def node_of_worst(self, suits: Callable[[Node], bool]) -> Node | None:
        """Return the node, of those that suit, with the idle instance that is worth least; None if none suits."""
        self._wake()
        worst = self._first(self._all)
        if worst is None or suits(worst.node):
            return None if worst is None else worst.node
        firsts = [self._first(line) for node, line in self._of_node.items() if line.count and suits(node)]
        worst = min((each for each in firsts if each is not None), key=_order, default=None)
        return None if worst is None else worst.node

    def worst_on(self, node: Node) -> Instance | None:
        """Return the idle instance on `node` that is worth least; None if there is none."""
        self._wake()
        line = self._of_node.get(node)
        return None if line is None else self._first(line)

    def _wake(self) -> None:
        """Write down who is idle now; from here on it is kept up to date."""
        if self._asleep:
            self._asleep = False
            for instance in self._idle():
                self._note(instance)

    def _note(self, instance: Instance) -> None:
        instance.worth = instance.since_s if self._ask_worth is None else self._ask_worth(instance)
        for line in (self._all, self._of_node.setdefault(instance.node, _Line())):
            line.come(instance.post.claim)
        self._push(instance)

    def _push(self, instance: Instance) -> None:
        entry = (*_order(instance), instance)
        self._all.push(entry)
        self._of_node[instance.node].push(entry)

    def _first(self, line: _Line) -> Instance | None:
        """Return the instance that is worth least now; what has gained worth since it was looked at goes back first."""
        heap = line.heap
        while heap:
            entry = heap[0]
            worth, instance = entry[0], entry[3]
            if not _counts(entry):
                heappop(heap)
            elif self._ask_worth is not None and (now_worth := self._ask_worth(instance)) > worth:
                heappop(heap)
                instance.worth = now_worth
                self._push(instance)
            else:
                return instance
        return None


def _order(instance: Instance) -> tuple[float, float, int]:
    return (instance.worth, instance.since_s, instance.id)
