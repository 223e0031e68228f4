"""The same replica for the same key, unless it has more than its share to do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from simtier.contract import ReplicaView, RequestView, Routing, SiteView, Verdict
from simtier.policies.routing.ring import Key, Over, Ring, groups_of, key_of


class BoundedLoadHash(Routing):
    """Hash a key of the request onto a ring and take the first clockwise that is below its capacity.

    Consistent hashing with bounded loads (Mirrokni, Thorup and Zadimoghaddam, SODA 2018, section 1): with m requests in flight,
    this one included, on n places, each has the capacity ceil((1 + epsilon) m / n); HAProxy's `hash-balance-factor 125` is epsilon
    0.25. One place at least is below it. A node's capacity counts its replicas: ceil((1 + epsilon) m r / n) for r of n replicas; of
    them the one with the fewest in flight is taken, of equals the oldest.

    As in HAProxy and Envoy, requests keep their place when others end or places come and go (the paper moves them), so a place
    may hold more than its capacity of the moment, but never gets a request then.
    """

    sees_only_own: ClassVar[bool] = True
    goes_by_numbers: ClassVar[bool] = True
    takes_only_one: ClassVar[bool] = True
    key: Key = "source"
    """What is hashed: "source", "workload" (application and workload) or "function" (of a platform; else application and stage)."""
    over: Over = "replica"
    """What is on the ring: "replica" or "node"."""
    epsilon: Annotated[float, Field(gt=0)] = 0.25
    """Load above the mean that a place may have."""
    points: Annotated[int, Field(ge=1)] = 100
    """Places each replica or node has on the ring: more of them share the keys out more evenly."""

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        """Begin with an empty ring."""
        self._ring = Ring(self.points)

    def choose(self, request: RequestView, replicas: Sequence[ReplicaView]) -> ReplicaView | Verdict:
        """Return the first replica clockwise from the key that is below its capacity."""
        groups = groups_of(replicas, self.over)
        load = {name: sum(replica.in_flight for replica in group) for name, group in groups.items()}
        share = (1.0 + self.epsilon) * (sum(load.values()) + 1) / len(replicas)
        home = next(
            name
            for name in self._ring.clockwise(key_of(request, replicas, self.key), [*groups])
            if load[name] < math.ceil(round(share * len(groups[name]), 9))  # 1.1 x 10 / 11 is a little over 1
        )
        return min(groups[home], key=lambda replica: (replica.in_flight, replica.id))
