"""Links that take in a whole message before it is passed on: sharing "none" and "fifo".

The fate of a message is known when it enters, so it costs one entry in the heap: its delivery. The queue exists as one number,
the time at which the medium is free again (Lindley's recursion); the line of rows beside it serves those who look.
Assumed: a fifo link delivers in the order of transmission, so a message held up by jitter holds up those behind it.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from heapq import heappush
from itertools import takewhile
from typing import Any

from simtier.clock import NORMAL
from simtier.errors import SimulationError
from simtier.models.capacity import Capacity
from simtier.models.link import SENT, STARTED, Handler, Link, LinkSpec, Message, Row, Surroundings


class Turns:
    """What the fifo links of one medium have in common: when it is free again."""

    __slots__ = ("finish", "free_at")

    def __init__(self, capacity: Capacity) -> None:
        self.finish = capacity.finish
        self.free_at = 0.0


class StoringLink(Link):
    """A live link of sharing "none" (nobody waits, `turns` never fills) or "fifo"."""

    def __init__(self, spec: LinkSpec, around: Surroundings, turns: Turns) -> None:
        super().__init__(spec, around)
        self._turns = turns
        self._in_order = spec.sharing == "fifo"
        self._latency = spec.latency_s
        self._last_delivery = 0.0
        self._line: deque[Row] = deque()
        self._line_bytes = 0.0

    def send(self, message: Message, attempt: int = 0) -> None:
        """See `Leg`. Raises SimulationError for a size that is negative or NaN."""
        index, request, nbytes, deliver, argument, _ = message
        if not nbytes >= 0:
            raise SimulationError(f"link {self.name!r} was given {nbytes!r} bytes for request {request}")
        now, turns = self._clock.now, self._turns
        started = turns.free_at if turns.free_at > now else now  # noqa: FURB136 - four times as fast as max()
        sent = turns.finish(started, nbytes)
        if self._in_order:
            turns.free_at = sent
        if self.losses is not None and attempt < self.losses(index):
            row: Row = (request, self.code, nbytes, now, started, sent, math.nan)
            event: Any = (sent, NORMAL, self._serial(), self.lose, ((row,), message, attempt))
        else:
            delivered = sent + self._latency
            if self.jitter is not None:
                delivered = self._unsteady(delivered, index)
            row = (request, self.code, nbytes, now, started, sent, delivered)
            event = (delivered, NORMAL, self._serial(), self.arrive, ((row,), deliver, argument))
        if sent < math.inf:
            heappush(self._heap, event)
        if self._line:
            self._forget_sent()
        self._line.append(row)
        self._line_bytes += nbytes

    def arrive(self, passage: tuple[tuple[Row], Handler, Any]) -> None:
        """Hand over a message (called by the clock)."""
        (row,), deliver, argument = passage
        self._book(row)
        deliver(argument)

    def lose(self, passage: tuple[tuple[Row], Message, int]) -> None:
        """Notice that a message got lost on its way (called by the clock when its last byte has left)."""
        (row,), message, attempt = passage
        self._book(row)
        self.give_up_or_repeat(message, attempt, self)

    def rate(self) -> float:
        """See `Leg`."""
        return self.spec.capacity.rate(self._clock.now)

    def share(self) -> float:
        """See `Leg`; on a fifo link an equal part, as if all messages of this link took turns byte by byte."""
        return self.rate() / (1 + self.queued + self.active) if self._in_order else self.rate()

    @property
    def queued(self) -> int:
        """Messages of this link that wait for their transmission to begin."""
        self._forget_sent()
        return len(self._line) - self.active if self._in_order else 0

    @property
    def active(self) -> int:
        """Messages of this link in transmission now; propagation does not count."""
        return sum(row[SENT] > self._clock.now for row in self._begun())

    @property
    def backlog_bytes(self) -> float:
        """Bytes handed to this link that have not left it yet."""
        gone = sum(map(self._gone, self._begun()))
        return max(self._line_bytes - gone, 0.0)

    def partial_rows(self) -> Iterator[Row]:
        """See `Link`."""
        now = self._clock.now
        for row in self._begun():
            request, code, _, queued, began, sent, _ = row
            if sent > now:
                yield (request, code, self._gone(row), queued, began, now, math.nan)
        for row in self._line:
            if row[STARTED] > now:
                request, code, nbytes, queued, _, _, _ = row
                yield (request, code, nbytes, queued, math.nan, math.nan, math.nan)

    def _begun(self) -> Iterator[Row]:
        """The messages whose transmission has begun: on a fifo link the first of the line at most.

        Without sharing, all of the line; some behind the first may be through already.
        """
        self._forget_sent()
        now = self._clock.now
        return takewhile(lambda row: row[STARTED] <= now, self._line)

    def _gone(self, row: Row) -> float:
        """Return how many bytes of a message in transmission have left."""
        return min(self.spec.capacity.bytes_between(row[STARTED], self._clock.now), row[2])

    def _forget_sent(self) -> None:
        line, now = self._line, self._clock.now
        while line and line[0][SENT] <= now:
            self._line_bytes -= line.popleft()[2]
        if not line:
            self._line_bytes = 0.0  # what rounding left

    def _unsteady(self, delivered: float, index: int) -> float:
        assert self.jitter is not None
        delivered += self.jitter(index)
        if self._in_order:
            delivered = self._last_delivery = max(delivered, self._last_delivery)
        return delivered
