"""A server of a power row: what it draws, and the clock of its accelerators."""

from __future__ import annotations

from typing import Literal, Protocol

from simtier.clock import Clock

Priority = Literal["low", "high"]


class Drawing(Protocol):
    """Something whose power above idle follows a clock."""

    def set_clock(self, clock: float) -> None:
        """Run at another share of the highest clock, in (0, 1]."""

    def joules_above_idle(self) -> float:
        """Return the energy up to now beyond idle."""


class Server:
    """A node with its accelerators; it shows itself as simtier.contract.ServerView.

    Assumption: the host draws its idle power, for engines leave its cores idle.

    Args:
        clock: of the run.
        name: of the node.
        priority: which caps it gets.
        idle_w: of the host and all accelerators, in watts.

    Attributes:
        power_w: mean between the last two readings.
    """

    def __init__(self, clock: Clock, name: str, priority: Priority, idle_w: float) -> None:
        self.name = name
        self.priority: Priority = priority
        self.power_w = 0.0
        self.idle_w = idle_w
        self._now = clock
        self._clock = 1.0
        self._drawing: list[Drawing] = []
        self._read_s = 0.0
        self._read_j = 0.0

    def add(self, drawing: Drawing) -> None:
        """Count what an engine, or a load, draws, from now on; it runs at the server's clock."""
        drawing.set_clock(self._clock)
        self._drawing.append(drawing)

    def set_clock(self, clock: float) -> None:
        """Let all accelerators run at another share of the highest clock, in (0, 1]."""
        if clock != self._clock:
            self._clock = clock
            for each in self._drawing:
                each.set_clock(clock)

    def read(self) -> float:
        """Return the mean power since the last reading."""
        joules = sum(each.joules_above_idle() for each in self._drawing)
        self.power_w = self.idle_w + (joules - self._read_j) / (self._now.now - self._read_s)
        self._read_s, self._read_j = self._now.now, joules
        return self.power_w
