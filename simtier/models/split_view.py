"""What a partitioning policy sees of a DNN stage: see simtier.contract.SplitView."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from simtier.errors import SimulationError

if TYPE_CHECKING:
    from simtier.models.dnn_stage import DnnStage
    from simtier.models.network import Path
    from simtier.models.replica import Replica
    from simtier.models.visit import Visit
    from simtier.models.service import Service


class HopFacade:
    """The way from one node to another; see simtier.contract.HopView."""

    __slots__ = ("_path",)

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def latency_s(self) -> float:
        return self._path.latency_s

    @property
    def rate_bytes_per_s(self) -> float:
        return self._path.rate_bytes_per_s()

    @property
    def joules_per_byte(self) -> float:
        return sum(link.spec.joules_per_byte for link in self._path.links)


class TierFacade:
    """One place where layers can run; see simtier.contract.TierView."""

    __slots__ = ("_replica", "_stage")

    def __init__(self, stage: DnnStage, replica: Replica) -> None:
        self._stage = stage
        self._replica = replica

    @property
    def tier(self) -> str:
        return self._replica.node.tier

    @property
    def service(self) -> str:
        return self._replica.service.name

    @property
    def node(self) -> str:
        return self._replica.node.name

    @property
    def layer_s(self) -> Sequence[float]:
        return self._stage.layers.layer_s(self._replica)

    @property
    def active_w(self) -> float:
        device, node = self._replica.device, self._replica.node
        if device is not None:
            return device.spec.peak_w - device.spec.idle_w
        return (node.peak_w - node.idle_w) * min(1.0, self._replica.service.cores / node.cores)

    @property
    def queued(self) -> int:
        return len(self._replica.queue) + self._replica.running


class SplitFacade:
    """Tiers in order from the request outwards; every service must have a ready replica."""

    __slots__ = ("_paths", "_replicas", "_stage", "_visit")

    def __init__(self, stage: DnnStage, services: Sequence[Service], visit: Visit) -> None:
        self._stage = stage
        self._visit = visit
        self._replicas = [_nearest(service, visit.at) for service in services]
        network = services[0].network
        nodes = [visit.at, *(replica.node.name for replica in self._replicas)]
        home = visit.origin.node
        ways: list[tuple[str, str]] = [*zip(nodes, nodes[1:], strict=False), *((node, home) for node in nodes[1:])]
        self._paths = [network.path(a, b) for a, b in ways]

    @property
    def tiers(self) -> Sequence[TierFacade]:
        return tuple(TierFacade(self._stage, replica) for replica in self._replicas)

    @property
    def hops(self) -> Sequence[HopFacade]:
        return tuple(HopFacade(path) for path in self._paths[: len(self._replicas)])

    @property
    def returns(self) -> Sequence[HopFacade]:
        return tuple(HopFacade(path) for path in self._paths[len(self._replicas) :])

    @property
    def crossing_bytes(self) -> Sequence[float]:
        return self._stage.crossing_bytes(self._visit.nbytes)

    def valid_until_s(self) -> float:
        """Return when a link that this shows changes next; infinity if none does."""
        now = self._stage.app.clock.now
        changes: list[Any] = [link.spec.capacity.next_change(now) for path in self._paths for link in path.links]
        return min(changes, default=float("inf"))


def _nearest(service: Service, node: str) -> Replica:
    replica = service.nearest(node)
    if replica is None:
        raise SimulationError(
            f"service {service.name!r} has no ready replica, so no one can tell how to split a model over it"
        )
    return replica
