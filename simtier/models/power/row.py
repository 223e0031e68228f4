"""A row of servers under one power budget: a meter, a policy whose commands take a while to act, and a brake that acts by itself.

Source: Patel et al., POLCA, ASPLOS 2024, section 2: the row's meter is read every 2 s, clocks are set out of band in up to 40 s, and the power
brake lowers them to 288 MHz within 5 s when the budget is exceeded.
Assumptions: the meter tells the mean since its last reading; all servers obey a command at the same time; commands act in the order in which they
were given; the brake is pulled and released by readings, one after the other, and either takes the same time to act.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from simtier.clock import DECIDE, Clock
from simtier.contract import Asker, Caps, PowerCapping
from simtier.journal import Journal
from simtier.models.power.server import Server


@dataclass(frozen=True, slots=True, kw_only=True)
class Brake:
    """The power brake of the hardware.

    Attributes:
        at: it is pulled when power is above this share of the budget.
        release: it is released when power is not above this share, once it acts.
        hz: clock of all accelerators while it acts.
        delay_s: from the reading to when it begins or ceases to act.
    """

    at: float
    release: float
    hz: float
    delay_s: float


class PowerRow:
    """A row at run time; it shows itself as simtier.contract.PowerRowView.

    Args:
        clock, journal: of the run.
        name: of the row.
        asker: its policy.
        servers: all of them.
        budget_w: what they may draw together.
        every_s: how often the meter is read.
        delay_s: from a command to when servers obey it.
        top_hz: highest clock of the accelerators.
        brake: of the hardware.
    """

    def __init__(
        self,
        clock: Clock,
        journal: Journal,
        name: str,
        asker: Asker,
        servers: Sequence[Server],
        *,
        budget_w: float,
        every_s: float,
        delay_s: float,
        top_hz: float,
        brake: Brake,
    ) -> None:
        policy = asker.policy
        assert isinstance(policy, PowerCapping)
        self.servers = tuple(servers)
        self.budget_w = budget_w
        self.top_hz = top_hz
        self.power_w = 0.0
        self.told = self.in_force = Caps()
        self.braked = False
        self._pulled = False
        self._clock, self._asker, self._policy, self._brake = clock, asker, policy, brake
        self._every_s, self._delay_s = every_s, delay_s
        self._append = journal.tables["power"].append
        self._tag = journal.tag("power", name)
        self._ticks = count(1)
        self.owner = ("power row", name)
        """Whose it is: all that it does follows from that, and concerns nothing else."""
        self._next()

    @property
    def now_s(self) -> float:
        """Simulated time."""
        return self._clock.now

    def _next(self) -> None:
        self._clock.call_at(next(self._ticks) * self._every_s, self._read, None, DECIDE)

    def _read(self, _: object) -> None:
        """Read the meter, and let the brake and the policy see it."""
        self.power_w = sum(server.read() for server in self.servers)
        self._watch_brake()
        if not self._asker.skip:
            self._ask()
        clocks = (self._clock_of("low"), self._clock_of("high"))
        self._append((self._tag, self.now_s, self.power_w, *clocks, int(self.braked)))
        self._next()

    def _watch_brake(self) -> None:
        brake, share = self._brake, self.power_w / self.budget_w
        if self._pulled == self.braked and (share > brake.at if not self._pulled else share <= brake.release):
            self._pulled = not self._pulled
            self._clock.call_in(brake.delay_s, self._act)

    def _act(self, _: object) -> None:
        """Let the brake do what was last asked of it."""
        self.braked = self._pulled
        self._set_clocks()

    def _ask(self) -> None:
        caps: Any = self._asker.ask(self._policy.caps, self)
        if not isinstance(caps, Caps) or not (caps.low > 0 and caps.high > 0):
            raise self._asker.wrong(caps, "Caps of more than 0 Hz each")
        if caps != self.told:
            self.told = caps
            self._clock.call_in(self._delay_s, self._obey, caps)

    def _obey(self, caps: Caps) -> None:
        self.in_force = caps
        self._set_clocks()

    def _set_clocks(self) -> None:
        for server in self.servers:
            server.set_clock(self._clock_of(server.priority))

    def _clock_of(self, priority: str) -> float:
        """Return the share of the highest clock that servers of a priority run at."""
        cap = self.in_force.low if priority == "low" else self.in_force.high
        most = min(cap, self._brake.hz) if self.braked else cap
        return min(most / self.top_hz, 1.0)
