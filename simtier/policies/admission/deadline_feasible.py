"""Only requests that can still be in time."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from simtier.contract import Admission, RequestView, ServiceView, SiteView


class DeadlineFeasible(Admission):
    """Reject a request that is expected to miss its deadline; those without one are let in.

    Expected end = now + waiting requests x mean service time / slots + its own service time (as Clockwork
    refuses what it predicts to be late: Gujarati et al., OSDI 2020), for a queue in order of arrival.
    What remains of running requests, network time and cold starts are left out, so it errs towards letting in. With no
    replica ready it reckons as if one were; as long as there never was one it lets everything in, for it knows no times.
    """

    sees_only_own: ClassVar[bool] = True
    keeps_apart: ClassVar[bool] = True

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        """Keep the view of the site."""
        self._site = site

    def admit(self, request: RequestView, service: ServiceView) -> bool:
        """Return whether the request is expected to end by its deadline."""
        wait_s = service.queued * service.work_s / (max(service.ready, 1) * service.concurrency)
        end_s = self._site.now_s + wait_s + request.work_s
        return math.isnan(end_s) or end_s <= request.deadline_s
