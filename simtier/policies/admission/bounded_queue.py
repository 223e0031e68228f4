"""A queue of limited length."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from simtier.contract import Admission, RequestView, ServiceView


class BoundedQueue(Admission):
    """Reject a request that finds `limit` or more others at the service than its replicas can serve at a time.

    The finite waiting room of M/M/c/K queues: K = slots + limit, and a limit of 0 is a loss system (Erlang B). Requests on their way to
    a replica count, so that a burst cannot slip in while it travels.
    """

    sees_only_own: ClassVar[bool] = True
    keeps_apart: ClassVar[bool] = True
    limit: Annotated[int, Field(ge=0)]
    """Most requests that may wait."""

    def admit(self, request: RequestView, service: ServiceView) -> bool:
        """Return whether a slot or a place to wait is left."""
        return service.in_flight < service.ready * service.concurrency + self.limit
