"""No batching."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from simtier.contract import Batching, Hold, Limits, RequestView


class OneAtATime(Batching):
    """Run each request alone, as soon as it can."""

    sees_only_own: ClassVar[bool] = True
    keeps_apart: ClassVar[bool] = True
    passive: ClassVar[bool] = True

    def form(self, queue: Sequence[RequestView], limits: Limits) -> Sequence[RequestView] | Hold:
        """Return the first of `queue`."""
        return queue[:1]
