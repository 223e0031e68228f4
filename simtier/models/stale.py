"""Replicas as they last reported: what a real router sees of them.

All replicas of a service report at the same times, k times the period, what they are at the end of that instant; a replica that becomes
ready reports at once. What a service knows by itself is always present: which replicas are ready, and how many of the requests it
sent to each are not answered yet (`in_flight`). So is what a replica tells when it is asked about one request: what it has cached of its
prompt, and how long that takes it; and so are its running `sequences`, of which no report tells. Requests that wait for a replica try again after
each report.

Assumptions: reports cost nothing, and arrive at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import TYPE_CHECKING, Any, cast

from simtier.clock import OBSERVE, Clock
from simtier.contract import NodeView, ReplicaView, RequestView, SequenceView
from simtier.models.llm.replica_view import EngineReplicaFacade
from simtier.models.views import ServiceFacade

if TYPE_CHECKING:
    from simtier.models.replica import Replica
    from simtier.models.service import Service


class Reports:
    """What the replicas of one service reported last.

    Args:
        service: whose replicas.
        clock: of the run.
        every_s: from one report to the next.
    """

    def __init__(self, service: Service, clock: Clock, every_s: float) -> None:
        self._service = service
        self._clock = clock
        self._every_s = every_s
        self._ticks = count(1)
        self.owner = ("service", service.name)
        """Whose it is: all that it does follows from that, and concerns nothing else."""
        self._last: dict[int, ReportedReplica] = {}
        self._next()

    def views(self, replicas: Sequence[Replica]) -> tuple[ReplicaView, ...]:
        """Return what was reported of `replicas`; those that never did report now."""
        for replica in replicas:
            if replica.id not in self._last:
                kind = ReportedEngine if isinstance(replica.view, EngineReplicaFacade) else ReportedReplica
                self._last[replica.id] = kind(replica.view)
        return tuple(cast("ReplicaView", self._last[replica.id]) for replica in replicas)

    def queued(self) -> int:
        """Return how many requests wait in queues of replicas, as reported."""
        return sum(view.queued for view in self._last.values())

    def _next(self) -> None:
        self._clock.call_at(next(self._ticks) * self._every_s, self._report, None, OBSERVE)

    def _report(self, _: object) -> None:
        serving = {replica.id for replica in self._service.fleet.serving}
        self._last = {number: view for number, view in self._last.items() if number in serving}
        for view in self._last.values():
            view.report()
        self._service.try_again()
        self._next()


class ReportedReplica:
    """A replica as it last reported; see simtier.contract.ReplicaView."""

    TOLD: tuple[str, ...] = ("queued", "running")

    def __init__(self, present: Any) -> None:
        self._present = present
        self.report()

    def report(self) -> None:
        """Tell what is so now."""
        self._told = {name: getattr(self._present, name) for name in self.TOLD}

    @property
    def id(self) -> int:
        return cast("int", self._present.id)

    @property
    def service(self) -> str:
        return cast("str", self._present.service)

    @property
    def node(self) -> NodeView:
        return cast("NodeView", self._present.node)

    @property
    def state(self) -> str:
        return cast("str", self._present.state)

    @property
    def queued(self) -> int:
        return cast("int", self._told["queued"])

    @property
    def running(self) -> int:
        return cast("int", self._told["running"])

    @property
    def in_flight(self) -> int:
        return cast("int", self._present.in_flight)

    @property
    def concurrency(self) -> int:
        return cast("int", self._present.concurrency)


class ReportedEngine(ReportedReplica):
    """A replica with an engine as it last reported; see simtier.contract.EngineReplicaView."""

    TOLD = (
        *ReportedReplica.TOLD,
        *("queued_tokens", "queued_prompts", "queue_s", "running_tokens", "blocks_free", "busy", "iteration_s"),
    )

    @property
    def queued_tokens(self) -> int:
        return cast("int", self._told["queued_tokens"])

    @property
    def queued_prompts(self) -> int:
        return cast("int", self._told["queued_prompts"])

    @property
    def queue_s(self) -> float:
        return cast("float", self._told["queue_s"])

    @property
    def running_tokens(self) -> int:
        return cast("int", self._told["running_tokens"])

    @property
    def blocks_free(self) -> int:
        return cast("int", self._told["blocks_free"])

    @property
    def blocks_total(self) -> int:
        return cast("int", self._present.blocks_total)

    @property
    def block_tokens(self) -> int:
        return cast("int", self._present.block_tokens)

    @property
    def token_bytes(self) -> float:
        return cast("float", self._present.token_bytes)

    @property
    def busy(self) -> bool:
        return cast("bool", self._told["busy"])

    @property
    def iteration_s(self) -> float:
        return cast("float", self._told["iteration_s"])

    @property
    def sequences(self) -> Sequence[SequenceView]:
        return cast("Sequence[SequenceView]", self._present.sequences)

    @property
    def shares(self) -> tuple[float, float] | None:
        return cast("tuple[float, float] | None", self._present.shares)

    def cached_tokens(self, request: RequestView) -> int:
        return cast("int", self._present.cached_tokens(request))

    def prompt_s(self, request: RequestView, cached: int | None = None) -> float:
        return cast("float", self._present.prompt_s(request, cached))

    def token_s(self, request: RequestView, more: int = 0) -> float:
        return cast("float", self._present.decode_s(self.running, self.running_tokens, request, more))


class ReportingService(ServiceFacade):
    """A service whose replicas report; see simtier.contract.ServiceView."""

    __slots__ = ("_reports",)

    def __init__(self, service: Service, reports: Reports) -> None:
        super().__init__(service)
        self._reports = reports

    @property
    def queued(self) -> int:
        return len(self._service.waiting) + self._reports.queued()
