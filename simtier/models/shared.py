"""A replica on a node whose cores are shared by all that runs there (processor sharing)."""

from __future__ import annotations

from typing import Any

from simtier.errors import SimulationError
from simtier.models.replica import Replica
from simtier.models.visit import Visit


class SharedReplica(Replica):
    """Up to `concurrency` requests at a time, whose speed depends on what else runs on the node.

    A request can use at most the service's `cores`; its time, as the scenario gives it, holds when it has them all.
    Assumption: sharing is perfectly fair and costs nothing (no context switches, no cache effects).
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        if self.node.fair_cpu is None:
            raise SimulationError(f"node {self.node.name!r} does not share its cores")
        self._cpu = self.node.fair_cpu
        self.running = 0

    def arrive(self, visit: Visit) -> None:
        visit.queued_s = self.clock.now
        self.line_up(visit)
        if self.running < self.service.concurrency:
            self.decide_soon()

    def _dispatch(self) -> None:
        while self.running < self.service.concurrency and self.queue:
            visit = self.queue.pop()
            if visit.stage.revocable and self.drop(visit):
                continue
            visit.started_s = self.clock.now
            self.running += 1
            self.edge_s -= self.clock.now
            self._cpu.run(visit.stage.seconds(visit, self) * self.cores_each, self.cores_each, self._finish, visit)

    def _finish(self, visit: Visit) -> None:
        now = self.clock.now
        self.running -= 1
        self.edge_s += now
        self.record(visit, visit.started_s, now, visit.stage.seconds(visit, self) * self.cores_each, 1)
        if self.queue:
            self.decide_soon()
        self.served(visit)

    def unfinished(self) -> list[tuple[Visit, float, int]]:
        running = self._cpu.unfinished()
        mine = [(v, left) for v, left in running if isinstance(v, Visit) and v.replica is self]
        return [(visit, visit.stage.seconds(visit, self) * self.cores_each - left, 1) for visit, left in mine]
