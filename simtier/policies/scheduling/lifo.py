"""The newest first."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from simtier.contract import RequestView, Scheduling, SiteView


class Lifo(Scheduling):
    """Serve the request that joined last: last in, first out.

    Under overload it keeps some requests fast while the oldest, likely given up by their callers, wait (the adaptive LIFO of
    Maurer, "Fail at scale", ACM Queue 13(8), 2015).
    """

    sees_only_own: ClassVar[bool] = True

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        """Count from nothing."""
        self._joined = 0

    def rank(self, request: RequestView) -> float:
        """Return a key below all earlier ones: a count, because requests that join at one instant have equal times."""
        self._joined += 1
        return float(-self._joined)
