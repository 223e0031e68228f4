"""One threshold for all servers."""

from __future__ import annotations

from math import inf
from typing import Annotated, ClassVar

from pydantic import Field

from simtier.contract import Caps, PowerCapping, PowerRowView
from simtier.units import PerSecond


class OneThreshold(PowerCapping):
    """Cap servers to one clock above one threshold, until power is some way below it.

    Source: Patel et al., POLCA, ASPLOS 2024, section 6: its baselines with one threshold, for all servers or for those of low priority.
    """

    sees_only_own: ClassVar[bool] = True
    threshold: Annotated[float, Field(gt=0, le=1)] = 0.89
    """Share of the budget above which caps are commanded."""
    gap: Annotated[float, Field(ge=0, lt=1)] = 0.05
    """How far below it, as a share of the budget, they are lifted."""
    clock: PerSecond = 1.11e9
    """The cap."""
    high: bool = True
    """Whether servers of high priority are capped too."""

    def caps(self, row: PowerRowView) -> Caps:
        """Return the caps in the state that the threshold says, or as they are between it and where they are lifted."""
        if row.power_w > self.threshold * row.budget_w:
            return Caps(low=self.clock, high=self.clock if self.high else inf)
        if row.power_w < (self.threshold - self.gap) * row.budget_w:
            return Caps()
        return row.told
