"""The Horizontal Pod Autoscaler of Kubernetes."""

from __future__ import annotations

import math
from collections import deque
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from simtier.contract import Autoscaling, ServiceView, SiteView
from simtier.policies.autoscaling.window import Stabilizer, ceil
from simtier.units import Seconds


class KubernetesHpa(Autoscaling):
    """Scale in proportion to a metric of the ready replicas, with the behaviour that Kubernetes has by default.

    Kubernetes documentation, "Horizontal Pod Autoscaling" ("Algorithm details", "Configurable scaling behavior", API
    autoscaling/v2), and `pkg/controller/podautoscaler/{replica_calculator,horizontal}.go`. Wanted are ceil(ready x metric /
    wanted metric) replicas, and no change while that quotient is within `tolerance` of 1. If it asks for more while replicas
    are starting, those count as using nothing: no change if that makes the quotient less than 1 + `tolerance`. Then the
    number is stabilised (fewer only if no more were wanted during `scale_down_after`), and its change within `period` is
    limited. The policy target_utilization is the same without the limits and the starting replicas.

    The metric is exact and current. Left out: the delays of metrics (15 to 60 s), CPU use of a pod's first five minutes, missing
    metrics, several metrics. With no replica ready there is no metric, and nothing changes; from none it goes to `minimum`.
    """

    sees_only_own: ClassVar[bool] = True
    metric: Literal["utilization", "in_flight"] = "utilization"
    """"utilization": share of slots busy since the last question; "in_flight": requests in flight per ready replica, now."""
    wanted: Annotated[float, Field(gt=0)] = 0.8
    """Wanted value of the metric."""
    tolerance: Annotated[float, Field(ge=0)] = 0.1
    """Relative distance from the wanted value that changes nothing."""
    minimum: Annotated[int, Field(ge=1)] = 1
    """Fewest replicas."""
    scale_down_after: Seconds = 300.0
    """How long fewer replicas must have been enough."""
    period: Annotated[Seconds, Field(gt=0)] = 15.0
    """Time over which growth and shrinkage are limited."""
    grow_by_share: Annotated[float, Field(ge=0)] = 1.0
    """Most growth within a period, as a share of the replicas at its start; the larger of this and the next holds."""
    grow_by: Annotated[int, Field(ge=0)] = 4
    """Most growth within a period, in replicas."""
    shrink_by_share: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Most shrinkage within a period, as a share of the replicas at its start."""

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        """Begin measuring now."""
        self._site = site
        self._asked_s, self._busy_slot_s = site.now_s, 0.0
        self._stabilizer = Stabilizer(self.scale_down_after)
        self._had: int | None = None
        self._changes: deque[tuple[float, int]] = deque()

    def target(self, service: ServiceView) -> int:
        """Return the stabilised and limited number of replicas."""
        now_s, current = self._site.now_s, service.ready + service.starting
        at_start = self._at_start_of_period(now_s, current)
        wanted = self._recommend(service, now_s, current)
        if not current:
            return self.minimum
        stable = self._stabilizer.stabilize(now_s, max(wanted, self.minimum), current)
        if stable > current:
            most = max(at_start + self.grow_by, math.ceil(at_start * (1.0 + self.grow_by_share)), current)
            return min(stable, most)
        least = min(math.floor(at_start * (1.0 - self.shrink_by_share)), current)
        return max(stable, least, self.minimum)

    def _at_start_of_period(self, now_s: float, current: int) -> int:
        """Return how many replicas there were a period ago; what has changed since the last question changed right after it."""
        changes = self._changes
        if self._had is not None and self._had != current:
            changes.append((self._asked_s, current - self._had))
        self._had = current
        while changes and now_s - changes[0][0] >= self.period:
            changes.popleft()
        return current - sum(change for _, change in changes)

    def _recommend(self, service: ServiceView, now_s: float, current: int) -> int:
        """Return what the metric asks for."""
        value = self._measure(service, now_s)
        if value is None:
            return current
        quotient = value / self.wanted
        if quotient > 1.0 and service.starting:
            spread = quotient * service.ready / current
            return current if spread <= 1.0 + self.tolerance else ceil(spread * current)
        if abs(quotient - 1.0) <= self.tolerance:
            return current
        return ceil(quotient * service.ready)

    def _measure(self, service: ServiceView, now_s: float) -> float | None:
        """Return the metric, or None if there is none."""
        busy_slot_s = service.busy_slot_s - self._busy_slot_s
        slot_s = service.ready * service.concurrency * (now_s - self._asked_s)
        self._asked_s, self._busy_slot_s = now_s, service.busy_slot_s
        if not service.ready:
            return None
        if self.metric == "in_flight":
            return service.in_flight / service.ready
        return busy_slot_s / slot_s if slot_s > 0.0 else None
