"""How much memory instances of a function have: as the scenario says, or as its batching policy wants it."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import TYPE_CHECKING, Any

from simtier.contract import Asker, Batching
from simtier.models.node import ROUNDING
from simtier.models.serverless.function import Function
from simtier.models.serverless.spec import FunctionSpec

if TYPE_CHECKING:
    from simtier.models.serverless.cell import Cell
    from simtier.models.serverless.instance import Instance

NEVER = float("inf")


class WantedMemory:
    """What a batching policy wants the memory of a function's instances to be.

    Args:
        spec: the function as the scenario says.
        asker: the policy.
    """

    def __init__(self, spec: FunctionSpec, asker: Asker) -> None:
        policy = asker.policy
        assert isinstance(policy, Batching)
        self._written_bytes = spec.memory_bytes
        self._asker = asker
        self._policy = policy
        self._asks = type(policy).memory is not Batching.memory

    def wanted(self, function: Function) -> float:
        """Return the bytes wanted now; raises PolicyError for an answer that no instance could have."""
        if not self._asks:
            return self._written_bytes
        answer: Any = self._asker.ask(self._policy.memory, function.view)
        if answer is None:
            return self._written_bytes
        most = _most_bytes(function)
        is_number = isinstance(answer, Real) and not isinstance(answer, bool)
        if not is_number or not 0.0 < float(answer) < NEVER or float(answer) > most:
            limit = f" and at most {most:.12g}, what the largest node holds" if most < NEVER else ""
            raise self._asker.wrong(answer, f"bytes of memory of an instance, more than 0{limit}, or None")
        if float(answer) != function.spec.memory_bytes and any(instance.stays for instance in function.ready):
            raise self._asker.wrong(answer, "None: the memory of a function with provisioned instances stays as it is")
        return float(answer)


def _most_bytes(function: Function) -> float:
    """Return the most memory that an instance can have on any node, with the cores that go with it if they are reserved."""
    cell, spec = function.cell, function.spec
    each_core = spec.memory_bytes / spec.cores if cell.spec.reserves_cores and spec.shares_core else NEVER
    return max(min(node.memory_bytes, node.cores * each_core) for node in cell.nodes) * (1 + ROUNDING)


class SizedFunction(Function):
    """A function whose batching policy may change its memory: from then on instances start with another amount."""

    def __init__(self, spec: FunctionSpec, cell: Cell, start_numbers: Callable[[], int], batching: Asker) -> None:
        super().__init__(spec, cell, start_numbers)
        self._memory = WantedMemory(spec, batching)
        self._known: Instance | None = None

    def fit_memory(self) -> None:
        """Have the policy say how much memory instances have from now on; another amount deploys the function anew."""
        memory_bytes = self._memory.wanted(self)
        if memory_bytes != self.spec.memory_bytes:
            self._redeploy(memory_bytes)

    def _redeploy(self, memory_bytes: float) -> None:
        """Have instances of that memory from now on: idle ones of another end, busy ones take no more."""
        self.spec = self.spec.with_memory(memory_bytes)
        self.cores_each = self.spec.cores_each
        self._posts.clear()
        self._known = None
        for instance in list(self.ready):
            self._retire(instance)

    def _retire(self, instance: Instance) -> None:
        """Use an instance no more; it ends when it has served what it has."""
        if instance in self.idle:
            self.cell.keeping.end(instance, "expired")
        else:
            self.drain(instance)

    def became_ready(self, instance: Instance) -> None:
        """Take an instance that has started; one of another memory than is wanted now serves whom it can take at once, and goes."""
        super().became_ready(instance)
        if instance in self.ready and instance.post.claim.memory_bytes != self.spec.memory_bytes:
            self._retire(instance)

    def known_replica(self) -> Instance:
        """Return an instance by which to tell how long work takes: the same as long as the memory is, for policies ask often."""
        if self._known is None:
            self._known = self.new_probe()
        return self._known
