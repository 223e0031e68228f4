"""Fair links as legs of a path: a message flows through a run of consecutive fair links as one fluid.

Assumed: the message holds its rate on all links of the run at once, whatever their latencies, and arrives a run's latency (and
jitter) after its last byte has left the source; only a link that may lose messages takes in the whole message first, for it must
be able to send it again, so it is a run of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from heapq import heappush
from typing import Any

from simtier.clock import NORMAL
from simtier.errors import SimulationError
from simtier.models.fair import Medium, Sharing
from simtier.models.link import Handler, Link, LinkSpec, Message, Row, Surroundings

_Flow = tuple["FairRun", float, Message, int]
"""What is known of a message in transmission: its leg, since when, the message, the attempt."""


class FairLink(Link):
    """A live link of sharing "fair"; nobody waits, all are in transmission."""

    def __init__(self, spec: LinkSpec, around: Surroundings, sharing: Sharing, medium: Medium) -> None:
        super().__init__(spec, around)
        self.sharing = sharing
        self.medium = medium

    @property
    def queued(self) -> int:
        """Messages that wait for their transmission to begin: none."""
        return 0

    @property
    def active(self) -> int:
        """Messages of this link in transmission now (propagation does not count); looks at every flow of the medium."""
        return sum(1 for _ in self._flows())

    @property
    def backlog_bytes(self) -> float:
        """Bytes handed to this link that have not left it yet; looks at every flow of the medium."""
        return sum(left for left, _ in self._flows())

    def partial_rows(self) -> Iterator[Row]:
        """See `Link`."""
        now = self._clock.now
        for left, (_, began, message, _) in self._flows():
            _, request, nbytes, _, _, _ = message
            yield (request, self.code, nbytes - left, began, began, now, math.nan)

    def _flows(self) -> Iterator[tuple[float, _Flow]]:
        for left, flow in self.sharing.under_way(self.medium):
            if self in flow[0].links:
                yield left, flow


class FairRun:
    """A leg over fair links that one message crosses at once.

    Args:
        links: in the order of the path.
    """

    def __init__(self, links: tuple[FairLink, ...], around: Surroundings) -> None:
        self.links = links
        self._clock, self._book = around.clock, around.book
        self._heap, self._serial = around.clock.heap, around.clock.next_serial
        self._sharing = links[0].sharing
        narrow = [link.medium for link in links if link.spec.capacity.mean < math.inf]
        self._route = self._sharing.route(narrow) if narrow else None
        self._losses = links[0].losses if len(links) == 1 else None

    def send(self, message: Message, attempt: int = 0) -> None:
        """See `Leg`. Raises SimulationError for a size that is negative or NaN."""
        nbytes = message[2]
        if not nbytes >= 0:
            raise SimulationError(f"link {self.links[0].name!r} was given {nbytes!r} bytes for request {message[1]}")
        flow = (self, self._clock.now, message, attempt)
        if self._route is None or nbytes == 0:
            self._sent(flow)
        else:
            self._sharing.start(self._route, nbytes, self._sent, flow)

    def arrive(self, passage: tuple[tuple[Row, ...], Handler, Any]) -> None:
        """Hand over a message (called by the clock)."""
        rows, deliver, argument = passage
        for row in rows:
            self._book(row)
        deliver(argument)

    def lose(self, passage: tuple[tuple[Row], Message, int]) -> None:
        """Notice that a message got lost on its way (called by the clock when its last byte has left)."""
        (row,), message, attempt = passage
        self._book(row)
        self.links[0].give_up_or_repeat(message, attempt, self)

    def rate(self) -> float:
        """See `Leg`: the capacity of the narrowest link."""
        return min(link.spec.capacity.rate(self._clock.now) for link in self.links)

    def share(self) -> float:
        """See `Leg`: max-min fair, with one flow more."""
        return math.inf if self._route is None else self._sharing.share(self._route)

    def _sent(self, flow: _Flow) -> None:
        """Put the delivery, or the loss, of a message whose last byte has left into the heap."""
        _, began, message, attempt = flow
        index, request, nbytes, deliver, argument, _ = message
        now = self._clock.now
        event: Any
        if self._losses is not None and attempt < self._losses(index):
            row: Row = (request, self.links[0].code, nbytes, began, began, now, math.nan)
            event = (now, NORMAL, self._serial(), self.lose, ((row,), message, attempt))
        else:
            delivered, rows = now, []
            for link in self.links:
                delivered += link.spec.latency_s + (link.jitter(index) if link.jitter else 0.0)
                if not link.spec.delay_only:
                    rows.append((request, link.code, nbytes, began, began, now, delivered))
            event = (delivered, NORMAL, self._serial(), self.arrive, (tuple(rows), deliver, argument))
        heappush(self._heap, event)
