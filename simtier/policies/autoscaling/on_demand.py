"""An instance for every request that finds none free."""

from __future__ import annotations

from typing import ClassVar

from simtier.contract import Autoscaling, ServiceView


class OnDemand(Autoscaling):
    """Start an instance when a request finds no free slot, and never ask for fewer: instances go by keep-alive.

    What function platforms do by default: AWS Lambda ("Understanding Lambda function scaling": a request that finds every
    environment busy gets a new one), Apache OpenWhisk's container pool (Shahrad et al., "Serverless in the Wild", ATC 2020,
    section 2). The service's own least and most bound it.

    With several slots an instance, a request that waits still starts an instance of its own, unless `waits_for_starting`.
    A service without keep-alive therefore only grows under this policy. Left out: limits on the speed of growth (Lambda:
    1,000 instances in 10 s for each function).
    """

    sees_only_own: ClassVar[bool] = True
    at_once: ClassVar[bool] = True
    waits_for_starting: bool = False
    """True: a request waits for an instance that is starting if that has a slot left, and starts one only if none has."""

    def target(self, service: ServiceView) -> int:
        """Return the instances there are, and one more for each request that no starting one is meant for."""
        slots = service.concurrency if self.waits_for_starting else 1  # of each new instance, for those that wait
        return service.ready + max(service.starting, -(-service.queued // slots))
