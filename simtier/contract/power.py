"""The kind of policy that keeps a row of servers within its power, by capping the clocks of their accelerators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import ClassVar, Literal, Protocol

from simtier.contract.policy import Policy


@dataclass(frozen=True)
class Caps:
    """Highest clocks that accelerators may run at, in Hz; infinity caps nothing.

    Attributes:
        low: of servers of low priority.
        high: of servers of high priority.
    """

    low: float = inf
    high: float = inf


class ServerView(Protocol):
    """A server of the row."""

    @property
    def name(self) -> str:
        """Name of the node."""

    @property
    def priority(self) -> Literal["low", "high"]:
        """Which caps it gets."""

    @property
    def power_w(self) -> float:
        """Mean power between the last two readings."""


class PowerRowView(Protocol):
    """A row of servers that share a power budget."""

    @property
    def now_s(self) -> float:
        """Simulated time."""

    @property
    def budget_w(self) -> float:
        """What all servers together may draw."""

    @property
    def power_w(self) -> float:
        """What they drew, as a mean between the last two readings."""

    @property
    def top_hz(self) -> float:
        """Highest clock of the accelerators."""

    @property
    def told(self) -> Caps:
        """The policy's last answer; before the first, no caps."""

    @property
    def in_force(self) -> Caps:
        """The caps that servers obey now: commands take a while to act."""

    @property
    def braked(self) -> bool:
        """Whether the hardware's power brake is on, which comes before all caps."""

    @property
    def servers(self) -> Sequence[ServerView]:
        """All servers of the row."""


class PowerCapping(Policy):
    """At which clocks the accelerators of a row of servers may run.

    The power brake is not the policy's: the hardware pulls it when the budget is exceeded, whatever the policy says.
    """

    kind: ClassVar[str] = "power"

    def caps(self, row: PowerRowView) -> Caps:
        """Return the caps that should hold, each more than 0 Hz.

        Asked at each reading of the row's meter. Another answer than the last becomes a command, which servers obey some time later.
        """
        raise NotImplementedError
