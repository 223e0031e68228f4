"""Where a starting replica may get its weights from, and how long each place would take now."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simtier.clock import Clock
from simtier.models.fair import Medium
from simtier.models.network import Network, NoRoute
from simtier.models.node import Gang

if TYPE_CHECKING:
    from simtier.models.llm.loading import LoadingSpec
    from simtier.models.llm.weights_cache import WeightPlaces
    from simtier.models.replica import Replica

INFINITY = float("inf")
Done = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Way:
    """What a copy takes: a fixed time, then bytes over a rate."""

    rate_bytes_per_s: float = INFINITY
    fixed_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Source:
    """A place that has the weights.

    Attributes:
        name: of the place.
        stage: what copying from there is called.
        seconds: about how long it would take if it began now, `then` included.
        copy: begins to copy, and calls what it is given at the end.
        then: what has to follow before the weights are on the accelerators; None: nothing.
    """

    name: str
    stage: str
    seconds: float
    copy: Callable[[Done], object]
    then: Source | None = None


class Sources:
    """The sources for replicas of one service.

    Args:
        clock, network: of the run.
        places: where weights are.
        spec: what copies take.
    """

    def __init__(self, clock: Clock, network: Network, places: WeightPlaces, spec: LoadingSpec) -> None:
        self._clock = clock
        self._network = network
        self._places = places
        self._spec = spec
        self._nbytes = spec.weights.nbytes

    def can_attach(self, replica: Replica) -> bool:
        """Return whether the weights lie on the replica's accelerators, divided as it needs them."""
        weights, device = self._spec.weights, replica.device
        lies_there = isinstance(device, Gang) and device.found == f"{weights.name}/{weights.parts}"
        return self._spec.attach_s is not None and lies_there

    def quickest(self, replica: Replica) -> Source:
        """Return the source that would end first."""
        return min(self._all(replica), key=lambda source: source.seconds)

    def _all(self, replica: Replica) -> Iterator[Source]:
        """Yield what there is, in the order in which equals are taken."""
        holders = self._places.ready(self._spec.weights.name)
        if self._spec.peer is not None:
            yield from (self._peer(self._spec.peer, h, replica) for h in holders if h.node is replica.node)
        if self._spec.weights.name in self._places.host(replica.node.name):
            yield self._host(replica)
        if self._spec.remote is not None:
            for holder in holders:
                if holder.node is not replica.node and (source := self._remote(self._spec.remote, holder, replica)):
                    yield source
        yield self._disk(replica)

    def _peer(self, way: Way, holder: Replica, replica: Replica) -> Source:
        rate = way.rate_bytes_per_s
        if rate == INFINITY and isinstance(replica.device, Gang):
            rate = replica.device.spec.link_bytes_per_s or INFINITY
        out = self._places.medium(f"out:{holder.id}", rate * _devices(holder))
        into = self._places.medium(f"into:{replica.id}", rate * _devices(replica))
        return self._flow("peer", "peer", way.fixed_s, (*out, *into))

    def _host(self, replica: Replica) -> Source:
        way = self._spec.host
        return self._flow("host", "host", way.fixed_s, self._link(replica))

    def _disk(self, replica: Replica) -> Source:
        disk, link = self._spec.disk, self._link(replica)
        media = self._places.medium(f"disk:{replica.node.name}", disk.rate_bytes_per_s)
        if self._spec.overlap:
            first = min(self._spec.chunk_bytes, self._nbytes) / max(disk.rate_bytes_per_s, self._link_rate(replica))
            fixed_s = disk.fixed_s + self._spec.host.fixed_s + first
            return self._flow("disk", "disk", fixed_s, (*media, *link))
        return self._flow("disk", "disk", disk.fixed_s, media, then=self._host(replica))

    def _remote(self, way: Way, holder: Replica, replica: Replica) -> Source | None:
        try:
            path = self._network.path(holder.node.name, replica.node.name)
        except NoRoute:
            return None

        def copy(done: Done) -> None:
            def begin(_: object) -> None:
                path.send(replica.id, -1, self._nbytes, lambda _: done(), None, begin)  # what is lost is sent again

            self._clock.call_in(way.fixed_s, begin)

        rate = path.share_bytes_per_s()
        seconds = way.fixed_s + path.latency_s + (self._nbytes / rate if rate else INFINITY)
        return Source("remote", "remote", seconds, copy)

    def _link_rate(self, replica: Replica) -> float:
        return self._spec.host.rate_bytes_per_s * _devices(replica)

    def _link(self, replica: Replica) -> tuple[Medium, ...]:
        return self._places.medium(f"host:{replica.id}", self._link_rate(replica))

    def _flow(
        self, name: str, stage: str, fixed_s: float, media: tuple[Medium, ...], then: Source | None = None
    ) -> Source:
        """Return a copy over all of `media` at once, after a fixed time."""
        sharing = self._places.sharing
        route = sharing.route(media) if media else None

        def copy(done: Done) -> None:
            def begin(_: object) -> None:
                if route is None or self._nbytes <= 0:
                    done()
                else:
                    sharing.start(route, self._nbytes, lambda _: done(), None)

            self._clock.call_in(fixed_s, begin)

        flowing_s = self._nbytes / sharing.share(route) if route is not None else 0.0
        return Source(name, stage, fixed_s + flowing_s + (then.seconds if then else 0.0), copy, then)


def _devices(replica: Replica) -> int:
    return len(replica.device.devices) if isinstance(replica.device, Gang) else 1
