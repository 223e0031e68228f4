"""Which replica of a service gets a request, as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from simtier.contract import ReplicaView, RequestView, SiteView
from simtier.learning.decisions.base import Decision, Observation, seen_as, squeezed

WORK_S = 0.1
SLACK_S = 1.0
SIZE_BYTES = 1e6
PER_SLOT = 4.0
LATENCY_S = 0.05
_OF_REQUEST = ("request.work", "request.slack", "request.size")
_OF_REPLICA = ("there", "in_flight", "queued", "latency")


class RouteDecision(Decision):
    """An action is the place of a replica among those that are ready, in the order in which they became so.

    Of more than `most` replicas the first `most` are shown, and can be chosen. A place where nobody is, which `mask` tells, is taken
    for the last one where somebody is. WAIT, REJECT and Fetch are no actions.

    Amounts without bound are squeezed: x / (x + c), which is 1/2 at c. Of the request: its work (c = 0.1 s), the slack
    until its deadline (1 s) and its size (1 MB). Of each replica: whether it is there, requests in flight and queued for each of its
    slots (c = 4), and the latency of the way there (50 ms).

    Args:
        most: how many replicas are shown.
    """

    kind: ClassVar[str] = "routing"

    def __init__(self, most: int) -> None:
        self.most = most
        self.sizes = (most,)
        self.names = (*_OF_REQUEST, *(f"replica{place}.{name}" for place in range(most) for name in _OF_REPLICA))

    def start(self, site: SiteView) -> None:
        """Remember where the ways are."""
        self._site = site

    def observe(self, *seen: Any) -> Observation:
        """Return what is seen of a request and the replicas for it."""
        request: RequestView = seen[0]
        replicas: Sequence[ReplicaView] = seen[1][: self.most]
        numbers = [
            squeezed(request.work_s, WORK_S),
            squeezed(request.deadline_s - self._site.now_s, SLACK_S),
            squeezed(request.size_bytes, SIZE_BYTES),
        ]
        for replica in replicas:
            half = PER_SLOT * replica.concurrency
            numbers += [
                1.0,
                squeezed(replica.in_flight, half),
                squeezed(replica.queued, half),
                squeezed(self._site.latency_s(request.at, replica.node.name), LATENCY_S),
            ]
        return seen_as(numbers + [0.0] * (len(self.names) - len(numbers)))

    def mask(self, observation: Observation) -> NDArray[np.int8]:
        """Return 1 for each place where a replica is."""
        there = observation[len(_OF_REQUEST) :: len(_OF_REPLICA)]
        return (there > 0).astype(np.int8)

    def answer(self, action: Any, *seen: Any) -> ReplicaView:
        """Return the replica at that place, or the last before it."""
        replicas: Sequence[ReplicaView] = seen[1]
        return replicas[min(self.numbers(action)[0], len(replicas) - 1)]

    def written(self) -> dict[str, Any]:
        """Return its parameters as plain data."""
        return {"kind": self.kind, "most": self.most}
