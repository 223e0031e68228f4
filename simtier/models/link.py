"""One direction of a connection between two nodes: what it is, what every live link has, and what a path is made of.

Latency delays and transmission occupies: a link is free again as soon as the last byte has left, however far that byte has to go.
Assumed: a message is one block (no packets), a lost message is noticed only after all of it was sent, losses are independent, and
a repetition is a new transmission of the whole message. Left out: transport protocols, headers, corruption.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from heapq import heappush
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np

from simtier.clock import NORMAL, Clock
from simtier.errors import Problem, ScenarioError
from simtier.models.capacity import Capacity
from simtier.streams import Draws, Sampler, Streams

Handler = Callable[[Any], object]
Message = tuple[int, int, float, Handler, Any, Handler]
"""Index of the draws of jitter and loss, request, bytes, `deliver`, the argument of it and of the last, `lost`."""
Row = tuple[float, float, float, float, float, float, float]
"""A row of the transfers table: request, code of the link, bytes, queued_s, started_s, sent_s, delivered_s."""
STARTED, SENT, DELIVERED = 4, 5, 6
"""Where a row has these three."""


@dataclass(frozen=True)
class LinkSpec:
    """One direction of a connection.

    Args:
        name: unique in the network; names the link's random streams and its rows.
        source: the node at which messages enter.
        target: the node at which they come out.
        latency_s: what every message needs after its last byte has left, in seconds.
        capacity: bytes per second over time.
        sharing: "none": every message is transmitted alone at the full capacity; "fifo": one at a time in the order of arrival,
            and in this order they are delivered; "fair": all at once, at max-min fair rates (see `simtier.models.fair`).
        jitter: samples a non-negative extra latency in seconds, one draw a message; None: no jitter.
        loss: probability that a transmission is lost.
        retransmit_after_s: a lost message is sent again so many seconds after its last byte left; None: it is gone for good.
        joules_per_byte: energy of a transmitted byte, for the metrics.
        dollars_per_byte: price of a transmitted byte, for the metrics.
        medium: links that name the same medium share one capacity, as the devices of a radio cell do; default: the link's name.

    Raises ScenarioError for a negative number, a probability outside 0..1, or a link that could never deliver.
    """

    name: str
    source: str
    target: str
    latency_s: float
    capacity: Capacity
    sharing: Literal["none", "fifo", "fair"] = "fifo"
    jitter: Sampler | None = None
    loss: float = 0.0
    retransmit_after_s: float | None = None
    joules_per_byte: float = 0.0
    dollars_per_byte: float = 0.0
    medium: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "medium", self.medium or self.name)
        for field in ("latency_s", "retransmit_after_s", "joules_per_byte", "dollars_per_byte"):
            value = getattr(self, field)
            if value is not None and not 0 <= value < math.inf:
                raise self._wrong(field, f"{value!r} must be a finite number, 0 or more")
        if self.sharing not in ("none", "fifo", "fair"):
            raise self._wrong("sharing", f"{self.sharing!r} must be 'none', 'fifo' or 'fair'")
        if not 0 <= self.loss <= 1:
            raise self._wrong("loss", f"{self.loss!r} must be a probability between 0 and 1")
        if self.loss == 1 and self.retransmit_after_s is not None:
            raise self._wrong(
                "loss", "1 with retransmission would send for ever: lower it, or set no retransmit_after_s"
            )

    @property
    def delay_only(self) -> bool:
        """Whether the link is nothing but a fixed latency: no transmission, jitter, loss, energy or price."""
        uneven = self.jitter or self.loss or self.joules_per_byte or self.dollars_per_byte
        return self.capacity.mean == math.inf and not uneven

    def _wrong(self, field: str, message: str) -> ScenarioError:
        return ScenarioError([Problem(f"links.{self.name}.{field}", message)])


class Surroundings(NamedTuple):
    """What live links work with: the clock, the random streams, the transfers table's `append`, and codes for texts."""

    clock: Clock
    streams: Streams
    book: Callable[[Row], object]
    code: Callable[[str], int]


class Leg(Protocol):
    """A part of a path that a message passes in one go."""

    def send(self, message: Message, attempt: int = 0) -> None:
        """Carry the message, then call its `deliver` or, if it is lost for good, its `lost`; never at once.

        `attempt` counts the repetitions after losses.
        """

    def rate(self) -> float:
        """Return the bytes/s that one message would get now if it were alone."""

    def share(self) -> float:
        """Return the bytes/s that one more message would get now, beside those present."""


class Delay:
    """A leg that takes the same time for every message."""

    def __init__(self, clock: Clock, latency_s: float) -> None:
        self._clock, self._heap, self._serial = clock, clock.heap, clock.next_serial
        self._latency = latency_s

    def send(self, message: Message, attempt: int = 0) -> None:  # noqa: ARG002 - nothing is ever lost here
        """See `Leg`; one entry in the heap, and nothing else."""
        _, _, _, deliver, argument, _ = message
        heappush(self._heap, (self._clock.now + self._latency, NORMAL, self._serial(), deliver, argument))

    def rate(self) -> float:
        """See `Leg`: unlimited."""
        return math.inf

    share = rate


class Link:
    """A live link: its specification, its draws and what can be seen of it."""

    def __init__(self, spec: LinkSpec, around: Surroundings) -> None:
        self.spec = spec
        self.name = spec.name
        self.code = around.code(spec.name)
        self.jitter = around.streams.request_draws(f"link/{spec.name}/jitter", spec.jitter) if spec.jitter else None
        self.losses = _losses(spec, around.streams) if spec.loss else None
        self._clock, self._book = around.clock, around.book
        self._heap, self._serial = around.clock.heap, around.clock.next_serial

    def give_up_or_repeat(self, message: Message, attempt: int, leg: Leg) -> None:
        """Report a message that was lost at this attempt lost for good, or have it sent again later."""
        after = self.spec.retransmit_after_s
        if after is None:
            _, _, _, _, argument, lost = message
            lost(argument)
        else:
            self._clock.call_in(after, lambda again: leg.send(again, attempt + 1), message)

    def partial_rows(self) -> Iterator[Row]:
        """Yield a row for each message in transmission now, with the bytes that have left, sent_s = now and no delivery."""
        raise NotImplementedError

    @property
    def queued(self) -> int:
        """Messages of this link that wait for their transmission to begin."""
        raise NotImplementedError

    @property
    def active(self) -> int:
        """Messages of this link in transmission now; propagation does not count."""
        raise NotImplementedError

    @property
    def backlog_bytes(self) -> float:
        """Bytes handed to this link that have not left it yet."""
        raise NotImplementedError


def _losses(spec: LinkSpec, streams: Streams) -> Draws:
    """Draw how many transmissions of a message are lost before one arrives: geometric, by inversion, so monotone in `loss`."""

    def sample(generator: np.random.Generator, size: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        uniform = 1.0 - generator.random(size)
        return np.full(size, np.inf) if spec.loss == 1 else np.floor(np.log(uniform) / np.log(spec.loss))

    return streams.request_draws(f"link/{spec.name}/loss", sample)
