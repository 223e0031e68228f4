"""No admission control."""

from __future__ import annotations

from typing import ClassVar

from simtier.contract import Admission, RequestView, ServiceView


class Everyone(Admission):
    """Let every request in."""

    passive: ClassVar[bool] = True

    def admit(self, request: RequestView, service: ServiceView) -> bool:
        """Return True."""
        return True
