"""Any replica."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from simtier.contract import ReplicaView, RequestView, Routing, SiteView, Verdict


class RandomReplica(Routing):
    """Take any replica, all equally likely.

    It splits a Poisson stream into independent Poisson streams, so replicas behave as separate M/G/c queues.
    """

    sees_only_own: ClassVar[bool] = True
    takes_only_one: ClassVar[bool] = True

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        """Keep the random stream."""
        self._rng = rng

    def choose(self, request: RequestView, replicas: Sequence[ReplicaView]) -> ReplicaView | Verdict:
        """Return one of `replicas` at random; nothing is drawn for a single one."""
        return replicas[0] if len(replicas) == 1 else replicas[int(self._rng.integers(len(replicas)))]
