"""The less busy of a few replicas taken at random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from simtier.contract import ReplicaView, RequestView, Routing, SiteView, Verdict


class PowerOfTwo(Routing):
    """Draw `d` different replicas at random and take the one with the fewest requests in flight; ties go to the oldest.

    Mitzenmacher, "The power of two choices in randomized load balancing", IEEE TPDS 12(10), 2001. With `d` replicas or
    fewer all are compared and nothing is drawn.
    """

    sees_only_own: ClassVar[bool] = True
    takes_only_one: ClassVar[bool] = True
    d: Annotated[int, Field(ge=1)] = 2
    """How many replicas are compared."""

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        """Keep the random stream."""
        self._rng = rng

    def choose(self, request: RequestView, replicas: Sequence[ReplicaView]) -> ReplicaView | Verdict:
        """Return the least busy of `d` replicas drawn without replacement."""
        drawn = replicas if len(replicas) <= self.d else [replicas[index] for index in self._draw(len(replicas))]
        return min(drawn, key=lambda replica: (replica.in_flight, replica.id))

    def _draw(self, n: int) -> list[int]:
        """Return `d` different numbers below `n` (Floyd's sampling: Bentley, CACM 30(9), 1987): `d` draws, whatever `n`."""
        drawn: list[int] = []
        for top in range(n - self.d, n):
            index = int(self._rng.integers(top + 1))
            drawn.append(top if index in drawn else index)
        return drawn
