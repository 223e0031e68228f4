"""No keep-alive."""

from __future__ import annotations

from typing import ClassVar

from simtier.contract import InstanceView, KeepAlive


class NoKeepAlive(KeepAlive):
    """End an instance as soon as it is idle: every request that meets no busy instance with a free slot is a cold start.

    The lower bound of memory and the upper bound of cold starts, of use as a yardstick. Instances that are started ahead of need end
    as soon as they are ready, so an autoscaling policy that does so gains nothing here.
    """

    sees_only_own: ClassVar[bool] = True
    keeps_apart: ClassVar[bool] = True

    def idle_for(self, instance: InstanceView) -> float:
        """Return 0."""
        return 0.0
