"""A load that a server draws beside what is simulated in detail, such as training: two levels that alternate."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

from simtier.clock import Clock
from simtier.models.llm.phase_power import scaled


@dataclass(frozen=True, slots=True, kw_only=True)
class Swing:
    """A periodic load.

    Attributes:
        high_w, low_w: of the whole server, in watts: `high_w` from the begin of each period, `low_w` later.
        period_s: how long one of both takes.
        duty: share of the period at `high_w`.
    """

    high_w: float
    low_w: float
    period_s: float
    duty: float

    def joules(self, until_s: float) -> float:
        """Return the energy from time zero on, at the highest clock."""
        whole = floor(until_s / self.period_s)
        at_high = self.duty * self.period_s
        high_s = whole * at_high + min(until_s - whole * self.period_s, at_high)
        return self.high_w * high_s + self.low_w * (until_s - high_s)


class Load:
    """A swing on one server; power above idle follows the clock, its rhythm does not.

    Source of the profile: Patel et al., POLCA, ASPLOS 2024, section 3: servers that train together compute and wait together.

    Args:
        clock: of the run.
        swing: what it draws.
        idle_w: of the server and its accelerators together.
    """

    def __init__(self, clock: Clock, swing: Swing, idle_w: float) -> None:
        self._now = clock
        self._swing = swing
        self._idle_w = idle_w
        self._clock = 1.0
        self._joules = 0.0
        self._since_s = 0.0

    def set_clock(self, clock: float) -> None:
        """Run at another share of the highest clock, in (0, 1]."""
        self._joules = self.joules_above_idle()
        self._since_s = self._now.now
        self._clock = clock

    def joules_above_idle(self) -> float:
        """Return the energy up to now beyond what the server draws when idle."""
        now = self._now.now
        drew = self._swing.joules(now) - self._swing.joules(self._since_s) - self._idle_w * (now - self._since_s)
        return self._joules + drew * scaled(self._clock)
