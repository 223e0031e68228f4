"""Functions: requests go to an instance with a free slot, or wait for one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from heapq import heappush
from itertools import islice
from typing import TYPE_CHECKING

from simtier.clock import NORMAL
from simtier.models.serverless.instance import Instance, Post
from simtier.models.serverless.spec import FunctionSpec
from simtier.models.serverless.start_times import StartTimes
from simtier.models.serverless.views import FunctionFacade
from simtier.models.visit import Visit

if TYPE_CHECKING:
    from simtier.clock import Entry
    from simtier.models.node import Node
    from simtier.models.serverless.cell import Cell
    from simtier.models.timers import Timer

NAN = float("nan")


class Function:
    """A function at run time: as a service, its replicas are its instances.

    A request goes to the instance with a free slot that was used last; if there is none it waits here, first come first served, for
    whichever instance becomes ready or free first.

    Attributes:
        cores_each: cores that an execution uses.
        slowdown: how many times as long an execution takes as on a whole core.
        ready, idle, partly: instances that have started; of these, idle ones; and busy ones with a free slot; the one used last is last.
        starting: instances that start.
        draining: instances that end when they have served what they have.
        waiting: requests that wait for an instance, in order.
        in_flight: requests sent to instances and not finished.
        running: executions under way.
        buffered: requests that wait for a batching policy to send them.
        arrivals, last_arrival_s: how many requests have arrived, and when the last did.
        start_times: what its starts take.
        next_start: hands out the numbers of its starts.
        scaler: what asks how many instances it should have.
        prewarm: the clock's entry for a start ahead of need.
        mean_work_s: what an execution takes on average, as far as is known without running any.
        timers: what times the stages known to call it.
    """

    def __init__(self, spec: FunctionSpec, cell: Cell, start_numbers: Callable[[], int]) -> None:
        self.spec = spec
        self.name = spec.name
        self.cell = cell
        self.clock = cell.clock
        self.next_start = start_numbers
        self.cores_each: float = spec.cores_each
        self.slowdown = 1.0 / self.cores_each if spec.shares_core else 1.0
        self.view = FunctionFacade(self)
        self.ready: dict[Instance, None] = {}
        self.idle: dict[Instance, None] = {}
        self.partly: dict[Instance, None] = {}
        self.starting: dict[Instance, None] = {}
        self.draining: dict[Instance, None] = {}
        # Ordered: finding the first key of a dict passes again over all that have gone from its beginning.
        self.waiting: OrderedDict[Visit, None] = OrderedDict()
        self.in_flight = self.arrivals = self.running = self.buffered = 0
        self.last_arrival_s = NAN
        self.prewarm: Entry | None = None
        self.scaler = cell.scaling.scaler(self)
        self.mean_work_s = self._edge_s = 0.0
        self.timers: dict[Timer, None] = {}
        self._posts: dict[tuple[Node, str], Post] = {}
        self.start_times = StartTimes(lambda: cell.spec.cold_start.expected(self.spec))
        self._record = cell.journal.tables["stages"].append

    # -- requests

    def take(self, visit: Visit) -> None:
        """Take a visit that is about to come here: admit it, find it an instance, send it on its way."""
        self.arrivals += 1
        self.last_arrival_s = self.clock.now
        cell = self.cell
        if not cell.admits_all and not cell.lets_in(visit, self):
            visit.stage.app.end("rejected", visit)
            return
        cell.in_flight += 1
        cell.account.in_flight += 1
        # Taken out of the dict at once: looking at its last key passes again over all that have gone from its end.
        if self.partly:
            self._send(visit, self.partly.popitem()[0], cold=False)
        elif self.idle:
            self._send(visit, self.idle.popitem()[0], cold=False)
        else:
            self._wait(visit)

    consider = take

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
        took_s, end = stage.seconds(visit, instance), self._finish
        if self.slowdown != 1.0 and not stage.timer.by_cores:
            took_s *= self.slowdown
        if took_s > self.spec.time_limit_s:
            took_s, end = self.spec.time_limit_s, self._cut_off
        heappush(self.clock.heap, (now + took_s, NORMAL, self.clock.next_serial(), end, visit))

    def _finish(self, visit: Visit) -> None:
        self._served(visit)
        visit.at = visit.replica.node.name
        visit.stage.leave(visit)

    def _cut_off(self, visit: Visit) -> None:
        """End an execution at the function's time limit: its request fails."""
        self._served(visit)
        visit.stage.app.end("failed", visit)

    def _served(self, visit: Visit) -> None:
        now, instance = self.clock.now, visit.replica
        instance.running -= 1
        instance.uses += 1
        self.running -= 1
        self._edge_s += now
        self._write(visit, visit.started_s, now, (now - visit.started_s) * self.cores_each)
        self._release(instance)

    def lost(self, visit: Visit) -> None:
        """End a request whose message was lost on the way to its instance."""
        if hasattr(visit, "inbox"):
            if visit.inputs <= 0:
                return  # another input of this visit was lost before
            visit.inputs = 0
        self._release(visit.replica)
        visit.stage.app.end("dropped", visit)

    def departed(self, instance: Instance) -> None:
        """Hear that a request of which inputs were still missing is over; its application has counted it out of the instance."""
        instance.in_flight += 1
        self._release(instance)

    # -- instances

    def became_ready(self, instance: Instance) -> None:
        """Take an instance that has started: waiting requests go there; if none waits it is idle."""
        self.ready[instance] = None
        instance.state, instance.since_s = "busy", self.clock.now
        for visit in list(islice(self.waiting, self.spec.concurrency)):
            self._waits_no_more(visit)
            self._send(visit, instance, cold=True)
        if instance.in_flight == 0:
            self.cell.keeping.fall_idle(instance)

    def drain(self, instance: Instance) -> None:
        """Send no more requests to a busy instance; it ends when it has served what it has."""
        del self.ready[instance]
        self.partly.pop(instance, None)
        self.draining[instance] = None
        self.cell.change_state(instance, "draining")

    def first_waiting(self) -> int:
        """Return the number of the request that waits longest, -1 if none waits."""
        return next((visit.id for visit in self.waiting), -1)

    def gone(self, instance: Instance) -> None:
        """Forget an instance that has ended, is called off, or belongs to another function now."""
        for instances in (self.ready, self.idle, self.partly, self.starting, self.draining):
            instances.pop(instance, None)

    def post_on(self, node: Node, layer: str = "user") -> Post:
        """Return what the function's instances on `node` share, of those that hold layers up to `layer`."""
        post = self._posts.get((node, layer))
        if post is None:
            post = self._posts[node, layer] = Post(self, node, self.cell.claim(self.spec, layer))
        return post

    def _send(self, visit: Visit, instance: Instance, *, cold: bool) -> None:
        if instance.in_flight == 0 and instance.state == "idle":
            self.cell.keeping.pick_up(instance)
        instance.in_flight += 1
        self.in_flight += 1
        if self.spec.concurrency > 1:
            self.partly.pop(instance, None)
            if instance.in_flight < self.spec.concurrency:
                self.partly[instance] = None
        visit.replica = instance
        visit.cold = cold
        visit.routed_s = self.clock.now
        if hasattr(visit, "inbox"):
            visit.stage.send_inputs(visit)
            return
        delay = instance.post.delays.get(visit.at)
        if delay == 0.0:
            self.run(visit)
        elif delay is not None:
            heappush(self.clock.heap, (visit.routed_s + delay, NORMAL, self.clock.next_serial(), self.run, visit))
        else:
            way = instance.way_from(visit.at)
            way.send(visit.id ^ getattr(visit, "salt", 0), visit.id, visit.nbytes, self.run, visit, self.lost)

    def _release(self, instance: Instance) -> None:
        """Free the slot of a request that has left its instance."""
        cell = self.cell
        instance.in_flight -= 1
        self.in_flight -= 1
        cell.in_flight -= 1
        cell.account.in_flight -= 1
        if instance.state == "draining":
            if instance.in_flight == 0:
                cell.keeping.end(instance, "expired")
        elif self.waiting:
            visit = next(iter(self.waiting))
            self._waits_no_more(visit)
            self._send(visit, instance, cold=False)
        else:
            self.partly.pop(instance, None)
            if instance.in_flight == 0:
                cell.keeping.fall_idle(instance)
            else:
                self.partly[instance] = None

    # -- requests that wait

    def _wait(self, visit: Visit) -> None:
        self.waiting[visit] = None
        if visit.stage.revocable:
            visit.stage.app.waits(visit, self)
        self.cell.scaling.needed(self)

    def _waits_no_more(self, visit: Visit) -> None:
        del self.waiting[visit]
        if visit.stage.revocable:
            visit.stage.app.waits_no_more(visit)

    def turn_away(self) -> None:
        """Reject the request that has waited shortest."""
        visit = next(reversed(self.waiting))
        self._waits_no_more(visit)
        self.cell.count(-1)
        self._write_wait(visit, self.clock.now)
        visit.stage.app.end("rejected", visit)

    def leave(self, visit: Visit) -> None:
        """Let a waiting request go that is over."""
        del self.waiting[visit]
        self.cell.count(-1)
        self._write_wait(visit, self.clock.now)

    def has_less(self) -> None:
        """Do nothing: a request that waited held up nobody."""

    # -- rows, and what views and stages ask

    def _write(self, visit: Visit, started_s: float, finished_s: float, busy_s: float) -> None:
        instance, stage = visit.replica, visit.stage
        tags = instance.post.cold_tags if visit.cold else instance.post.warm_tags
        tag = tags.get(stage)
        if tag is None:
            tag = tags[stage] = self.cell.stage_tag(stage.name, self, instance.node, "cold" if visit.cold else "warm")
        times = (visit.sent_s, visit.routed_s, visit.queued_s, started_s, finished_s)
        self._record((visit.id, tag, instance.id, 1, *times, busy_s))

    def _write_wait(self, visit: Visit, left_s: float) -> None:
        tag = self.cell.stage_tag(visit.stage.name, self, None, "")
        self._record((visit.id, tag, -1, 0, visit.sent_s, NAN, NAN, NAN, left_s, 0.0))

    def close(self) -> None:
        """Record what is unfinished at the end of the run."""
        for visit in self.waiting:
            self._write_wait(visit, NAN)

    @staticmethod
    def execution(entry: Entry) -> Visit | None:
        """Return the visit in execution whose end the clock has this entry for; None if it is something else."""
        ends = getattr(entry[3], "__func__", None) in (Function._finish, Function._cut_off)
        return entry[4] if ends else None

    def close_execution(self, visit: Visit) -> None:
        """Record an execution that goes on at the end of the run."""
        self._write(visit, visit.started_s, NAN, (self.clock.now - visit.started_s) * self.cores_each)

    def new_probe(self) -> Instance:
        """Return an instance that does not run, for those who ask how long work takes."""
        return Instance(-1, self.post_on(self.cell.nodes[0]), 0.0)

    known_replica = first_replica = new_probe

    def busy_slot_s(self) -> float:
        """Return the slot-seconds of service given so far."""
        return self._edge_s + self.running * self.clock.now
