"""The replicas of a service: placed, started, ready, draining, gone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from simtier.contract import Asker, NodeView, Placement
from simtier.models.node import Claim, Node
from simtier.models.start_up import StartUp
from simtier.models.views import ClaimFacade

if TYPE_CHECKING:
    from simtier.models.replica import Replica
    from simtier.models.service import Service


class Fleet:
    """All replicas of one service that are not gone.

    Args:
        service: whose replicas.
        nodes: where they may run.
        placing: the placement policy.
        claim: what each takes of its node.
        startup: what a replica started during the run goes through.
        make: builds a replica on a node.
        changed: called when the set of ready replicas has changed.
    """

    def __init__(
        self,
        service: Service,
        nodes: Sequence[Node],
        placing: Asker,
        claim: Claim,
        startup: StartUp,
        make: Callable[[Service, Node, Any], Replica],
        changed: Callable[[], None],
    ) -> None:
        self.ready: list[Replica] = []
        self.starting: list[Replica] = []
        self.draining: list[Replica] = []
        self.latest: Replica | None = None
        """The replica made last."""
        self.nodes = nodes
        self.retired_slot_s = 0.0
        """Slot-seconds served by replicas that are gone."""
        self._service = service
        self._clock = service.clock
        self._journal = service.journal
        self._placing = placing
        self._claim = claim
        self._startup = startup
        self._make = make
        self._changed = changed

    @property
    def serving(self) -> list[Replica]:
        """Replicas that have, or may have, requests: ready and draining ones."""
        return self.ready + self.draining

    def start(self, *, ready: bool = False, on: Node | None = None) -> bool:
        """Start one more replica, on a given node or where the placement policy says; return False if no node has room.

        It is ready at once or after its start-up.
        """
        node = self._place() if on is None else on if on.has_room(self._claim) else None
        if node is None:
            self._record_unplaced()
            return False
        device = node.take(self._claim)
        replica = self.latest = self._make(self._service, node, device)
        if ready:
            self._make_ready(replica)
        else:
            self.starting.append(replica)
            self._startup.begin(replica, self._finish_start)
        return True

    def stop(self) -> None:
        """Have one replica less: call off the newest that is starting, else drain the least busy ready one, the newest of equals."""
        if self.starting:
            replica = self.starting.pop()
            self._end(replica)
            self._startup.call_off(replica)
            return
        replica = min(self.ready, key=lambda r: (r.in_flight, -r.id))
        self.ready.remove(replica)
        self.draining.append(replica)
        self._change_state(replica, "draining")
        self._changed()
        self.end_if_drained(replica)

    def end_if_drained(self, replica: Replica) -> None:
        """End a draining replica that has no request left."""
        if replica.state == "draining" and replica.in_flight == 0:
            self.draining.remove(replica)
            self._end(replica)
            self._startup.has_ended(replica)

    def close(self) -> None:
        """Record what is unfinished, and the present state of each replica, at the end of the run."""
        self._startup.close()
        for replica in [*self.serving, *self.starting]:
            self.close_one(replica)

    def close_one(self, replica: Replica) -> None:
        """Record what is unfinished at one replica, and its present state."""
        replica.close()
        self._record_state(replica)

    def _place(self) -> Node | None:
        roomy = [node for node in self.nodes if node.has_room(self._claim)]
        if not roomy:
            return None
        policy = self._placing.policy
        assert isinstance(policy, Placement)
        views: tuple[NodeView, ...] = tuple(node.view for node in roomy)
        answer = self._placing.ask(policy.place, ClaimFacade(self._claim), views)
        chosen = next((node for node in roomy if node.view is answer), None)
        if chosen is None and answer is not None:
            raise self._placing.wrong(answer, "one of the nodes it was shown, or None")
        return chosen

    def _finish_start(self, replica: Replica) -> None:
        """Make a replica ready whose start-up ends now."""
        self.starting.remove(replica)
        self._make_ready(replica)

    def _make_ready(self, replica: Replica) -> None:
        self._startup.is_ready(replica)
        self._change_state(replica, "ready")
        self.ready.append(replica)
        self._changed()

    def _end(self, replica: Replica) -> None:
        self.retired_slot_s += replica.busy_slot_s()
        self._change_state(replica, "gone")
        replica.node.give_back(self._claim, replica.device)

    def _change_state(self, replica: Replica, state: str) -> None:
        self._record_state(replica)
        replica.state, replica.since_s = state, self._clock.now

    def _record_state(self, replica: Replica) -> None:
        """Append the replica's present state to the replicas table, unless it has only just begun."""
        if replica.since_s == self._clock.now:
            return
        device = replica.device.name if replica.device is not None else "cpu"
        self._record(replica.id, replica.node.name, device, replica.state, replica.since_s, self._claim)

    def _record_unplaced(self) -> None:
        self._record(-1, "", "", "unplaced", self._clock.now, None)

    def _record(self, number: int, node: str, device: str, state: str, since_s: float, claim: Claim | None) -> None:
        journal, name = self._journal, self._service.name
        sizes = (claim.cores, claim.memory_bytes + claim.device_bytes) if claim is not None else (0.0, 0.0)
        tag = journal.tag("replicas", name, "", node, device, *sizes)
        journal.tables["replicas"].append((number, tag, journal.code(state), since_s, self._clock.now))
