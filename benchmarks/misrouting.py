"""A rule that errs as often as it is told to, for benchmarks/check_power.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from simtier import Routing
from simtier.contract import ReplicaView, RequestView, SiteView


class Misrouting(Routing):
    """Take the idler of two replicas, either of equals, and the busier by mistake."""

    takes_only_one: ClassVar[bool] = True
    mistakes: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Probability of a mistake."""
    skip: int = 0
    """Random numbers thrown away at the start: another course, by the same rule."""

    def start(self, site: SiteView, rng: np.random.Generator) -> None:  # noqa: ARG002 - what the contract passes
        """Begin with a stream of random numbers."""
        self._rng = rng
        self._rng.random(self.skip)

    def choose(self, request: RequestView, replicas: Sequence[ReplicaView]) -> ReplicaView:  # noqa: ARG002 - likewise
        """Return the replica."""
        coin, mistake = self._rng.random(2)
        idler, busier = sorted(replicas, key=lambda replica: (replica.in_flight, (replica.id % 2 == 0) == (coin < 0.5)))
        return busier if mistake < self.mistakes else idler
