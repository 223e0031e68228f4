"""What the accelerators of an engine draw, and the clock that they run at.

An iteration that is under way when the clock changes ends as it began, and so does what it draws; stretches of iterations are cut there.
"""

from __future__ import annotations

from simtier.models.llm.capped import Capped
from simtier.models.llm.engine import Engine
from simtier.models.llm.lanes import Lanes
from simtier.models.llm.phase_power import PhasePower
from simtier.models.llm.work import IterationCost


class Draw:
    """The accelerators of one engine.

    Args:
        engine: which.
        power: of each of its accelerators.
    """

    def __init__(self, engine: Engine | Lanes, power: PhasePower) -> None:
        self._engine = engine
        self._power = power
        self._cost = engine.cost
        self._clock = 1.0
        self._under_way = 1.0
        self._joules = 0.0
        self._idle_w = power.idle_w * engine.devices
        self._known: dict[float, float] = {}

    @property
    def clock(self) -> float:
        """Share of the highest clock, from the next iteration on."""
        return self._clock

    @property
    def cost(self) -> IterationCost:
        """What iterations take at the highest clock."""
        return self._cost

    def change_cost(self, cost: IterationCost) -> None:
        """Have iterations take other times at the highest clock."""
        self._cost = cost
        clock, self._clock = self._clock, 0.0
        self.set_clock(clock)

    def set_clock(self, clock: float) -> None:
        """Run at another share of the highest clock, in (0, 1]."""
        if clock == self._clock:
            return
        self._clock = clock
        if not self._engine.busy:
            self._follow()
        self._engine.change_cost(self._cost if clock == 1.0 else Capped(self._cost, self._power, clock))

    def wrote(self, tokens: float, took_s: float) -> float:
        """Return what all accelerators drew (W) in iterations of so many tokens each that have just ended."""
        watts = self._watts(tokens)
        self._joules += (watts - self._idle_w) * took_s
        if self._under_way != self._clock:
            self._follow()
        return watts

    def joules_above_idle(self) -> float:
        """Return the energy up to now beyond what the accelerators draw when idle."""
        engine = self._engine
        if not engine.busy:
            return self._joules
        return self._joules + (self._watts(engine.stint.tokens) - self._idle_w) * engine.elapsed_s

    def _follow(self) -> None:
        """Let what begins from now on run at the new clock."""
        self._under_way = self._clock
        self._known.clear()

    def _watts(self, tokens: float) -> float:
        watts = self._known.get(tokens)
        if watts is None:
            watts = self._known[tokens] = self._power.watts(tokens, self._under_way) * self._engine.devices
        return watts
