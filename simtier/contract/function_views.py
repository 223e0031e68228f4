"""What policies of function platforms see: functions and their instances; read-only, always showing the present, see `views`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from simtier.contract.views import ReplicaView, ServiceView


class InstanceView(ReplicaView, Protocol):
    """An instance of a function: a replica that starts cold and goes away when nobody needs it.

    Its `state` is one of "scheduling", "allocating", "deploying_code", "deploying_dependencies", "initialising" (starting), "idle",
    "busy", "expired", "evicted"; its `service` is the platform.
    """

    @property
    def function(self) -> FunctionView:
        """Its function; of an instance that has lost layers, the function it last belonged to."""

    @property
    def layer(self) -> str:
        """The topmost layer it holds: "user" (all of it), "language" (the runtime, without the function's code) or "bare"."""

    @property
    def memory_bytes(self) -> float:
        """Memory it holds now."""

    @property
    def uses(self) -> int:
        """Requests it has served; 0 for one that was started ahead of need and not used yet."""

    @property
    def idle_since_s(self) -> float:
        """When it fell idle; NaN while it is not."""


class FunctionView(ServiceView, Protocol):
    """A function of a platform; as a service, its replicas are its instances (`ready` ones are idle or busy).

    Behind a batching policy an execution is a batch: `queued` and `in_flight`, and those of its instances, count batches.
    """

    @property
    def platform(self) -> str:
        """Platform it is deployed on."""

    @property
    def replicas(self) -> Sequence[InstanceView]:
        """Ready instances, idle and busy, in the order in which they became ready."""

    @property
    def idle(self) -> int:
        """How many instances are idle."""

    @property
    def memory_bytes(self) -> float:
        """Memory of one instance."""

    @property
    def runtime(self) -> str:
        """Language runtime, such as "python3"; instances of one runtime can share a language layer."""

    @property
    def trigger(self) -> str:
        """What calls it, such as "http", "timer", "queue", "workflow"; empty if nobody said."""

    @property
    def cold_s(self) -> float:
        """Mean time of its cold starts so far; before the first, what the cold-start model expects."""

    @property
    def layer_s(self) -> tuple[float, float, float]:
        """Mean time that starting the bare, the language and the user layer takes; their sum is `cold_s`."""

    @property
    def arrivals(self) -> int:
        """Requests that have arrived so far."""

    @property
    def last_arrival_s(self) -> float:
        """When the last request arrived; NaN before the first."""

    @property
    def buffered(self) -> int:
        """Requests that wait for a batching policy to send them; 0 without one."""

    def execution_s(self, batch: int, memory_bytes: float) -> float:
        """Return what one execution of `batch` requests typically takes on an instance of that memory (infinity: without lack of any).

        Of several stages, that of the longest; every request is taken for a mean one. NaN as long as no stage is known that calls it.
        """


class CellView(ReplicaView, Protocol):
    """A cell of a platform, as the routing policy sees it for the function that is called.

    A cell is a region, or a node, with instances and memory of its own. Its `id` is its place in the scenario; its `node` the first
    of its nodes; `queued` and `running` count the function's requests, `in_flight` those of all functions; `concurrency` is the slots of
    the function's instances, starting ones included.
    """

    @property
    def function(self) -> FunctionView:
        """The function, as it is in this cell."""

    @property
    def warm(self) -> int:
        """Instances of the function that have a free slot."""


class ExecutionView(Protocol):
    """A request in service at an instance: what can be seen of it from outside.

    What is told of shares and use is what was seen up to this instant: a share given just now shows once it has been had for a while.
    """

    @property
    def id(self) -> int:
        """Its number: executions of a cell are counted from 0."""

    @property
    def function(self) -> FunctionView:
        """Its function."""

    @property
    def allocated_cores(self) -> float:
        """Cores that are its own: those of its instance, divided by the instance's slots."""

    @property
    def share(self) -> float:
        """Cores it had last; of one that has only begun, those that are its own."""

    @property
    def used_cores(self) -> float:
        """Cores it used of that share: all of them if it could use more; 0 of one that has only begun."""

    @property
    def started_s(self) -> float:
        """When it began."""

    @property
    def running_s(self) -> float:
        """For how long it has run."""


class PoolView(Protocol):
    """A pool of instances without a function, ready to become one of any function of its size."""

    @property
    def platform(self) -> str:
        """Its platform."""

    @property
    def name(self) -> str:
        """Its name, by size, such as "512 MB"."""

    @property
    def available(self) -> int:
        """Instances in it now."""

    @property
    def size(self) -> int:
        """Instances it is kept filled up to."""

    @property
    def taken(self) -> int:
        """Instances taken from it so far."""

    @property
    def missed(self) -> int:
        """Starts so far that found it empty."""
