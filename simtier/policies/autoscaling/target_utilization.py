"""As many replicas as keep them busy for a given share of the time."""

from __future__ import annotations

import math
from collections import deque
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from simtier.contract import Autoscaling, ServiceView, SiteView
from simtier.units import Seconds


class TargetUtilization(Autoscaling):
    """Scale so that a share `utilization` of all service slots is busy.

    The Kubernetes Horizontal Pod Autoscaler ("Algorithm details" and "Stabilization window" of its documentation):
    wanted = ceil(ready x measured / wanted utilisation), and no change while that quotient is within `tolerance` of 1; it
    grows at once, and shrinks to the highest number wanted during the last `scale_down_after`, the number at the first
    question included. It is measured between questions: slot-seconds of service / (slots x time).

    Left out: pods' readiness delays and missing metrics, limits on the speed of growth. With no replica ready nothing can be
    measured: it keeps those starting, or asks for one if any request waits.
    """

    sees_only_own: ClassVar[bool] = True
    utilization: Annotated[float, Field(gt=0, le=1)] = 0.7
    """Wanted share of busy slots."""
    tolerance: Annotated[float, Field(ge=0)] = 0.1
    """Relative distance from the target that changes nothing."""
    scale_down_after: Seconds = 300.0
    """How long fewer replicas must have been enough."""

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        """Begin measuring now."""
        self._site = site
        self._asked_s, self._busy_slot_s = site.now_s, 0.0
        self._wanted: deque[tuple[float, int]] = deque()

    def target(self, service: ServiceView) -> int:
        """Return the stabilised number of replicas."""
        now_s, current = self._site.now_s, service.ready + service.starting
        wanted = self._recommend(service, now_s, current)
        if not self._wanted:
            self._wanted.append((now_s, current))
        self._wanted.append((now_s, wanted))
        while self._wanted[0][0] < now_s - self.scale_down_after:
            self._wanted.popleft()
        highest = max(number for _, number in self._wanted)
        return min(max(current, wanted), highest)

    def _recommend(self, service: ServiceView, now_s: float, current: int) -> int:
        """Return what the utilisation since the last question asks for."""
        busy_slot_s = service.busy_slot_s - self._busy_slot_s
        slot_s = service.ready * service.concurrency * (now_s - self._asked_s)
        self._asked_s, self._busy_slot_s = now_s, service.busy_slot_s
        if slot_s <= 0.0:
            return max(current, 1) if service.queued else current
        ratio = busy_slot_s / slot_s / self.utilization
        if abs(ratio - 1.0) <= self.tolerance:
            return current
        return math.ceil(
            round(service.ready * ratio, 9)
        )  # 0.9 / 0.3 is a little over 3 in floating point: that is no 4
