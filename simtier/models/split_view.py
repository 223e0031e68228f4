"""What a partitioning policy sees of a DNN stage: see simtier.contract.SplitView."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simtier.models.dnn_stage import DnnStage
    from simtier.models.network import Network, Path
    from simtier.models.replica import Replica


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
        return (node.peak_w - node.idle_w) * self._replica.cores_each / node.cores

    @property
    def queued(self) -> int:
        return self._replica.in_flight


class SplitFacade:
    """What a request of so many bytes on one node sees of a stage's tiers; good as long as the nearest replicas are the same.

    Attributes:
        replicas: the nearest ready replica of each service, nearest tier first.
    """

    __slots__ = ("_crossing_bytes", "_hops", "_paths", "_returns", "_tiers", "replicas")

    def __init__(
        self, stage: DnnStage, replicas: Sequence[Replica], network: Network, at: str, home: str, nbytes: float
    ) -> None:
        self.replicas = replicas
        nodes = [at, *(replica.node.name for replica in replicas)]
        hops = [network.path(a, b) for a, b in itertools.pairwise(nodes)]
        returns = [network.path(node, home) for node in nodes[1:]]
        self._paths = [*hops, *returns]
        self._tiers = tuple(TierFacade(stage, replica) for replica in replicas)
        self._hops = tuple(HopFacade(path) for path in hops)
        self._returns = tuple(HopFacade(path) for path in returns)
        self._crossing_bytes = stage.crossing_bytes(nbytes)

    @property
    def tiers(self) -> Sequence[TierFacade]:
        return self._tiers

    @property
    def hops(self) -> Sequence[HopFacade]:
        return self._hops

    @property
    def returns(self) -> Sequence[HopFacade]:
        return self._returns

    @property
    def crossing_bytes(self) -> Sequence[float]:
        return self._crossing_bytes

    def valid_until_s(self, now_s: float) -> float:
        """Return when a link that this shows changes next; infinity if none does."""
        changes = [link.spec.capacity.next_change(now_s) for path in self._paths for link in path.links]
        return min(changes, default=float("inf"))
