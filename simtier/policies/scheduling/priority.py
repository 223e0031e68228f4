"""The most important first."""

from __future__ import annotations

from typing import ClassVar

from simtier.contract import RequestView, Scheduling


class Priority(Scheduling):
    """Serve the request with the highest priority, without preemption; equal ones in order of arrival.

    The head-of-the-line discipline of Cobham, Operations Research 2(1), 1954.
    """

    sees_only_own: ClassVar[bool] = True
    keeps_apart: ClassVar[bool] = True

    def rank(self, request: RequestView) -> float:
        """Return the priority, turned round: the lowest key is served first."""
        return -request.priority
