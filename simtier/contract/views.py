"""What policies see: read-only views, each made once per object and always showing the present.

Times are in seconds of simulated time, sizes in bytes, rates in bytes/s. A view has no way to change what it shows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


class RequestView(Protocol):
    """A request at one of its stages."""

    @property
    def id(self) -> int:
        """Unique number, the same under every policy."""

    @property
    def app(self) -> str:
        """Application it belongs to."""

    @property
    def workload(self) -> str:
        """Workload that sent it."""

    @property
    def source(self) -> str:
        """Node it came from."""

    @property
    def at(self) -> str:
        """Node where it (its data) is now."""

    @property
    def stage(self) -> str:
        """Stage it is at."""

    @property
    def arrival_s(self) -> float:
        """When it entered the system."""

    @property
    def queued_s(self) -> float:
        """When it joined the present queue; NaN before it has."""

    @property
    def deadline_s(self) -> float:
        """When its SLO target passes (absolute); infinity without one."""

    @property
    def priority(self) -> float:
        """Importance given by the scenario; higher is more important."""

    @property
    def work_s(self) -> float:
        """Its own service time at this stage, alone on the replica it is bound for (exact: a perfect estimate).

        Before a replica is chosen: on the service's oldest replica, and NaN as long as it never had one.
        """

    @property
    def size_bytes(self) -> float:
        """Bytes it brings to this stage."""

    @property
    def prompt_tokens(self) -> int:
        """Tokens of its prompt, at a stage that has `tokens`; else 0."""

    @property
    def prefix(self) -> tuple[int, ...]:
        """Numbers of the beginning of its prompt, each for 512 tokens: requests with equal leading numbers begin alike. Often none."""

    @property
    def prefix_tokens(self) -> int:
        """Tokens of the prompt that `prefix` stands for: all of it as traces tell, or a text that it shares with others."""

    @property
    def first_by_s(self) -> float:
        """When its SLO target for the first token passes (absolute); infinity without one."""

    @property
    def token_target_s(self) -> float:
        """SLO target for its mean time per token after the first; infinity without one."""


class OutcomeView(Protocol):
    """A finished request, as `Policy.observe` sees it."""

    @property
    def request(self) -> RequestView:
        """The request, at the stage where it ended; at its first one if its client gave up."""

    @property
    def outcome(self) -> str:
        """Its end: "ok", "rejected", "dropped", "timed_out", "failed"."""

    @property
    def latency_s(self) -> float:
        """End minus arrival."""

    @property
    def first_token_s(self) -> float:
        """When it got its first token (absolute); NaN if no language model has served it. Of several stages with tokens, the one that ended first."""

    @property
    def token_s(self) -> float:
        """Mean time per token after the first, at the same stage; NaN if it got fewer than two."""


class NodeView(Protocol):
    """A device, edge server or cloud machine."""

    @property
    def name(self) -> str:
        """Its name, e.g. "camera-3"."""

    @property
    def tier(self) -> str:
        """Its tier, e.g. "device"."""

    @property
    def cores(self) -> float:
        """Cores in all."""

    @property
    def cores_free(self) -> float:
        """Cores not reserved by replicas."""

    @property
    def memory_bytes(self) -> float:
        """Memory in all."""

    @property
    def memory_free_bytes(self) -> float:
        """Memory not reserved by replicas."""

    @property
    def accelerators(self) -> int:
        """Accelerators in all."""

    @property
    def replicas(self) -> int:
        """Replicas on this node now, starting ones included."""


class ReplicaSpecView(Protocol):
    """What a replica to be placed needs."""

    @property
    def service(self) -> str:
        """Its service."""

    @property
    def cores(self) -> float:
        """Cores it reserves."""

    @property
    def memory_bytes(self) -> float:
        """Memory it reserves on the node."""

    @property
    def accelerator(self) -> bool:
        """Whether it needs an accelerator."""


class ReplicaView(Protocol):
    """One replica of a service."""

    @property
    def id(self) -> int:
        """Unique number in order of creation."""

    @property
    def service(self) -> str:
        """Its service."""

    @property
    def node(self) -> NodeView:
        """Where it runs."""

    @property
    def state(self) -> str:
        """One of "starting", "ready", "draining"."""

    @property
    def queued(self) -> int:
        """Requests waiting in its queue."""

    @property
    def running(self) -> int:
        """Requests in service."""

    @property
    def in_flight(self) -> int:
        """Requests sent to it and not finished: on their way, queued or running."""

    @property
    def concurrency(self) -> int:
        """Requests it can serve at a time."""


class ServiceView(Protocol):
    """A service and its replicas."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def replicas(self) -> Sequence[ReplicaView]:
        """Ready replicas, in the order in which they became ready."""

    @property
    def ready(self) -> int:
        """How many replicas are ready."""

    @property
    def starting(self) -> int:
        """How many replicas are starting."""

    @property
    def queued(self) -> int:
        """Requests waiting, at the service and in its replicas' queues."""

    @property
    def in_flight(self) -> int:
        """Requests at the service or sent to its replicas, and not finished."""

    @property
    def concurrency(self) -> int:
        """Slots of one replica: requests, or batches, that it serves at a time."""

    @property
    def busy_slot_s(self) -> float:
        """Slot-seconds of service given so far: the integral of slots in use; a batch uses one."""

    @property
    def work_s(self) -> float:
        """Mean service time of a request on the oldest replica; of several stages, that of the longest."""


class SiteView(Protocol):
    """The whole site, given to `Policy.start`; it shows the present whenever it is read."""

    @property
    def now_s(self) -> float:
        """Simulated time."""

    @property
    def nodes(self) -> Mapping[str, NodeView]:
        """All nodes by name."""

    @property
    def services(self) -> Mapping[str, ServiceView]:
        """All services by name."""

    def latency_s(self, a: str, b: str) -> float:
        """Sum of link latencies from node `a` to node `b`."""

    def rate_bytes_per_s(self, a: str, b: str) -> float:
        """What one new transfer from `a` to `b` would get now if alone."""

    def transfer_s(self, a: str, b: str, nbytes: float) -> float:
        """Estimated time of a message of `nbytes` from `a` to `b` now, without queueing."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds the next batch of an executor.

    Attributes:
        now_s: simulated time.
        max_batch: most requests it takes at a time.
        oldest_s: when the longest-waiting request of those shown joined the queue.
        waiting: how many requests wait that can share a batch with the first, those not shown included.
    """

    now_s: float
    max_batch: int
    oldest_s: float
    waiting: int = 0
