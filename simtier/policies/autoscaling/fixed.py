"""No autoscaling."""

from __future__ import annotations

from typing import ClassVar

from simtier.contract import Autoscaling, ServiceView


class Fixed(Autoscaling):
    """Keep the number of replicas the scenario began with."""

    sees_only_own: ClassVar[bool] = True
    passive: ClassVar[bool] = True

    def target(self, service: ServiceView) -> int:
        """Return the number there is: change nothing."""
        return service.ready + service.starting
