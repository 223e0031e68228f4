"""No admission control."""

from __future__ import annotations

from typing import ClassVar

from simtier.contract import Admission, RequestView, ServiceView


class Everyone(Admission):
    """Let every request in."""

    sees_only_own: ClassVar[bool] = True
    keeps_apart: ClassVar[bool] = True
    passive: ClassVar[bool] = True

    def admit(self, request: RequestView, service: ServiceView) -> bool:
        """Return True."""
        return True
