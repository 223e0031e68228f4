"""Each replica in turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from simtier.contract import ReplicaView, RequestView, Routing, SiteView, Verdict


class RoundRobin(Routing):
    """Take the replicas in turn, as nginx does by default.

    The turn counts the choices between two or more replicas, modulo how many there are at the time.
    """

    sees_only_own: ClassVar[bool] = True
    takes_only_one: ClassVar[bool] = True

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        """Begin with the first replica."""
        self._turn = 0

    def choose(self, request: RequestView, replicas: Sequence[ReplicaView]) -> ReplicaView | Verdict:
        """Return the replica whose turn it is."""
        if len(replicas) == 1:  # no turn is used, so that it makes no difference whether the engine asks
            return replicas[0]
        replica = replicas[self._turn % len(replicas)]
        self._turn += 1
        return replica
