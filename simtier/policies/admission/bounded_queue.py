"""A queue of limited length."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from simtier.contract import Admission, RequestView, ServiceView


class BoundedQueue(Admission):
    """Reject a request that finds `limit` or more waiting at the service, its replicas' queues included.

    The finite waiting room of M/M/c/K queues (K = slots + limit).
    """

    limit: Annotated[int, Field(ge=1)]
    """Most requests that may wait."""

    def admit(self, request: RequestView, service: ServiceView) -> bool:
        """Return whether fewer than `limit` requests wait."""
        return service.queued < self.limit
