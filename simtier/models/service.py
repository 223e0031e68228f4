"""Services: replicas on nodes, reached through a routing policy."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from heapq import heappush
from typing import TYPE_CHECKING, Any

from simtier.clock import NORMAL, Clock
from simtier.contract import REJECT, WAIT, Asker, NodeView, Placement, Routing
from simtier.journal import Journal
from simtier.models.network import Network
from simtier.models.node import Claim, Node
from simtier.models.replica import Replica
from simtier.models.request import Visit
from simtier.models.views import NodeFacade, RequestFacade, ServiceFacade

if TYPE_CHECKING:
    from simtier.contract import ReplicaView, RequestView


@dataclass(frozen=True)
class ServiceSpec:
    """What a service is, in SI units; see simtier.scenario for the meaning of each field.

    `startup(k)` is the start-up time of the k-th replica started during the run.
    """

    name: str
    claim: Claim
    cores: float
    concurrency: int
    max_batch: int
    startup: Callable[[int], float]


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
        self.nodes = nodes
        self.clock = clock
        self._heap = clock.heap
        self._serial = clock.next_serial
        self.network = network
        self.journal = journal
        self.askers = askers
        self.view = ServiceFacade(self)
        self.ready: list[Replica] = []
        self.ready_views: tuple[ReplicaView, ...] = ()
        self.starting = 0
        self.draining: list[Replica] = []
        self.waiting: deque[Visit] = deque()
        self.attentive = False
        """Whether it must hear of every request that leaves a replica: some wait, or a replica drains."""
        self.mean_work_s = 0.0
        self.on_none_ready: Callable[[], object] = lambda: None
        self._make_replica = make_replica
        self._retired_busy_s = 0.0
        self._started_so_far = 0
        self._only: Replica | None = None
        routing = askers["routing"].policy
        assert isinstance(routing, Routing)
        self._choose = routing.choose
        self._takes_only_one = routing.takes_only_one
        self._admits_all = askers["admission"].skip
        self._nearest: dict[str, Replica] = {}

    # -- requests

    def take(self, visit: Visit) -> None:
        """Take a visit that is about to come here: admit it, then route it."""
        if not self._admits_all and not self._admitted(visit):
            visit.stage.app.end(visit.request, "rejected", visit)
        elif (only := self._only) is not None:
            self.send(visit, only)
        else:
            self.route(visit)

    def route(self, visit: Visit) -> None:
        """Ask which replica gets the visit, and send it there."""
        if not self.ready:
            self._wait(visit)
            if not self.starting:
                self.on_none_ready()
            return
        asker = self.askers["routing"]
        views = self.ready_views
        answer = asker.ask(self._choose, RequestFacade(visit), views)
        if answer is WAIT:
            self._wait(visit)
        elif answer is REJECT:
            visit.stage.app.end(visit.request, "rejected", visit)
        else:
            place = next((i for i, view in enumerate(views) if view is answer), None)
            if place is None:
                raise asker.wrong(answer, "one of the replicas it was shown, WAIT or REJECT")
            self.send(visit, self.ready[place])

    def send(self, visit: Visit, replica: Replica) -> None:
        """Send the visit's data to `replica`, which will get it after the way there."""
        replica.in_flight += 1
        visit.replica = replica
        if visit.stage.joins:
            visit.stage.send_inputs(visit)
            return
        path = replica.paths.get(visit.at) or self.path_to(replica, visit.at)
        if path.delay_only:
            # clock.call_in without the call: every request comes by here.
            entry = (self.clock.now + path.latency_s, NORMAL, self._serial(), replica.arrive, visit)
            heappush(self._heap, entry)
        else:
            request = visit.request
            path.send(request.id, request.id, visit.nbytes, replica.arrive, visit, self.lost)

    def path_to(self, replica: Replica, node: str) -> Any:
        """Return the way from `node` to `replica`."""
        path = replica.paths[node] = self.network.path(node, replica.node.name)
        return path

    def lost(self, visit: Visit) -> None:
        """End a request whose message was lost on the way to its replica."""
        if visit.stage.joins:
            if visit.inputs <= 0:
                return  # another input of this visit was lost before
            visit.inputs = 0
        visit.replica.in_flight -= 1
        visit.stage.app.end(visit.request, "dropped", visit)

    def departed(self, replica: Replica) -> None:
        """Hear that a replica has one request less: route a waiting one, end a replica that has drained."""
        if self.waiting:
            self._route_waiting()
        if replica.state == "draining" and replica.in_flight == 0:
            self._end(replica)
        self.attentive = bool(self.waiting or self.draining)

    def _wait(self, visit: Visit) -> None:
        self.waiting.append(visit)
        self.attentive = True

    def _route_waiting(self) -> None:
        """Ask again for the requests that wait, in order, until one has to go on waiting."""
        for _ in range(len(self.waiting)):
            visit = self.waiting.popleft()
            if visit.request.over:
                continue
            before = len(self.waiting)
            self.route(visit)
            if len(self.waiting) > before:
                self.waiting.rotate(1)
                return

    def _admitted(self, visit: Visit) -> bool:
        asker = self.askers["admission"]
        question: Callable[[RequestView, ServiceFacade], bool] = asker.policy.admit  # type: ignore[attr-defined]
        answer = asker.ask(question, RequestFacade(visit), self.view)
        if not isinstance(answer, bool):
            raise asker.wrong(answer, "True or False")
        return answer

    # -- replicas

    def start_replica(self, *, ready: bool = False, on: Node | None = None) -> bool:
        """Start one more replica, on a given node or where the placement policy says; return False if no node has room.

        It is ready at once or after its start-up time.
        """
        node = self._place() if on is None else on if on.has_room(self.spec.claim) else None
        if node is None:
            now, code = self.clock.now, self.journal.code
            row = (-1, code(self.name), code(""), code(""), code("unplaced"), now, now, 0.0, 0.0)
            self.journal.tables["replicas"].append(row)
            return False
        device = node.take(self.spec.claim)
        replica = self._make_replica(self, node, device)
        if ready:
            self._change_state(replica, "ready")
            self.ready.append(replica)
            self._ready_changed()
        else:
            self.starting += 1
            self.clock.call_in(self.spec.startup(self._started_so_far), self._started, replica)
            self._started_so_far += 1
        return True

    def stop_replica(self) -> None:
        """Let the least busy ready replica, the newest of equals, finish its requests and go."""
        replica = min(self.ready, key=lambda r: (r.in_flight, -r.id))
        self.ready.remove(replica)
        self._ready_changed()
        self._change_state(replica, "draining")
        self.draining.append(replica)
        self.attentive = True
        if replica.in_flight == 0:
            self._end(replica)

    def first_replica(self) -> Replica | None:
        """Return the oldest ready replica."""
        return self.ready[0] if self.ready else None

    def nearest(self, node: str) -> Replica | None:
        """Return the ready replica with the shortest latency from `node`, the oldest of equals."""
        if node not in self._nearest and self.ready:
            self._nearest[node] = min(self.ready, key=lambda r: self.network.path(node, r.node.name).latency_s)
        return self._nearest.get(node)

    def _place(self) -> Node | None:
        roomy = [node for node in self.nodes if node.has_room(self.spec.claim)]
        if not roomy:
            return None
        asker = self.askers["placement"]
        policy = asker.policy
        assert isinstance(policy, Placement)
        views: tuple[NodeView, ...] = tuple(node.view for node in roomy)
        answer = asker.ask(policy.place, ClaimFacade(self.spec.claim), views)
        chosen = next((node for node in roomy if node.view is answer), None)
        if chosen is None and answer is not None:
            raise asker.wrong(answer, "one of the nodes it was shown, or None")
        return chosen

    def _started(self, replica: Replica) -> None:
        self.starting -= 1
        self._change_state(replica, "ready")
        self.ready.append(replica)
        self._ready_changed()
        self._route_waiting()

    def _ready_changed(self) -> None:
        self.ready_views = tuple(replica.view for replica in self.ready)
        self._only = self.ready[0] if len(self.ready) == 1 and self._takes_only_one else None
        self._nearest = {}

    def _end(self, replica: Replica) -> None:
        self.draining.remove(replica)
        self._retired_busy_s += replica.busy_slot_s()
        self._change_state(replica, "gone")
        replica.node.give_back(self.spec.claim, replica.device)

    def _change_state(self, replica: Replica, state: str) -> None:
        if replica.since_s < self.clock.now:
            self._record_state(replica)
        replica.state, replica.since_s = state, self.clock.now

    def _record_state(self, replica: Replica) -> None:
        code, claim = self.journal.code, self.spec.claim
        device = replica.device.name if replica.device is not None else "cpu"
        self.journal.tables["replicas"].append(
            (
                replica.id,
                code(self.name),
                code(replica.node.name),
                code(device),
                code(replica.state),
                replica.since_s,
                self.clock.now,
                claim.cores,
                claim.memory_bytes + claim.device_bytes,
            )
        )

    # -- what views and the end of the run ask

    def queued(self) -> int:
        """Return how many requests wait, here and at the replicas."""
        return len(self.waiting) + sum(len(replica.queue) for replica in self.ready + self.draining)

    def in_flight(self) -> int:
        """Return how many requests are here or sent to replicas."""
        return len(self.waiting) + sum(replica.in_flight for replica in self.ready + self.draining)

    def busy_slot_s(self) -> float:
        """Return the slot-seconds of service given so far."""
        return self._retired_busy_s + sum(replica.busy_slot_s() for replica in self.ready + self.draining)

    def close(self, replicas: Sequence[Replica]) -> None:
        """Record what is unfinished, and the last state of each replica, at the end of the run."""
        for replica in replicas:
            if replica.state != "gone":
                replica.close()
                if replica.since_s < self.clock.now:
                    self._record_state(replica)


class ClaimFacade:
    """What a replica to be placed needs; see simtier.contract.ReplicaSpecView."""

    __slots__ = ("_claim",)

    def __init__(self, claim: Claim) -> None:
        self._claim = claim

    @property
    def service(self) -> str:
        return self._claim.service

    @property
    def cores(self) -> float:
        return self._claim.cores

    @property
    def memory_bytes(self) -> float:
        return self._claim.memory_bytes

    @property
    def accelerator(self) -> bool:
        return self._claim.accelerator
