"""Replicas: where requests wait and are served. What they share is here; `slots`, `fifo`, `batches`, `shared` are the ways to serve.

Assumptions: service is never preempted; a request whose client gives up while it waits leaves the queue, one in service goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from simtier.clock import DECIDE
from simtier.models.views import ReplicaFacade

if TYPE_CHECKING:
    from simtier.models.network import Path
    from simtier.models.node import Claim, Device, Node
    from simtier.models.queues import Queue
    from simtier.models.service import Service
    from simtier.models.visit import Part, Visit

Handler = Callable[["Visit"], None]
NAN = float("nan")


class Replica:
    """One replica of a service on a node.

    Attributes:
        state: "starting", "ready", "draining" or "gone".
        in_flight: requests sent to it and not finished.
        running: requests in service.
        cores_each: cores that one slot has for itself, or can use at most where they are shared.
        delays: how long the way takes from nodes that only a delay parts from here.
        edge_s: ends of service minus starts so far, in seconds; see `busy_slot_s`.
    """

    running: int

    def __init__(
        self, number: int, service: Service, node: Node, device: Device | None, claim: Claim, queue: Queue
    ) -> None:
        self.id = number
        self.service = service
        self.clock = service.clock
        self.node = node
        self.device = device
        self.claim = claim
        self.queue = queue
        self.state = "starting"
        self.since_s = self.clock.now
        self.in_flight = 0
        self.cores_each = claim.cores / service.concurrency if node.fair_cpu is None else min(service.cores, node.cores)
        self.delays: dict[str, float] = {}
        self.edge_s = 0.0
        self.view = ReplicaFacade(self)
        self.times: dict[Any, Any] = {}
        self.take: Handler = self.arrive  # bound once: binding at each request costs
        self._gone_waiting = 0
        self._ways: dict[str, Path] = {}
        self._deciding = False
        self._record = service.journal.tables["stages"].append
        self._tags: dict[Part, int] = {}

    # -- what a way to serve fills in

    def arrive(self, visit: Visit) -> None:
        """Take a visit that has just reached the replica."""
        raise NotImplementedError

    def _dispatch(self) -> None:
        """Start what can be started now; called once at the end of an instant in which something changed."""
        raise NotImplementedError

    def unfinished(self) -> list[tuple[Visit, float, int]]:
        """Return (visit, busy seconds used so far, batch) of everything in service."""
        raise NotImplementedError

    # -- what all share

    @property
    def queued(self) -> int:
        """Requests that wait here; those whose client has gone no longer do."""
        return len(self.queue) - self._gone_waiting

    @property
    def slots_in_use(self) -> int:
        """Slots in use: as many as requests in service, unless these run in batches."""
        return self.running

    def way_from(self, node: str) -> Path:
        """Return the way from `node` to this replica."""
        way = self._ways.get(node)
        if way is None:
            way = self._ways[node] = self.service.network.path(node, self.node.name)
            if way.delay_only:
                self.delays[node] = way.latency_s
        return way

    def busy_slot_s(self) -> float:
        """Return the integral of slots in use up to now."""
        return self.edge_s + self.slots_in_use * self.clock.now

    def decide_soon(self) -> None:
        """Have `_dispatch` called once, when all that falls on this instant has happened."""
        if not self._deciding:
            self._deciding = True
            self.clock.call_at(self.clock.now, self._decide, None, DECIDE)

    def _decide(self, _: object) -> None:
        self._deciding = False
        self._dispatch()

    # -- requests that may be over before they are served

    def line_up(self, visit: Visit) -> None:
        """Let a visit join the queue, unless its request was over before it got here."""
        app = visit.stage.app
        if visit.stage.revocable:
            if visit.id not in app.alive:
                self._count_out(visit)
                self.has_less()
                return
            app.waits(visit, self)
        self.queue.push(visit)

    def leave(self, visit: Visit) -> None:
        """Let a waiting visit go, for its request is over; the queue drops it when its turn comes."""
        self._gone_waiting += 1
        self._count_out(visit)

    def has_less(self) -> None:
        """Tell the service that this replica has a request less."""
        self.service.departed(self)

    def drop(self, visit: Visit) -> bool:
        """Return whether a visit whose turn has come left before; if not, it waits no more."""
        app = visit.stage.app
        if visit.id not in app.alive:
            self._gone_waiting -= 1
            return True
        app.waits_no_more(visit)
        return False

    def _count_out(self, visit: Visit) -> None:
        self.record(visit, NAN, self.clock.now, 0.0, 0)
        self.in_flight -= 1

    # -- rows

    def record(self, visit: Visit, started_s: float, finished_s: float, busy_s: float, batch: int) -> None:
        """Append the visit's row to the stages table."""
        tag = self._tags.get(visit.part)
        if tag is None:
            tag = self._new_tag(visit)
        times = (visit.sent_s, visit.routed_s, visit.queued_s, started_s, finished_s)
        self._record((visit.id, tag, self.id, batch, *times, busy_s))

    def served(self, visit: Visit) -> None:
        """Pass on a visit whose service has ended and has been recorded."""
        self.in_flight -= 1
        if self.service.attentive:
            self.service.departed(self)
        visit.at = self.node.name
        visit.stage.leave(visit)

    def close(self) -> None:
        """Record what is still here at the end of the run."""
        for visit, busy_s, batch in self.unfinished():
            self.record(visit, visit.started_s, NAN, busy_s, batch)
        for visit in self.queue:
            if visit.id in visit.stage.app.alive:
                self.record(visit, NAN, NAN, 0.0, 0)

    def _new_tag(self, visit: Visit) -> int:
        device = self.device.name if self.device is not None else "cpu"
        names = (visit.stage.name, visit.part.name, self.service.name, self.node.name, device, "")
        tag = self._tags[visit.part] = self.service.journal.tag("stages", *names)
        return tag
