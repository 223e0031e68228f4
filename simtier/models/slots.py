"""A replica that serves up to `concurrency` requests at a time, each at full speed on its own share of reserved cores."""

from __future__ import annotations

from heapq import heappush
from typing import Any

from simtier.clock import NORMAL
from simtier.models.queues import Fifo
from simtier.models.replica import Replica
from simtier.models.visit import Visit


class SlotReplica(Replica):
    """The plain multi-server queue.

    Assumption: requests in service do not slow each other down, because the replica's cores are its own.

    With first come, first served nothing needs deciding, so a request starts the moment it can; otherwise the scheduling policy
    is asked when all of an instant's arrivals are there. Both give the same starts.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._free = self.service.concurrency
        self._cores_each = self.claim.cores / self.service.concurrency
        self._at_once = isinstance(self.queue, Fifo)
        self._next = self._dispatch if self._at_once else self.decide_soon
        self._heap = self.clock.heap
        self._serial = self.clock.next_serial
        self._end = self._finish  # bound once, as `take`

    @property
    def running(self) -> int:  # type: ignore[override]  # the others keep a number
        """Requests in service."""
        return self.service.concurrency - self._free

    def arrive(self, visit: Visit) -> None:
        """Start the visit if a slot is free, else let it wait."""
        visit.queued_s = self.clock.now
        if self._free and self._at_once:
            self._start(visit)
        else:
            self.queue.push(visit)
            if self._free:
                self.decide_soon()

    def _start(self, visit: Visit) -> None:
        stage = visit.stage
        if stage.revocable and self.given_up(visit):
            return
        now = visit.started_s = self.clock.now
        self._free -= 1
        # clock.call_in without the call: every request of most runs comes by here.
        heappush(self._heap, (now + stage.seconds(visit, self), NORMAL, self._serial(), self._end, visit))

    def _finish(self, visit: Visit) -> None:
        now = self.clock.now
        took_s = now - visit.started_s
        self._free += 1
        self.served_slot_s += took_s
        tag = self._tags.get(visit.part)
        if tag is None:
            tag = self._new_tag(visit)
        # `record` and `served` without the calls.
        self._record((visit.id, tag, 1, visit.sent_s, visit.queued_s, visit.started_s, now, took_s * self._cores_each))
        if self.queue:
            self._next()
        self.in_flight -= 1
        if self.service.attentive:
            self.service.departed(self)
        visit.at = self.node.name
        visit.stage.leave(visit)

    def _dispatch(self) -> None:
        while self._free and self.queue:
            self._start(self.queue.pop())

    def unfinished(self) -> list[tuple[Visit, float, int]]:
        """Return what is in service: the visits whose end is still in the clock's heap."""
        now, finish = self.clock.now, self._end
        visits = [entry[4] for entry in self._heap if entry[3] is finish]
        return [(visit, (now - visit.started_s) * self._cores_each, 1) for visit in visits]
