"""Functions whose executions cannot all use the cores they are given, or could use more.

Assumptions: what an execution could use, its demand d, does not change while it runs; with c cores it goes on at min(c, d) / d of the
speed it has with d; which request calls decides d, not what else runs. A stage's `time` is that with d cores; with a cost model it is the
model's, taken as that with the cores that the execution can use of its own. Left out: memory, and that more cores never help in
full (Amdahl): d is where they cease to help at all.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappush
from typing import TYPE_CHECKING

from simtier.clock import NORMAL
from simtier.models.serverless.function import Function
from simtier.models.serverless.spec import FunctionSpec
from simtier.models.visit import Visit

if TYPE_CHECKING:
    from simtier.models.serverless.cell import Cell

NAN = float("nan")

Uses = Callable[[int], float]
"""How many cores an execution could use, by the number of its request; above 0."""


class UsingFunction(Function):
    """A function that says what its executions could use; each has the cores that are its own.

    Args:
        uses: what each could use; None for all of its own, or one core where CPU goes with memory.

    Attributes:
        allocated: cores that are an execution's own.
    """

    def __init__(self, spec: FunctionSpec, cell: Cell, start_numbers: Callable[[], int], uses: Uses | None) -> None:
        super().__init__(spec, cell, start_numbers)
        self.allocated = spec.cores / spec.concurrency
        self._uses = uses
        if uses is not None:
            self.cores_each = self.allocated

    def demand(self, visit: Visit) -> float:
        """Return how many cores the execution of a visit could use."""
        if self._uses is not None:
            return self._uses(visit.id ^ getattr(visit, "salt", 0))
        return 1.0 if self.spec.shares_core else self.allocated

    def run(self, visit: Visit) -> None:
        """Begin the execution of a visit that has reached its instance."""
        now = visit.queued_s = visit.started_s = self.clock.now
        stage, instance = visit.stage, visit.replica
        if stage.revocable and visit.id not in stage.app.alive:
            self._write(visit, NAN, now, 0.0)
            self._release(instance)
            return
        instance.running += 1
        self.running += 1
        self._edge_s -= now
        self._begin(visit)

    def _begin(self, visit: Visit) -> None:
        took_s, end = self._alone_s(visit, self.demand(visit)), self._finish
        if took_s > self.spec.time_limit_s:
            took_s, end = self.spec.time_limit_s, self._cut_off
        heappush(self.clock.heap, (self.clock.now + took_s, NORMAL, self.clock.next_serial(), end, visit))

    def _alone_s(self, visit: Visit, demand: float) -> float:
        """Return how long an execution takes on the cores that are its own."""
        took_s = visit.stage.seconds(visit, visit.replica)
        if demand <= self.allocated or visit.stage.timer.by_cores:
            return took_s
        return took_s * demand / self.allocated

    def _write(self, visit: Visit, started_s: float, finished_s: float, busy_s: float) -> None:
        """Append the row of a visit; `busy_s` is given as if it had used all `cores_each`."""
        used = min(self.allocated, self.demand(visit))
        super()._write(visit, started_s, finished_s, busy_s / self.cores_each * used)
