"""Max-min fair sharing of capacities among flows, as a fluid.

Every flow gets the largest rate that takes nothing from a flow with less: each has a bottleneck, a full medium on which no flow is
faster (Bertsekas & Gallager, Data Networks, 2nd ed., section 6.5.2). On one medium this is processor sharing. Assumed: rates adapt
at once when a flow comes or goes or a capacity changes, a flow runs over all its media at the same time, and all flows weigh the
same, so long round trips are not at a disadvantage as under TCP.

Flows over the same media always have the same rate. They are one `Route`: a counter of the work done for each of its flows, and a
heap of the counter values at which flows finish. A change costs O(log flows) plus the routes it touches; a lone route on one
medium is integrated through its capacity without a look at the others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from heapq import heappop, heappush
from typing import Any

from simtier.clock import Clock, Entry
from simtier.models.capacity import Capacity

Done = Callable[[Any], object]
Flow = tuple[float, int, float, Done, Any]
"""The route's counter at which it finishes, serial number, bytes, what to call then, its argument."""


def max_min(counts: Sequence[int], crossings: Sequence[Sequence[int]], capacities: Sequence[float]) -> list[float]:
    """Return the rate of a flow of each route, by progressive filling.

    Args:
        counts: how many flows each route has.
        crossings: the media each route crosses, as positions in `capacities`; a medium crossed twice is named twice.
        capacities: bytes/s of each medium.

    All rates grow together until a medium is full; the routes that cross it keep that rate, the others grow on (Bertsekas &
    Gallager, section 6.5.2). A flow that crosses no medium gets infinity.
    """
    rates = [math.inf] * len(counts)
    left = list(capacities)
    load = [0] * len(capacities)
    for count, media in zip(counts, crossings, strict=True):
        for m in media:
            load[m] += count
    level = 0.0
    while any(load):
        full = min((m for m in range(len(load)) if load[m]), key=lambda m: left[m] / load[m])
        level = max(level, left[full] / load[full])  # rounding must not make the water fall
        for i, media in enumerate(crossings):
            if rates[i] == math.inf and full in media:
                rates[i] = level
                for m in media:
                    load[m] -= counts[i]
                    left[m] -= counts[i] * level
    return rates


class Medium:
    """A capacity that flows share, and the routes that cross it now."""

    __slots__ = ("capacity", "name", "routes", "watched")

    def __init__(self, name: str, capacity: Capacity) -> None:
        self.name = name
        self.capacity = capacity
        self.routes: dict[Route, None] = {}
        self.watched = False


class Route:
    """All flows over the same media; `work` is what each of them would have got since the route was last empty, in bytes."""

    __slots__ = ("flows", "lone", "media", "rate", "since", "wake", "work")

    def __init__(self, media: tuple[Medium, ...]) -> None:
        self.media = media
        self.flows: list[Flow] = []
        self.work = 0.0
        self.since = 0.0
        self.rate = 0.0
        self.lone = False
        self.wake: Entry | None = None

    def is_lone(self) -> bool:
        """Whether the route shares nothing with another and crosses one medium, once."""
        if len(self.media) != 1:
            return False
        routes = self.media[0].routes
        return not routes or (len(routes) == 1 and self in routes)

    def work_at(self, now: float) -> float:
        """Return the counter as it stands now."""
        if not self.flows:
            return 0.0
        if self.lone:
            return self.work + self.media[0].capacity.bytes_between(self.since, now) / len(self.flows)
        return self.work + self.rate * (now - self.since)

    def due(self, now: float) -> float:
        """Return when the next flow finishes if nothing changes."""
        left = self.flows[0][0] - self.work
        if left <= 0:
            return now
        if self.lone:
            return self.media[0].capacity.finish(now, left * len(self.flows))
        return now + left / self.rate if self.rate else math.inf


