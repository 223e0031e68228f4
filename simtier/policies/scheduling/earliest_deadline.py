"""The most urgent first."""

from __future__ import annotations

from typing import ClassVar

from simtier.contract import RequestView, Scheduling


class EarliestDeadline(Scheduling):
    """Serve the request whose deadline passes first, without preemption; those without a deadline come last.

    Earliest due date (Jackson, 1955) and earliest deadline first (Liu and Layland, J. ACM 20(1), 1973). Late requests are
    served still, and first: under overload combine it with an admission policy.
    """

    sees_only_own: ClassVar[bool] = True
    keeps_apart: ClassVar[bool] = True

    def rank(self, request: RequestView) -> float:
        """Return the request's deadline."""
        return request.deadline_s
