"""A replica that serves up to `concurrency` requests at a time, each at full speed on its own share of reserved cores."""

from __future__ import annotations

from heapq import heappush
from typing import Any

from simtier.clock import NORMAL
from simtier.models.queues import Fifo
from simtier.models.replica import Replica
from simtier.models.request import Visit


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

    def arrive(self, visit: Visit) -> None:
        visit.queued_s = self.clock.now
        if self._at_once and self._free:
            self._start(visit)
        else:
            self.queue.push(visit)
            if self._free:
                self.decide_soon()

    def _start(self, visit: Visit) -> None:
        if visit.request.over and self.given_up(visit):
            return
        now = visit.started_s = self.clock.now
        self._free -= 1
        self.running += 1
        self.busy_edge_s -= now
        # clock.call_in without the call: this is the busiest line of most runs.
        heappush(self._heap, (now + visit.stage.seconds(visit, self), NORMAL, self._serial(), self._finish, visit))

    def _finish(self, visit: Visit) -> None:
        now = self.clock.now
        self._free += 1
        self.running -= 1
        self.busy_edge_s += now
        self.record(visit, visit.started_s, now, (now - visit.started_s) * self._cores_each, 1)
        if self.queue:
            self._next()
        self.served(visit)

    def _dispatch(self) -> None:
        while self._free and self.queue:
            self._start(self.queue.pop())

    def unfinished(self) -> list[tuple[Visit, float, int]]:
        """Return what is in service: the visits whose end is still in the clock's heap."""
        now, finish = self.clock.now, self._finish
        visits = [entry[4] for entry in self._heap if entry[3] == finish]
        return [(visit, (now - visit.started_s) * self._cores_each, 1) for visit in visits]
