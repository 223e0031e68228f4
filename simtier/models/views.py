"""Read-only facades over the models: what policies see. Each shows the present whenever it is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from simtier.contract import NodeView, ReplicaView, ServiceView

if TYPE_CHECKING:
    from simtier.clock import Clock
    from simtier.models.network import Network
    from simtier.models.node import Claim, Node
    from simtier.models.replica import Replica
    from simtier.models.service import Service
    from simtier.models.visit import Visit


class RequestFacade:
    """A visit as a policy sees it; see simtier.contract.RequestView."""

    __slots__ = ("_visit",)

    def __init__(self, visit: Visit) -> None:
        self._visit = visit

    @property
    def id(self) -> int:
        return self._visit.id

    @property
    def app(self) -> str:
        return self._visit.stage.app.name

    @property
    def workload(self) -> str:
        return self._visit.origin.workload

    @property
    def source(self) -> str:
        return self._visit.origin.node

    @property
    def at(self) -> str:
        return self._visit.at

    @property
    def stage(self) -> str:
        return self._visit.stage.name

    @property
    def arrival_s(self) -> float:
        return self._visit.arrival_s

    @property
    def queued_s(self) -> float:
        return getattr(self._visit, "queued_s", float("nan"))

    @property
    def deadline_s(self) -> float:
        return self._visit.arrival_s + self._visit.origin.target_s

    @property
    def priority(self) -> float:
        return self._visit.stage.app.priority

    @property
    def work_s(self) -> float:
        visit = self._visit
        replica = getattr(visit, "replica", None) or visit.part.service.known_replica()
        return visit.stage.seconds(visit, replica) if replica is not None else float("nan")

    @property
    def size_bytes(self) -> float:
        return self._visit.nbytes

    @property
    def prompt_tokens(self) -> int:
        tokens = self._visit.stage.tokens
        return 0 if tokens is None else tokens.prompt(self._visit)

    @property
    def prefix(self) -> tuple[int, ...]:
        tokens = self._visit.stage.tokens
        return () if tokens is None else tokens.prefix(self._visit)[0]

    @property
    def prefix_tokens(self) -> int:
        tokens = self._visit.stage.tokens
        return 0 if tokens is None else tokens.prefix(self._visit)[1]

    @property
    def first_by_s(self) -> float:
        return self._visit.arrival_s + self._visit.origin.first_target_s

    @property
    def token_target_s(self) -> float:
        return self._visit.origin.token_target_s


class NodeFacade:
    """A node; see simtier.contract.NodeView."""

    __slots__ = ("_node",)

    def __init__(self, node: Node) -> None:
        self._node = node

    @property
    def name(self) -> str:
        return self._node.name

    @property
    def tier(self) -> str:
        return self._node.tier

    @property
    def cores(self) -> float:
        return self._node.cores

    @property
    def cores_free(self) -> float:
        return self._node.cores_free

    @property
    def memory_bytes(self) -> float:
        return self._node.memory_bytes

    @property
    def memory_free_bytes(self) -> float:
        return self._node.memory_free_bytes

    @property
    def accelerators(self) -> int:
        return len(self._node.devices)

    @property
    def replicas(self) -> int:
        return self._node.replicas


class ReplicaFacade:
    """A replica; see simtier.contract.ReplicaView."""

    __slots__ = ("_replica",)

    def __init__(self, replica: Replica) -> None:
        self._replica = replica

    @property
    def id(self) -> int:
        return self._replica.id

    @property
    def service(self) -> str:
        return self._replica.service.name

    @property
    def node(self) -> NodeView:
        return self._replica.node.view

    @property
    def state(self) -> str:
        return self._replica.state

    @property
    def queued(self) -> int:
        return self._replica.queued

    @property
    def running(self) -> int:
        return self._replica.running

    @property
    def in_flight(self) -> int:
        return self._replica.in_flight

    @property
    def concurrency(self) -> int:
        return self._replica.service.concurrency


class ServiceFacade:
    """A service; see simtier.contract.ServiceView."""

    __slots__ = ("_service",)

    def __init__(self, service: Service) -> None:
        self._service = service

    @property
    def name(self) -> str:
        return self._service.name

    @property
    def replicas(self) -> Sequence[ReplicaView]:
        return self._service.ready_views

    @property
    def ready(self) -> int:
        return len(self._service.fleet.ready)

    @property
    def starting(self) -> int:
        return len(self._service.fleet.starting)

    @property
    def queued(self) -> int:
        return self._service.queued()

    @property
    def in_flight(self) -> int:
        return self._service.in_flight()

    @property
    def concurrency(self) -> int:
        return self._service.concurrency

    @property
    def busy_slot_s(self) -> float:
        return self._service.busy_slot_s()

    @property
    def work_s(self) -> float:
        return self._service.mean_work_s


class ClaimFacade:
    """What a replica to be placed needs; see simtier.contract.ReplicaSpecView."""

    __slots__ = ("_claim",)

    def __init__(self, claim: Claim) -> None:
        self._claim = claim

    @property
    def service(self) -> str:
        return self._claim.service

    @property
    def cores(self) -> float:
        return self._claim.cores

    @property
    def memory_bytes(self) -> float:
        return self._claim.memory_bytes

    @property
    def accelerator(self) -> bool:
        return self._claim.accelerator


class SiteFacade:
    """The whole site; see simtier.contract.SiteView."""

    __slots__ = ("_clock", "_network", "_nodes", "_services")

    def __init__(
        self, clock: Clock, network: Network, nodes: Mapping[str, NodeView], services: Mapping[str, ServiceView]
    ) -> None:
        self._clock = clock
        self._network = network
        self._nodes = nodes
        self._services = services

    @property
    def now_s(self) -> float:
        return self._clock.now

    @property
    def nodes(self) -> Mapping[str, NodeView]:
        return self._nodes

    @property
    def services(self) -> Mapping[str, ServiceView]:
        return self._services

    def latency_s(self, a: str, b: str) -> float:
        """Sum of link latencies from node `a` to node `b`."""
        return self._network.path(a, b).latency_s

    def rate_bytes_per_s(self, a: str, b: str) -> float:
        """What one new transfer from `a` to `b` would get now if alone."""
        return self._network.path(a, b).rate_bytes_per_s()

    def transfer_s(self, a: str, b: str, nbytes: float) -> float:
        """Estimated time of a message of `nbytes` from `a` to `b` now, without queueing."""
        return self._network.path(a, b).transfer_s(nbytes)
