"""The same replica for the same key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from simtier.contract import ReplicaView, RequestView, Routing, SiteView, Verdict
from simtier.policies.routing.ring import Key, Over, Ring, groups_of, key_of


class HashAffinity(Routing):
    """Hash a key of the request onto a ring of replicas or nodes and take the first clockwise; the load plays no part.

    Consistent hashing (Karger et al., "Consistent hashing and random trees", STOC 1997): requests of one key go to one place,
    where caches and warm instances are, and few keys move when a place comes or goes. Of several replicas on the chosen
    node the one with the fewest requests in flight is taken, of equals the oldest. See bounded_load_hash for a limit on the load.
    """

    sees_only_own: ClassVar[bool] = True
    keeps_apart: ClassVar[bool] = True
    goes_by_numbers: ClassVar[bool] = True
    takes_only_one: ClassVar[bool] = True
    key: Key = "source"
    """What is hashed: "source", "workload" (application and workload) or "function" (of a platform; else application and stage)."""
    over: Over = "replica"
    """What is on the ring: "replica" or "node"."""
    points: Annotated[int, Field(ge=1)] = 100
    """Places each replica or node has on the ring: more of them share the keys out more evenly."""

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        """Begin with an empty ring."""
        self._ring = Ring(self.points)

    def choose(self, request: RequestView, replicas: Sequence[ReplicaView]) -> ReplicaView | Verdict:
        """Return the replica that the key belongs to."""
        groups = groups_of(replicas, self.over)
        home = next(self._ring.clockwise(key_of(request, replicas, self.key), [*groups]))
        return min(groups[home], key=lambda replica: (replica.in_flight, replica.id))
