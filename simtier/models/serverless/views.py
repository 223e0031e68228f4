"""Read-only facades over functions and instances: what policies see. Each shows the present whenever it is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from simtier.models.serverless.profile import execution_s
from simtier.models.serverless.spec import COMPONENTS

if TYPE_CHECKING:
    from simtier.contract import InstanceView, NodeView
    from simtier.models.serverless.function import Function
    from simtier.models.serverless.instance import Instance


class InstanceFacade:
    """An instance; see simtier.contract.InstanceView."""

    __slots__ = ("_instance",)

    def __init__(self, instance: Instance) -> None:
        self._instance = instance

    @property
    def id(self) -> int:
        return self._instance.id

    @property
    def service(self) -> str:
        return self._instance.function.cell.name

    @property
    def function(self) -> FunctionFacade:
        return self._instance.function.view

    @property
    def node(self) -> NodeView:
        return self._instance.node.view

    @property
    def state(self) -> str:
        """A state as in the replicas table; of one that starts, the component it is at."""
        instance = self._instance
        if instance.starting is None:
            return instance.state
        passed_s = instance.function.clock.now - instance.starting.began_s
        for name, seconds in zip(COMPONENTS, instance.starting.times, strict=True):
            if passed_s < seconds:
                return name
            passed_s -= seconds
        return COMPONENTS[-1]

    @property
    def layer(self) -> str:
        return self._instance.layer

    @property
    def memory_bytes(self) -> float:
        return self._instance.post.claim.memory_bytes

    @property
    def uses(self) -> int:
        return self._instance.uses

    @property
    def idle_since_s(self) -> float:
        return self._instance.since_s if self._instance.state == "idle" else float("nan")

    @property
    def queued(self) -> int:
        """0: requests wait at the function, never at an instance."""
        return 0

    @property
    def running(self) -> int:
        return self._instance.running

    @property
    def in_flight(self) -> int:
        return self._instance.in_flight

    @property
    def concurrency(self) -> int:
        return self._instance.function.spec.concurrency


class FunctionFacade:
    """A function; see simtier.contract.FunctionView."""

    __slots__ = ("_function",)

    def __init__(self, function: Function) -> None:
        self._function = function

    @property
    def name(self) -> str:
        return self._function.name

    @property
    def platform(self) -> str:
        return self._function.cell.name

    @property
    def replicas(self) -> Sequence[InstanceView]:
        return tuple(instance.view for instance in self._function.ready)

    @property
    def ready(self) -> int:
        return len(self._function.ready)

    @property
    def idle(self) -> int:
        return len(self._function.idle)

    @property
    def starting(self) -> int:
        return len(self._function.starting)

    @property
    def queued(self) -> int:
        return len(self._function.waiting)

    @property
    def in_flight(self) -> int:
        return self._function.in_flight + len(self._function.waiting)

    @property
    def concurrency(self) -> int:
        return self._function.spec.concurrency

    @property
    def busy_slot_s(self) -> float:
        return self._function.busy_slot_s()

    @property
    def work_s(self) -> float:
        return self._function.mean_work_s

    @property
    def memory_bytes(self) -> float:
        return self._function.spec.memory_bytes

    @property
    def runtime(self) -> str:
        return self._function.spec.runtime

    @property
    def trigger(self) -> str:
        return self._function.spec.trigger

    @property
    def cold_s(self) -> float:
        return sum(self._function.start_times.layer_s())

    @property
    def layer_s(self) -> tuple[float, float, float]:
        return self._function.start_times.layer_s()

    @property
    def arrivals(self) -> int:
        return self._function.arrivals

    @property
    def last_arrival_s(self) -> float:
        return self._function.last_arrival_s

    @property
    def buffered(self) -> int:
        return self._function.buffered

    def execution_s(self, batch: int, memory_bytes: float) -> float:
        return execution_s(self._function, batch, memory_bytes)


class CellFacade:
    """A cell of a platform as the routing policy of a function sees it; see simtier.contract.CellView."""

    __slots__ = ("_cell", "_function")

    def __init__(self, function: Function) -> None:
        self._function = function
        self._cell = function.cell

    @property
    def id(self) -> int:
        return self._cell.number

    @property
    def service(self) -> str:
        return self._cell.name

    @property
    def function(self) -> FunctionFacade:
        return self._function.view

    @property
    def node(self) -> NodeView:
        return self._cell.nodes[0].view

    @property
    def state(self) -> str:
        return "ready"

    @property
    def warm(self) -> int:
        """Instances of the function with a free slot."""
        return len(self._function.idle) + len(self._function.partly)

    @property
    def queued(self) -> int:
        return len(self._function.waiting)

    @property
    def running(self) -> int:
        return self._function.running

    @property
    def in_flight(self) -> int:
        return self._cell.in_flight

    @property
    def concurrency(self) -> int:
        function = self._function
        return function.spec.concurrency * (len(function.ready) + len(function.starting))
