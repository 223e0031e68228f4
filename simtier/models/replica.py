"""Replicas: where requests wait and are served. What they share is here; `slots`, `batches` and `shared` are the ways to serve.

Assumptions: service is never preempted; a request that its client has given up while it waits is dropped when it would start.
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
        delays: how long the way takes from nodes that only a delay parts from here.
        served_slot_s: slot-seconds given to requests whose service has ended.
    """

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
        self.delays: dict[str, float] = {}
        self._ways: dict[str, Path] = {}
        self.served_slot_s = 0.0
        self.view = ReplicaFacade(self)
        self.times: dict[Any, Any] = {}
        self.take: Handler = self.arrive  # bound once: binding at each request costs
        self._deciding = False
        self._record = service.journal.tables["stages"].append
        self._tags: dict[Part, int] = {}

    # -- what a way to serve fills in

    running: int

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

    def way_from(self, node: str) -> Path:
        """Return the way from `node` to this replica."""
        way = self._ways.get(node)
        if way is None:
            way = self._ways[node] = self.service.network.path(node, self.node.name)
            if way.delay_only:
                self.delays[node] = way.latency_s
        return way

    def busy_slot_s(self) -> float:
        """Return the integral of running requests up to now."""
        now = self.clock.now
        return self.served_slot_s + sum(now - visit.started_s for visit, _, _ in self.unfinished())

    def decide_soon(self) -> None:
        """Have `_dispatch` called once, when all that falls on this instant has happened."""
        if not self._deciding:
            self._deciding = True
            self.clock.call_at(self.clock.now, self._decide, None, DECIDE)

    def _decide(self, _: object) -> None:
        self._deciding = False
        self._dispatch()

    def given_up(self, visit: Visit) -> bool:
        """Return whether the client of a waiting visit is gone; if so the visit leaves."""
        if visit.id in visit.stage.app.alive:
            return False
        self.record(visit, NAN, self.clock.now, 0.0, 0)
        self.in_flight -= 1
        self.service.departed(self)
        return True

    def record(self, visit: Visit, started_s: float, finished_s: float, busy_s: float, batch: int) -> None:
        """Append the visit's row to the stages table."""
        tag = self._tags.get(visit.part)
        if tag is None:
            tag = self._new_tag(visit)
        self._record(
            (
                visit.id,
                tag,
                batch,
                visit.sent_s,
                visit.queued_s,
                started_s,
                finished_s,
                busy_s,
            )
        )

    def served(self, visit: Visit) -> None:
        """Pass on a visit whose service has ended and has been recorded."""
        self.in_flight -= 1
        if self.service.attentive:
            self.service.departed(self)
        visit.at = self.node.name
        visit.stage.leave(visit)

    def _new_tag(self, visit: Visit) -> int:
        names = (visit.stage.name, visit.part.name, self.service.name, self.node.name)
        tag = self._tags[visit.part] = self.service.journal.tag("stages", *names, self.id)
        return tag

    def close(self) -> None:
        """Record what is still here at the end of the run."""
        for visit, busy_s, batch in self.unfinished():
            self.record(visit, visit.started_s, NAN, busy_s, batch)
        for visit in self.queue:
            self.record(visit, NAN, NAN, 0.0, 0)
