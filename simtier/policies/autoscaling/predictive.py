"""As many replicas as were needed one period ago, corrected by what is needed now."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from simtier.contract import Autoscaling, ServiceView, SiteView
from simtier.policies.autoscaling.window import Demand, replicas_for
from simtier.units import Seconds


class Predictive(Autoscaling):
    """Forecast the demand of the next `ahead` seconds from the demand one period ago, and keep `headroom` times that many slots.

    forecast = weight x (largest demand one period before [now, now + ahead]) + (1 - weight) x (demand now): the seasonal naive
    method (Hyndman and Athanasopoulos, "Forecasting: Principles and Practice", 3rd edition, section 5.2), averaged with the
    naive one (section 13.4 on combinations). During the first period, and for times at which it was not asked, only the present counts.

    Demand is the mean number of slots in use since the last question plus the requests waiting. Kept is one number for each
    `every` seconds of a period. For demand whose period is known and stable; it learns no trend and no second season.
    """

    sees_only_own: ClassVar[bool] = True
    foresees: ClassVar[bool] = True
    period: Annotated[Seconds, Field(gt=0)] = 86400.0
    """After which time demand repeats."""
    weight: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Share of the past in the forecast; the rest is the present."""
    ahead: Seconds = 60.0
    """How far to look ahead: about as long as a replica takes to start, and one question more; a period at most counts."""
    headroom: Annotated[float, Field(gt=0)] = 1.2
    """Slots kept for each slot forecast."""

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        """Forget what was seen."""
        self._site = site
        self._demand = Demand(site.now_s)
        self._seen: list[float | None] = [None] * max(1, round(self.period / self.every))

    def target(self, service: ServiceView) -> int:
        """Return the replicas for the forecast; at least one while a request is there."""
        now_s, seen = self._site.now_s, self._seen
        present = self._demand.measure(service, now_s)
        width_s = self.period / len(seen)
        first = round(now_s / width_s)
        looked_at = min(len(seen), 1 + round(self.ahead / width_s))
        past = [seen[(first + step) % len(seen)] for step in range(looked_at)]
        seen[first % len(seen)] = present
        known = [number for number in past if number is not None]
        forecast = self.weight * max(known) + (1.0 - self.weight) * present if known else present
        return replicas_for(self.headroom * forecast, service)
