"""A replica that serves up to `concurrency` requests at a time, each at full speed on its own share of reserved cores."""

from __future__ import annotations

from typing import Any

from simtier.models.replica import Handler, Replica
from simtier.models.visit import Visit


class SlotReplica(Replica):
    """The plain multi-server queue, in any order of service; `simtier.models.fifo` has the short cut for first come, first served.

    Assumption: requests in service do not slow each other down, because the replica's cores are its own.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._free = self.service.concurrency
        self._heap = self.clock.heap
        self._end: Handler = self._finish  # bound once: `unfinished` looks for it

    @property
    def running(self) -> int:  # type: ignore[override]  # the others keep a number
        """Requests in service."""
        return self.service.concurrency - self._free

    def arrive(self, visit: Visit) -> None:
        """Let the visit wait; who starts is decided when all of this instant's arrivals are there."""
        visit.queued_s = self.clock.now
        self.line_up(visit)
        if self._free:
            self.decide_soon()

    def _dispatch(self) -> None:
        while self._free and self.queue:
            visit = self.queue.pop()
            if visit.stage.revocable and self.drop(visit):
                continue
            now = visit.started_s = self.clock.now
            self._free -= 1
            self.edge_s -= now
            self.clock.call_in(visit.stage.seconds(visit, self), self._end, visit)

    def _finish(self, visit: Visit) -> None:
        now = self.clock.now
        took_s = now - visit.started_s
        self._free += 1
        self.edge_s += now
        self.record(visit, visit.started_s, now, took_s * self.cores_each, 1)
        if self.queue:
            self.decide_soon()
        self.served(visit)

    def unfinished(self) -> list[tuple[Visit, float, int]]:
        """Return what is in service: the visits whose end is still in the clock's heap, the one that would end first before the others."""
        now, finish = self.clock.now, self._end
        entries = sorted((entry for entry in self._heap if entry[3] is finish), key=lambda entry: entry[:3])
        return [(visit, (now - visit.started_s) * self.cores_each, 1) for _, _, _, _, visit in entries]
