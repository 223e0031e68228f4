"""A power policy that commands the same caps at every reading, for tests."""

from __future__ import annotations

from math import inf

from simtier.contract import Caps, PowerCapping, PowerRowView


class Always(PowerCapping):
    """Cap to `low` and `high` Hz from the first reading on."""

    low: float = inf
    high: float = inf

    def caps(self, row: PowerRowView) -> Caps:
        return Caps(self.low, self.high)
