"""In order of arrival."""

from __future__ import annotations

from typing import ClassVar

from simtier.contract import RequestView, Scheduling


class Fifo(Scheduling):
    """Serve in order of arrival: first in, first out."""

    sees_only_own: ClassVar[bool] = True
    keeps_apart: ClassVar[bool] = True
    passive: ClassVar[bool] = True

    def rank(self, request: RequestView) -> float:
        """Return the same key for all: equal keys keep the order of arrival."""
        return 0.0