class Sharing:
    """All fair media of a network, and what flows over them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._routes: dict[tuple[str, ...], Route] = {}

    def route(self, media: Sequence[Medium]) -> Route:
        """Return the one route over these media, in whatever order they come."""
        ordered = tuple(sorted(media, key=lambda medium: medium.name))
        return self._routes.setdefault(tuple(medium.name for medium in ordered), Route(ordered))

    def start(self, route: Route, nbytes: float, done: Done, argument: Any) -> None:
        """Begin a flow of `nbytes` now and call `done(argument)` when its last byte has left."""
        now = self._clock.now
        if route.flows:
            route.work = route.work_at(now)
        route.since = now
        heappush(route.flows, (route.work + nbytes, self._clock.next_serial(), nbytes, done, argument))
        for medium in route.media:
            medium.routes[route] = None
        if route.is_lone():
            self._pace(route, now, math.nan, lone=True)
        else:
            self._share_out(_connected(route), now, route)

    def share(self, route: Route) -> float:
        """Return the bytes/s that one more flow on `route` would get now."""
        now = self._clock.now
        if route.is_lone():
            return route.media[0].capacity.rate(now) / (len(route.flows) + 1)
        routes = _connected(route)
        return _rates(routes, [len(r.flows) + (r is route) for r in routes], now)[0]

    def under_way(self, medium: Medium) -> Iterator[tuple[float, Any]]:
        """Yield, for each flow over `medium` in the order in which they began, the bytes not yet carried and its argument."""
        now = self._clock.now
        flows = [(flow, flow[0] - route.work_at(now)) for route in medium.routes for flow in route.flows]
        for flow, left in sorted(flows, key=lambda pair: pair[0][1]):
            yield min(max(left, 0.0), flow[2]), flow[4]

    def _finish(self, route: Route) -> None:
        """End the flows that are through (called by the clock)."""
        now = self._clock.now
        others = None if route.is_lone() else _connected(route)
        flows, route.work, route.since, route.wake = route.flows, route.flows[0][0], now, None
        ended = []
        while flows and flows[0][0] <= route.work:
            ended.append(heappop(flows))
        if not flows:
            route.work = 0.0
            for medium in route.media:
                medium.routes.pop(route, None)
        if others:
            self._share_out([other for other in others if other.flows], now, route)
        elif flows:
            self._pace(route, now, math.nan, lone=True)
        for _, _, _, done, argument in ended:
            done(argument)

    def _changed(self, medium: Medium) -> None:
        """Share out again after a capacity has changed (called by the clock)."""
        medium.watched = False
        route = next(iter(medium.routes), None)
        if route is not None and not route.is_lone():
            self._share_out(_connected(route), self._clock.now, None)

    def _share_out(self, routes: list[Route], now: float, touched: Route | None) -> None:
        """Give all routes that hang together their rates, and reschedule those whose next end has moved."""
        entangled = [route for route in routes if not route.is_lone()]
        for route in routes:
            if route.is_lone() and (route is touched or not route.lone):
                self._pace(route, now, math.nan, lone=True)
        rates = _rates(entangled, [len(route.flows) for route in entangled], now)
        for route, rate in zip(entangled, rates, strict=True):
            if route is touched or route.lone or rate != route.rate:
                self._pace(route, now, rate, lone=False)
            for medium in route.media:
                self._watch(medium, now)

    def _pace(self, route: Route, now: float, rate: float, *, lone: bool) -> None:
        if route.since < now:
            route.work, route.since = route.work_at(now), now
        route.rate, route.lone = rate, lone
        if route.wake is not None:
            self._clock.cancel(route.wake)
        due = route.due(now)
        route.wake = self._clock.call_at(due, self._finish, route) if due < math.inf else None

    def _watch(self, medium: Medium, now: float) -> None:
        """Have `_changed` called at the medium's next change of capacity."""
        change = math.inf if medium.watched else medium.capacity.next_change(now)
        if change < math.inf:
            medium.watched = True
            self._clock.call_at(change, self._changed, medium)


def _connected(route: Route) -> list[Route]:
    """Return `route` and all that share a medium with it, or with one of those, and so on: nobody else feels a change."""
    found = {route: None}
    reached = [route]
    for at in reached:
        for medium in at.media:
            for other in medium.routes:
                if other not in found:
                    found[other] = None
                    reached.append(other)
    return reached


def _rates(routes: list[Route], counts: list[int], now: float) -> list[float]:
    media = list(dict.fromkeys(medium for route in routes for medium in route.media))
    position = {medium: i for i, medium in enumerate(media)}
    crossings = [[position[medium] for medium in route.media] for route in routes]
    return max_min(counts, crossings, [medium.capacity.rate(now) for medium in media])
