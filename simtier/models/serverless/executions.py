"""Executions whose share of cores changes while they run: their progress is kept exactly.

An execution goes on at the same speed until what it uses changes, so its end is known and moved only then: one whose share is taken
down to what it uses, or up again, costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from simtier.clock import Entry
from simtier.contract import FunctionView
from simtier.models.serverless.spec import FunctionSpec
from simtier.models.serverless.uses import Uses, UsingFunction
from simtier.models.visit import Visit

if TYPE_CHECKING:
    from simtier.models.serverless.cell import Cell
    from simtier.models.serverless.lending import Lending

NAN = float("nan")
NEVER = float("inf")


class Execution:
    """A visit in execution.

    Attributes:
        demand: cores it could use.
        share: cores it has since `share_since_s`.
        seen: share and use before that, or what a policy is told first.
        work: core-seconds in all.
        done: core-seconds done by `since_s`.
        used: cores it uses since then.
        cut_s: when it is cut off if it is not done.
        entry: the clock's entry for its end.
    """

    __slots__ = (
        "cut_s",
        "demand",
        "done",
        "entry",
        "function",
        "id",
        "seen",
        "share",
        "share_since_s",
        "since_s",
        "used",
        "visit",
        "work",
    )

    def __init__(self, number: int, function: LentFunction, visit: Visit, demand: float, alone_s: float) -> None:
        now = function.clock.now
        self.id = number
        self.function = function
        self.visit = visit
        self.demand = demand
        self.share = function.allocated
        self.share_since_s = self.since_s = now
        self.seen = (self.share, 0.0)
        self.used = min(self.share, demand)
        self.work = alone_s * self.used
        self.done = 0.0
        self.cut_s = now + function.spec.time_limit_s
        self.entry: Entry | None = None
        self.plan_end(now + alone_s)

    @property
    def view(self) -> ExecutionFacade:
        """The execution as a policy sees it: made anew each time, so that it does not keep itself alive."""
        return ExecutionFacade(self)

    def give(self, share: float) -> None:
        """Have `share` cores from now on."""
        if share == self.share:
            return
        clock = self.function.clock
        if clock.now > self.share_since_s:
            self.seen = (self.share, self.used)
        self.share, self.share_since_s = share, clock.now
        used = min(share, self.demand)
        if used != self.used:
            self.count()
            self.used = used
            left = max(0.0, self.work - self.done)
            if self.entry is not None:
                clock.cancel(self.entry)
            self.plan_end(clock.now + left / used if used > 0.0 else NEVER)

    def count(self) -> None:
        """Count what has been done up to now."""
        now = self.function.clock.now
        self.done += (now - self.since_s) * self.used
        self.since_s = now

    def plan_end(self, end_s: float) -> None:
        """Have it end at `end_s`, or be cut off before."""
        end = self.function.done if end_s <= self.cut_s else self.function.cut
        end_s = min(end_s, self.cut_s)
        self.entry = self.function.clock.call_at(end_s, end, self) if end_s < NEVER else None


class ExecutionFacade:
    """An execution; see simtier.contract.ExecutionView."""

    __slots__ = ("_execution",)

    def __init__(self, execution: Execution) -> None:
        self._execution = execution

    @property
    def id(self) -> int:
        return self._execution.id

    @property
    def function(self) -> FunctionView:
        return self._execution.function.view

    @property
    def allocated_cores(self) -> float:
        return self._execution.function.allocated

    @property
    def share(self) -> float:
        return self._seen()[0]

    @property
    def used_cores(self) -> float:
        return self._seen()[1]

    @property
    def started_s(self) -> float:
        return self._execution.visit.started_s

    @property
    def running_s(self) -> float:
        return self._execution.function.clock.now - self._execution.visit.started_s

    def _seen(self) -> tuple[float, float]:
        execution = self._execution
        if execution.function.clock.now > execution.share_since_s:
            return execution.share, execution.used
        return execution.seen


class LentFunction(UsingFunction):
    """A function whose executions may have fewer or more cores than are their own."""

    def __init__(
        self, spec: FunctionSpec, cell: Cell, start_numbers: Callable[[], int], uses: Uses | None, lending: Lending
    ) -> None:
        super().__init__(spec, cell, start_numbers, uses)
        self._lending = lending
        self._executions: dict[Visit, Execution] = {}

    def done(self, execution: Execution) -> None:
        """End an execution whose work is done (called by the clock)."""
        execution.count()
        execution.done = execution.work  # but for rounding it was that already
        self._lending.end(execution)
        self._finish(execution.visit)

    def cut(self, execution: Execution) -> None:
        """Cut an execution off at the function's time limit (called by the clock)."""
        execution.count()
        self._lending.end(execution)
        self._cut_off(execution.visit)

    def close(self) -> None:
        """Record what is unfinished at the end of the run."""
        super().close()
        for visit, execution in list(self._executions.items()):
            execution.count()
            self._write(visit, visit.started_s, NAN, execution.done)

    def _begin(self, visit: Visit) -> None:
        demand = self.demand(visit)
        execution = Execution(self._lending.next_number(), self, visit, demand, self._alone_s(visit, demand))
        self._executions[visit] = execution
        self._lending.begin(execution, visit.replica.node)

    def _write(self, visit: Visit, started_s: float, finished_s: float, busy_s: float) -> None:
        """Append the row of a visit, with what its execution has really done."""
        execution = self._executions.pop(visit, None)
        super(UsingFunction, self)._write(visit, started_s, finished_s, busy_s if execution is None else execution.done)
