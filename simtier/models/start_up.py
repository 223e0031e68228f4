"""What a replica goes through between the decision to start it and its first request."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from simtier.clock import Clock, Entry

if TYPE_CHECKING:
    from simtier.models.replica import Replica

Ready = Callable[["Replica"], object]


class StartUp(Protocol):
    """Starts the replicas of one service. It hears of all that become ready, those of time zero included, and of their ends."""

    def begin(self, replica: Replica, ready: Ready) -> None:
        """Start a replica that has its place, and call `ready` with it when it can serve; later by the clock, never at once."""

    def call_off(self, replica: Replica) -> None:
        """Hear that a replica that is starting is given up: its place is free already."""

    def is_ready(self, replica: Replica) -> None:
        """Hear that a replica can serve from now on."""

    def has_ended(self, replica: Replica) -> None:
        """Hear that a replica that was ready is gone; its place is free already."""

    def close(self) -> None:
        """Record what is unfinished at the end of the run."""


class Delay:
    """A start-up that is nothing but time.

    Args:
        clock: of the run.
        seconds: how long it takes for the k-th replica started during the run.
    """

    def __init__(self, clock: Clock, seconds: Callable[[int], float]) -> None:
        self._clock = clock
        self._seconds = seconds
        self._started = 0
        self._entries: dict[Replica, Entry] = {}

    def begin(self, replica: Replica, ready: Ready) -> None:
        """See `StartUp`."""

        def end(_: object) -> None:
            del self._entries[replica]
            ready(replica)

        self._entries[replica] = self._clock.call_in(self._seconds(self._started), end)
        self._started += 1

    def call_off(self, replica: Replica) -> None:
        """See `StartUp`."""
        self._clock.cancel(self._entries.pop(replica))

    def is_ready(self, replica: Replica) -> None:
        """See `StartUp`: nothing is kept of it."""

    def has_ended(self, replica: Replica) -> None:
        """See `StartUp`: nothing is kept of it."""

    def close(self) -> None:
        """See `StartUp`: nothing is unfinished but time."""
