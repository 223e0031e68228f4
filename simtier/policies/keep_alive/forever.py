"""Instances stay until their memory is needed."""

from __future__ import annotations

from typing import ClassVar

from simtier.contract import InstanceView, KeepAlive


class Forever(KeepAlive):
    """Never end an idle instance for its age; when memory is needed, the longest idle goes first.

    With memory enough for all, the least cold starts a policy can have that starts nothing ahead of need.
    """

    sees_only_own: ClassVar[bool] = True
    keeps_apart: ClassVar[bool] = True

    def idle_for(self, instance: InstanceView) -> float:
        """Return infinity."""
        return float("inf")
