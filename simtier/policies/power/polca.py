"""Two thresholds, low priority first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from simtier.contract import Caps, PowerCapping, PowerRowView, SiteView
from simtier.units import PerSecond

if TYPE_CHECKING:
    import numpy as np


class Polca(PowerCapping):
    """POLCA: cap low priority a little above one threshold, strongly above another, and high priority only if that does not help.

    Above `first` low priority runs at `low`. Above `second` it runs at `low_deep`; if power is still above once that acts, high priority runs at
    `high`. `gap` below `second` only `low` is left, and `gap` below `first` nothing. `second` leaves room for what power can rise by before a
    command acts: 1 - 11.8 %.

    Source: Patel et al., POLCA, ASPLOS 2024, section 5, for A100s: 80 and 89 % of the budget, 1275, 1110 and 1305 of 1410 MHz.
    """

    sees_only_own: ClassVar[bool] = True
    first: Annotated[float, Field(gt=0, le=1)] = 0.80
    """Share of the budget above which low priority is capped to `low`."""
    second: Annotated[float, Field(gt=0, le=1)] = 0.89
    """Share of the budget above which it is capped to `low_deep`, and then high priority to `high`."""
    gap: Annotated[float, Field(ge=0, lt=1)] = 0.05
    """How far below a threshold, as a share of the budget, its caps are lifted."""
    low: PerSecond = 1.275e9
    """Clock of low priority above `first`: the base clock of an A100."""
    low_deep: PerSecond = 1.11e9
    """Clock of low priority above `second`."""
    high: PerSecond = 1.305e9
    """Clock of high priority if that is not enough."""

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        """Begin without caps."""
        self._level = 0

    def caps(self, row: PowerRowView) -> Caps:
        """Return the caps of the level that the last reading asks for; between a threshold and its gap the level stays."""
        share = row.power_w / row.budget_w
        if share > self.second:
            self._level = 3 if row.in_force.low <= self.low_deep else max(self._level, 2)
        elif share > self.first:
            self._level = max(self._level, 1)
        if share < self.first - self.gap:
            self._level = 0
        elif share < self.second - self.gap:
            self._level = min(self._level, 1)
        levels = (Caps(), Caps(self.low), Caps(self.low_deep), Caps(self.low_deep, self.high))
        return levels[self._level]
