"""The nearest replica, unless going further is quicker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from simtier.contract import ReplicaView, RequestView, Routing, SiteView, Verdict
from simtier.units import Seconds


class CrossRegion(Routing):
    """Take the nearest replica, and one further away if its expected time, the way there included, is less by more than `margin`.

    Offloading between regions as Joosen et al. propose ("Serverless Cold Starts and Where to Find Them", EuroSys 2025, section
    5: peaks fall at different hours in each region, and regions are tens to hundreds of milliseconds apart). Expected time of a
    replica: latency x (2 with `round_trip`) + wait, where a request that finds n in flight on c slots waits for n - c + 1
    departures, one every work / c: exact if service times are exponential with mean `work` (the service's or function's mean). Of
    equally near replicas the quicker, then the older counts as the nearest.

    Of the cells of a platform (its regions) one with a warm instance makes nobody wait, and one without for the mean of the
    function's cold starts there so far (before the first, what its cold-start model expects); if more requests wait there than instances
    start, each further one as long again, for then it lacks room. Left out: the time of the data on the way.
    """

    sees_only_own: ClassVar[bool] = True
    margin: Seconds = 0.0
    """Gain below which a request stays near."""
    round_trip: bool = False
    """True: the answer travels back, so latency counts twice."""

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        """Keep the view of the site."""
        self._site = site

    def choose(self, request: RequestView, replicas: Sequence[ReplicaView]) -> ReplicaView | Verdict:
        """Return the nearest or the quickest replica."""
        options = [self._option(request, replica) for replica in replicas]
        nearest = min(options, key=lambda option: (option[1], option[0], option[2].id))
        quickest = min(options, key=lambda option: (option[0], option[1], option[2].id))
        return (quickest if nearest[0] - quickest[0] > self.margin else nearest)[2]

    def _option(self, request: RequestView, replica: ReplicaView) -> tuple[float, float, ReplicaView]:
        """Return the expected time until service, what of it is the way, and the replica."""
        way_s = self._site.latency_s(request.at, replica.node.name) * (2 if self.round_trip else 1)
        return way_s + self._wait_s(replica), way_s, replica

    def _wait_s(self, replica: Any) -> float:
        """Return how long a request waits that comes to a replica, or a cell, as it is now."""
        warm: int | None = getattr(replica, "warm", None)
        if warm is not None:
            return 0.0 if warm else self._cold_wait_s(replica)
        ahead = max(0, replica.in_flight - replica.concurrency + 1)
        wait_s: float = ahead * self._site.services[replica.service].work_s / replica.concurrency if ahead else 0.0
        return wait_s

    @staticmethod
    def _cold_wait_s(cell: Any) -> float:
        """Return how long a request waits in a cell where no instance is free."""
        function = cell.function
        beyond = max(0, cell.queued - function.starting * function.concurrency)
        slots = max(1, cell.concurrency)
        wait_s: float = function.cold_s * (1 + beyond / slots)
        return wait_s
