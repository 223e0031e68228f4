"""A replica for every so many requests waiting."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from simtier.contract import Autoscaling, ServiceView, SiteView
from simtier.policies.autoscaling.window import Stabilizer, ceil
from simtier.units import Seconds


class QueueLength(Autoscaling):
    """Scale to ceil(requests / per_replica), to fewer only after a while, and to none after a cool-down.

    KEDA ("Scaling Deployments", "ScaledObject specification": `cooldownPeriod`, 300 s, guards only the step from one to none)
    with the queue scalers' default of 5 messages a replica (AWS SQS); between one and many it leaves the work to the
    Horizontal Pod Autoscaler, whose stabilisation window (300 s) is kept. Active is a service with any request unfinished. The
    present number is exact; a service without replicas is woken by the first request, not by polling (`pollingInterval`, 30 s).
    Left out: tolerance and limits on the speed of growth (see kubernetes_hpa), activation thresholds.
    """

    sees_only_own: ClassVar[bool] = True
    per_replica: Annotated[float, Field(gt=0)] = 5.0
    """Requests one replica is to deal with."""
    count: Literal["queued", "in_flight"] = "queued"
    """"queued": requests waiting; "in_flight": those in service too, as KEDA's scalers for SQS and RabbitMQ count."""
    scale_down_after: Seconds = 300.0
    """How long fewer replicas must have been enough."""
    cooldown: Seconds = 300.0
    """How long the service must have been without requests for the last replica to go."""

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        """Begin active."""
        self._site = site
        self._active_s = site.now_s
        self._stabilizer = Stabilizer(self.scale_down_after)

    def target(self, service: ServiceView) -> int:
        """Return the stabilised number of replicas."""
        now_s, current = self._site.now_s, service.ready + service.starting
        requests = service.queued if self.count == "queued" else service.in_flight
        active = bool(service.queued or service.in_flight)
        if active:
            self._active_s = now_s
        wanted = max(1, self._stabilizer.stabilize(now_s, ceil(requests / self.per_replica), current))
        if active:
            return wanted
        return min(wanted, current) if now_s - self._active_s < self.cooldown else 0
