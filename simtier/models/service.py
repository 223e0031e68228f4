"""Services: requests are admitted and routed to one of the replicas, or wait for one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from heapq import heappush
from typing import TYPE_CHECKING, Any

import numpy as np

from simtier.clock import NORMAL, Clock
from simtier.contract import REJECT, WAIT, Admission, Asker, Fetch, Routing
from simtier.journal import Journal
from simtier.models.fleet import Fleet
from simtier.models.network import Network
from simtier.models.node import Node
from simtier.models.replica import Replica
from simtier.models.service_spec import ServiceSpec
from simtier.models.stale import ReportingService, Reports
from simtier.models.start_up import Delay
from simtier.models.views import RequestFacade, ServiceFacade
from simtier.models.visit import Visit

if TYPE_CHECKING:
    from simtier.contract import ReplicaView

NAN = float("nan")


class Service:
    """A service at run time.

    A request is admitted once, then routed where it is: it travels to the chosen replica, or waits at the service (WAIT, or no
    replica ready) and is routed again when a replica becomes ready or finishes a request.

    Args:
        spec: what it is.
        nodes: where its replicas may run.
        clock, network, journal: of the run.
        askers: one for each kind of policy.
        make_replica: builds a replica of the right sort on a node.
    """

    def __init__(
        self,
        spec: ServiceSpec,
        nodes: Sequence[Node],
        clock: Clock,
        network: Network,
        journal: Journal,
        askers: dict[str, Asker],
        make_replica: Callable[[Service, Node, Any], Replica],
    ) -> None:
        self.spec = spec
        self.name = spec.name
        self.cores = spec.cores
        self.concurrency = spec.concurrency
        self.max_batch = spec.max_batch
        self.clock = clock
        self.network = network
        self.journal = journal
        self.askers = askers
        self._reports = Reports(self, clock, spec.report_every_s) if spec.report_every_s else None
        self.view = ServiceFacade(self) if self._reports is None else ReportingService(self, self._reports)
        startup = Delay(clock, spec.startup) if spec.make_startup is None else spec.make_startup(self)
        self.fleet = Fleet(self, nodes, askers["placement"], spec.claim, startup, make_replica, self._ready_changed)
        self.ready_views: tuple[ReplicaView, ...] = ()
        self.waiting: OrderedDict[Visit, None] = OrderedDict()
        """Requests that wait for a replica, in order."""
        self.attentive = False
        """Whether it must hear of every request that leaves a replica: some wait, or a replica drains."""
        self.mean_work_s = 0.0
        self.on_none_ready: Callable[[], object] = lambda: None
        routing = askers["routing"].policy
        assert isinstance(routing, Routing)
        self._takes_only_one = routing.takes_only_one
        self._waits_in_line = routing.waits_in_line
        self._admits_all = askers["admission"].skip
        self._counts_prompts = spec.make_engine is not None
        if self._counts_prompts:
            self.take = self._take_noted  # type: ignore[method-assign]  # so that others need not ask
        self._only: Replica | None = None
        self._nearest: dict[str, Replica] = {}
        self._heap = clock.heap
        self._serial = clock.next_serial

    # -- requests

    def take(self, visit: Visit) -> None:
        """Take a visit with a single input that is about to come here: admit it, route it, send it on its way."""
        only = self._only
        if only is None:
            self.consider(visit)
            return
        only.in_flight += 1
        visit.replica = only
        now = visit.routed_s = self.clock.now
        delay = only.delays.get(visit.at)
        if delay is None:
            self._carry(visit, only)
        else:
            # clock.call_in without the call: every request of most runs comes by here.
            heappush(self._heap, (now + delay, NORMAL, self._serial(), only.take, visit))

    def _take_noted(self, visit: Visit) -> None:
        """Take a visit where engines count the prompts that are on their way to them."""
        if self._only is not None:
            self._only.on_way.add(visit)  # type: ignore[attr-defined]  # it runs a language model
        Service.take(self, visit)

    def consider(self, visit: Visit) -> None:
        """Take a visit of any sort, asking the policies."""
        if not self._admits_all and not self._admitted(visit):
            self._reject(visit)
        else:
            self.route(visit)

    def route(self, visit: Visit) -> None:
        """Ask which replica gets the visit, and send it there."""
        ready = self.fleet.ready
        if not ready:
            self._wait(visit)
            if not self.fleet.starting:
                self.on_none_ready()
        elif len(ready) == 1 and self._takes_only_one:
            self._send(visit, ready[0])
        else:
            self._ask_where(visit)

    def lost(self, visit: Visit) -> None:
        """End a request whose message was lost on the way to its replica."""
        if hasattr(visit, "inbox"):
            if visit.inputs <= 0:
                return  # another input of this visit was lost before
            visit.inputs = 0
        visit.replica.in_flight -= 1
        if self._counts_prompts:
            visit.replica.on_way.take(visit)
        self.departed(visit.replica)
        visit.stage.app.end("dropped", visit)

    def departed(self, replica: Replica) -> None:
        """Hear that a replica has one request less: route a waiting one, end a replica that has drained."""
        self.try_again()
        self.fleet.end_if_drained(replica)
        self.attentive = bool(self.waiting or self.fleet.draining)

    def _ask_where(self, visit: Visit) -> None:
        asker = self.askers["routing"]
        policy = asker.policy
        assert isinstance(policy, Routing)
        views = self.ready_views
        answer = asker.ask(policy.choose, RequestFacade(visit), views)
        if answer is WAIT:
            self._wait(visit)
        elif answer is REJECT:
            self._waits_no_more(visit)
            self._reject(visit)
        else:
            if isinstance(answer, Fetch) and self._counts_prompts:
                visit.fetch_from = self._shown(asker, answer.source, views)
                answer = answer.replica
            self._send(visit, self._shown(asker, answer, views))

    def _shown(self, asker: Asker, answer: object, views: Sequence[ReplicaView]) -> Replica:
        place = next((i for i, view in enumerate(views) if view is answer), None)
        if place is None:
            raise asker.wrong(answer, "one of the replicas it was shown, WAIT or REJECT")
        return self.fleet.ready[place]

    def _send(self, visit: Visit, replica: Replica) -> None:
        """Send the visit's data to `replica`, which will get it after the way there."""
        self._waits_no_more(visit)
        replica.in_flight += 1
        visit.replica = replica
        visit.routed_s = self.clock.now
        if hasattr(visit, "hand_over"):
            replica.expect(visit.hand_over)  # type: ignore[attr-defined]  # it runs a language model
        elif self._counts_prompts:
            replica.sets_out(visit, self._set_out)  # type: ignore[attr-defined]  # as above
        elif hasattr(visit, "inbox"):
            visit.stage.send_inputs(visit)
        else:
            self._carry(visit, replica)

    def _set_out(self, visit: Visit) -> None:
        if hasattr(visit, "inbox"):
            visit.stage.send_inputs(visit)
        else:
            self._carry(visit, visit.replica)

    def _reject(self, visit: Visit) -> None:
        if hasattr(visit, "hand_over"):
            visit.hand_over.abandon("rejected")
        visit.stage.app.end("rejected", visit)

    def _carry(self, visit: Visit, replica: Replica) -> None:
        way = replica.way_from(visit.at)
        way.send(visit.id ^ getattr(visit, "salt", 0), visit.id, visit.nbytes, replica.take, visit, self.lost)

    # -- requests that wait here for a replica

    def _wait(self, visit: Visit) -> None:
        if visit not in self.waiting:
            self.waiting[visit] = None
            if visit.stage.revocable:
                visit.stage.app.waits(visit, self)
        self.attentive = True

    def _waits_no_more(self, visit: Visit) -> None:
        if visit in self.waiting:
            del self.waiting[visit]
            if visit.stage.revocable:
                visit.stage.app.waits_no_more(visit)

    def leave(self, visit: Visit) -> None:
        """Let a request go that waited for a replica and is over."""
        del self.waiting[visit]
        self._record_wait(visit, self.clock.now)
        if hasattr(visit, "hand_over"):
            visit.hand_over.abandon("left")

    def has_less(self) -> None:
        """Do nothing: a request that waited for a replica held up nobody."""

    def _route_waiting(self) -> None:
        """Ask again for the requests that wait, in order: all of them, or up to the first that has to go on waiting."""
        if self._waits_in_line:
            before = -1
            while self.waiting and self.fleet.ready and len(self.waiting) != before:
                before = len(self.waiting)
                self.route(next(iter(self.waiting)))
            return
        for visit in list(self.waiting):
            if visit in self.waiting and self.fleet.ready:
                self.route(visit)

    def _record_wait(self, visit: Visit, left_s: float) -> None:
        tag = self.journal.tag("stages", visit.stage.name, visit.part.name, self.name, "", "", "")
        self.journal.tables["stages"].append((visit.id, tag, -1, 0, visit.sent_s, NAN, NAN, NAN, left_s, 0.0))

    def close(self) -> None:
        """Record what is unfinished at the end of the run."""
        for visit in self.waiting:
            self._record_wait(visit, NAN)
        self.fleet.close()

    def _admitted(self, visit: Visit) -> bool:
        asker = self.askers["admission"]
        policy = asker.policy
        assert isinstance(policy, Admission)
        answer = asker.ask(policy.admit, RequestFacade(visit), self.view)
        if not isinstance(answer, bool | np.bool_):
            raise asker.wrong(answer, "True or False")
        return bool(answer)

    def try_again(self) -> None:
        """Route the requests that wait, if they can go anywhere."""
        if self.waiting and self.fleet.ready:
            self._route_waiting()
        self.attentive = bool(self.waiting or self.fleet.draining)

    def _ready_changed(self) -> None:
        """Note which replicas are ready now, and let waiting requests try again."""
        ready = self.fleet.ready
        self.ready_views = self._reports.views(ready) if self._reports else tuple(each.view for each in ready)
        # One replica, and no policy that could say anything else: `take` need not ask.
        certain = len(ready) == 1 and self._takes_only_one and self._admits_all
        self._only = ready[0] if certain else None
        self._nearest = {}
        self.try_again()

    # -- what views and stages ask

    def nearest(self, node: str) -> Replica | None:
        """Return the ready replica with the shortest latency from `node`, the oldest of equals."""
        if node not in self._nearest and self.fleet.ready:
            self._nearest[node] = min(self.fleet.ready, key=lambda r: self.network.path(node, r.node.name).latency_s)
        return self._nearest.get(node)

    def known_replica(self) -> Replica | None:
        """Return the oldest ready replica, else the one made last, whatever became of it; None if there never was one."""
        return self.first_replica() or self.fleet.latest

    def first_replica(self) -> Replica | None:
        """Return the oldest ready replica."""
        return self.fleet.ready[0] if self.fleet.ready else None

    def queued(self) -> int:
        """Return how many requests wait, here and at the replicas."""
        return len(self.waiting) + sum(replica.queued for replica in self.fleet.serving)

    def in_flight(self) -> int:
        """Return how many requests are here or sent to replicas."""
        return len(self.waiting) + sum(replica.in_flight for replica in self.fleet.serving)

    def busy_slot_s(self) -> float:
        """Return the slot-seconds of service given so far."""
        return self.fleet.retired_slot_s + sum(replica.busy_slot_s() for replica in self.fleet.serving)
