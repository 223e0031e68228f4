"""Power without control."""

from __future__ import annotations

from typing import ClassVar

from simtier.contract import Caps, PowerCapping, PowerRowView


class Uncapped(PowerCapping):
    """Cap nothing: only the power brake keeps the row within its budget."""

    sees_only_own: ClassVar[bool] = True
    passive: ClassVar[bool] = True

    def caps(self, row: PowerRowView) -> Caps:
        """Return no caps."""
        return Caps()
