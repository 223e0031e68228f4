"""Functions with a batching policy in front of them: an execution serves a batch of requests, all at once.

A batch takes one slot of one instance, as a request does elsewhere, or waits for one. Its requests are all sent there; the execution
begins when all are there whose requests are not over, lasts as long as the stage says for a batch, and they end together.

Assumptions: forming a batch takes no time and happens wherever the requests are; requests in the buffer take no memory; a policy may
change the function's memory at any time, which costs nothing but the starts of new instances.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappush
from typing import TYPE_CHECKING

from simtier.clock import NORMAL
from simtier.contract import Asker
from simtier.models.serverless.buffer import Batch, Buffer
from simtier.models.serverless.instance import Instance
from simtier.models.serverless.memory import SizedFunction
from simtier.models.serverless.spec import FunctionSpec
from simtier.models.visit import Visit

if TYPE_CHECKING:
    from simtier.models.serverless.cell import Cell
    from simtier.models.stage import Stage

NAN = float("nan")


class BatchedFunction(SizedFunction):
    """A function whose executions are batches; what it counts of executions (waiting, in flight, running) it counts of batches."""

    def __init__(self, spec: FunctionSpec, cell: Cell, start_numbers: Callable[[], int], batching: Asker) -> None:
        super().__init__(spec, cell, start_numbers, batching)
        self._asker = batching
        self._buffers: dict[Stage, Buffer] = {}
        self._batch_of: dict[Visit, Batch] = {}
        """Of those in a batch that has not begun."""
        self._have_less: dict[Batch, None] = {}
        self._executions: dict[Batch, None] = {}

    # -- forming batches

    def take(self, visit: Visit) -> None:
        """Take a visit that is about to come here: admit it, and let it wait in the buffer."""
        self.arrivals += 1
        self.last_arrival_s = self.clock.now
        stage = visit.stage
        if not self.cell.admits_all and not self.cell.lets_in(visit, self):
            stage.app.end("rejected", visit)
            return
        self.cell.count(1)
        buffer = self._buffers.get(stage.original)
        if buffer is None:
            self.timers[stage.timer] = None
            buffer = self._buffers[stage.original] = Buffer(self, self._asker)
        if stage.revocable:
            stage.app.waits(visit, self)
        buffer.join(visit)

    consider = take

    def dispatch(self, batch: Batch) -> None:
        """Find a batch an instance."""
        self._batch_of.update(dict.fromkeys(batch.visits, batch))
        if self.partly:
            self._send(batch, self.partly.popitem()[0], cold=False)
        elif self.idle:
            self._send(batch, self.idle.popitem()[0], cold=False)
        else:
            self.waiting[batch] = None
            self.cell.scaling.needed(self)

    def _waits_no_more(self, visit: Visit) -> None:
        del self.waiting[visit]

    def _send(self, visit: Visit, instance: Instance, *, cold: bool) -> None:
        visit.at = instance.node.name  # a batch is where its instance is: only its requests travel
        super()._send(visit, instance, cold=cold)

    # -- from an instance found to the end of the execution

    def run(self, visit: Visit) -> None:
        """Send out the requests of a batch that has found its instance; or take one of them there."""
        if isinstance(visit, Batch):
            self._set_out(visit)
        else:
            self._arrived(visit)

    def _set_out(self, batch: Batch) -> None:
        batch.sent = True
        for visit in batch.visits:
            visit.replica = batch.replica
            visit.cold = batch.cold
            visit.routed_s = self.clock.now
            visit.queued_s = NAN
        for visit in list(batch.visits):
            if hasattr(visit, "inbox"):
                visit.stage.send_inputs(visit)
            elif visit.at == batch.at:
                self._arrived(visit)
            else:
                way = batch.replica.way_from(visit.at)
                way.send(visit.id ^ getattr(visit, "salt", 0), visit.id, visit.nbytes, self.run, visit, self.lost)

    def _arrived(self, visit: Visit) -> None:
        """Take a visit that has reached the instance, unless its request is over."""
        batch = self._batch_of.get(visit)
        if batch is not None:
            visit.queued_s = self.clock.now
            del batch.awaited[visit]
            self._go_on(batch)

    def _go_on(self, batch: Batch) -> None:
        """Begin a batch of which all are there that there are; if that is nobody, free its slot."""
        if batch.awaited:
            return
        if batch.visits:
            self._begin(batch)
        else:
            self._free(batch)

    def _begin(self, batch: Batch) -> None:
        visits, now = list(batch.visits), self.clock.now
        instance, stage = batch.replica, batch.stage
        batch.started_s = now
        for visit in visits:
            del self._batch_of[visit]
            visit.started_s = now
            if visit.stage.revocable:
                visit.stage.app.waits_no_more(visit)
        instance.running += 1
        self.running += 1
        self._edge_s -= now
        self._executions[batch] = None
        took_s, end = stage.batch_seconds(visits, instance), self._end
        if self.spec.shares_core and not stage.timer.by_cores:
            took_s /= instance.cores_each
        if took_s > self.spec.time_limit_s:
            took_s, end = self.spec.time_limit_s, self._cut
        heappush(self.clock.heap, (now + took_s, NORMAL, self.clock.next_serial(), end, batch))

    def _end(self, batch: Batch) -> None:
        self._batch_served(batch)
        at = batch.replica.node.name
        for visit in batch.visits:
            visit.at = at
            visit.stage.leave(visit)

    def _cut(self, batch: Batch) -> None:
        """End an execution at the function's time limit: all of its requests fail."""
        self._batch_served(batch)
        for visit in batch.visits:
            visit.stage.app.end("failed", visit)

    def _batch_served(self, batch: Batch) -> None:
        now, instance = self.clock.now, batch.replica
        del self._executions[batch]
        instance.running -= 1
        instance.uses += 1
        self.running -= 1
        self._edge_s += now
        self._write_batch(batch, now)
        self.cell.count(-len(batch.visits))
        self._free(batch)

    def _free(self, batch: Batch) -> None:
        """Free the slot of a batch whose requests have been counted out."""
        self.cell.count(1)  # for `_release` counts one out
        self._release(batch.replica)

    # -- requests that leave before their execution

    def leave(self, visit: Visit) -> None:
        """Let a request go that is over, wherever it is before its execution; what that allows is done by `has_less`."""
        batch = self._batch_of.pop(visit, None)
        if batch is None:
            self._buffers[visit.stage.original].leave(visit)
            self._write_wait(visit, self.clock.now)
        else:
            self._drop(visit, batch)
            if batch.sent:
                self._write_one(visit, NAN, self.clock.now, 0.0, 1)
                self._have_less[batch] = None
            else:
                self._write_wait(visit, self.clock.now)
                if not batch.visits:
                    del self.waiting[batch]
        self.cell.count(-1)

    def has_less(self) -> None:
        """Begin, or give up, batches that waited for somebody who has left."""
        while self._have_less:
            batch = next(iter(self._have_less))
            del self._have_less[batch]
            self._go_on(batch)

    def departed(self, instance: Instance) -> None:
        """Count back in what an application has counted out of an instance: the slot is the batch's, not the request's."""
        instance.in_flight += 1

    def lost(self, visit: Visit) -> None:
        """End a request whose message was lost on the way to its instance."""
        batch = self._batch_of.pop(visit, None)
        if batch is None:
            return  # another input of this visit was lost before, or its request was over
        if hasattr(visit, "inbox"):
            visit.inputs = 0
        if visit.stage.revocable:
            visit.stage.app.waits_no_more(visit)
        self._drop(visit, batch)
        self._have_less[batch] = None
        self.cell.count(-1)
        visit.stage.app.end("dropped", visit)  # others of its request leave, perhaps of this very batch
        self.has_less()

    @staticmethod
    def _drop(visit: Visit, batch: Batch) -> None:
        del batch.visits[visit]
        batch.awaited.pop(visit, None)

    def first_waiting(self) -> int:
        """Return the number of the request that waits longest for an instance, -1 if none waits."""
        return next((visit.id for batch in self.waiting if isinstance(batch, Batch) for visit in batch.visits), -1)

    def turn_away(self) -> None:
        """Reject the requests of the batch that has waited shortest."""
        batch = next(reversed(self.waiting))
        assert isinstance(batch, Batch)
        for visit in list(batch.visits):
            # With a request go its other branches, which may be in this batch, too.
            if visit in batch.visits:
                if visit.stage.revocable:
                    visit.stage.app.waits_no_more(visit)
                self.leave(visit)
                visit.stage.app.end("rejected", visit)

    # -- rows

    def _write_batch(self, batch: Batch, finished_s: float) -> None:
        """Append the rows of an execution: each request has its share of the time."""
        size, used_s = len(batch.visits), (self.clock.now - batch.started_s) * batch.replica.cores_each
        for visit in batch.visits:
            self._write_one(visit, batch.started_s, finished_s, used_s / size, size)

    def _write_one(self, visit: Visit, started_s: float, finished_s: float, busy_s: float, size: int) -> None:
        instance, stage = visit.replica, visit.stage
        tags = instance.post.cold_tags if visit.cold else instance.post.warm_tags
        tag = tags.get(stage)
        if tag is None:
            tag = tags[stage] = self.cell.stage_tag(stage.name, self, instance.node, "cold" if visit.cold else "warm")
        times = (visit.sent_s, visit.routed_s, visit.queued_s, started_s, finished_s)
        self._record((visit.id, tag, instance.id, size, *times, busy_s))

    def close(self) -> None:
        """Record what is unfinished at the end of the run."""
        for buffer in self._buffers.values():
            for visit in buffer.visits:
                self._write_wait(visit, NAN)
        for visit, batch in self._batch_of.items():
            if not batch.sent:
                self._write_wait(visit, NAN)
            elif visit not in batch.awaited:
                self._write_one(visit, NAN, NAN, 0.0, 1)
        for batch in self._executions:
            self._write_batch(batch, NAN)
