"""The policy that this repository is about."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from simtier import Routing
from simtier.contract import ReplicaView, RequestView, SiteView


class NearUnlessBusy(Routing):
    """Stay near unless another replica is much less busy."""

    takes_only_one: ClassVar[bool] = True
    slack: int = 2
    """Requests more than the least busy that nearness is worth."""

    def start(self, site: SiteView, rng: np.random.Generator) -> None:  # noqa: ARG002 - what simtier passes
        """Remember the site, which knows how far it is to everything."""
        self._site = site

    def choose(self, request: RequestView, replicas: Sequence[ReplicaView]) -> ReplicaView:
        """Return the nearest replica, or the idlest if that is much less busy."""
        nearest = min(replicas, key=lambda replica: self._site.latency_s(request.at, replica.node.name))
        idlest = min(replicas, key=lambda replica: replica.in_flight)
        return nearest if nearest.in_flight <= idlest.in_flight + self.slack else idlest
