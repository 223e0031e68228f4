"""The least work first."""

from __future__ import annotations

from typing import ClassVar

from simtier.contract import RequestView, Scheduling


class ShortestFirst(Scheduling):
    """Serve the request with the shortest service time, without preemption.

    Shortest job first: the least mean waiting time of all such orders (Phipps, Operations Research 4(1), 1956). It uses
    the exact service time, so it bounds what any estimate can give; long requests may starve.
    """

    sees_only_own: ClassVar[bool] = True
    keeps_apart: ClassVar[bool] = True

    def rank(self, request: RequestView) -> float:
        """Return the request's own service time."""
        return request.work_s
