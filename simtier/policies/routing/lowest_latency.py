"""The nearest replica."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from simtier.contract import ReplicaView, RequestView, Routing, SiteView, Verdict


class LowestLatency(Routing):
    """Take the replica with the least network latency from where the request is; ties: fewest in flight, then the oldest.

    What geographic and latency-based DNS routing do (e.g. AWS Route 53 latency records). It looks at no queue except in ties.
    """

    sees_only_own: ClassVar[bool] = True
    keeps_apart: ClassVar[bool] = True
    takes_only_one: ClassVar[bool] = True

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        """Keep the view of the site."""
        self._site = site

    def choose(self, request: RequestView, replicas: Sequence[ReplicaView]) -> ReplicaView | Verdict:
        """Return the nearest of `replicas`."""
        latencies_s = [self._site.latency_s(request.at, replica.node.name) for replica in replicas]
        least_s = min(latencies_s)
        nearest = [replica for replica, latency_s in zip(replicas, latencies_s, strict=True) if latency_s == least_s]
        return min(nearest, key=lambda replica: (replica.in_flight, replica.id))
