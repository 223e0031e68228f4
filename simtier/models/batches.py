"""A replica that runs requests in batches, on an accelerator or on its cores, as a batching policy forms them."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any

from simtier.clock import DECIDE, Entry
from simtier.contract import Asker, Batching, Hold, Limits
from simtier.models.batch_line import BatchLine, Place
from simtier.models.replica import Replica
from simtier.models.views import RequestFacade
from simtier.models.visit import Visit

Batch = list[Visit]


class BatchReplica(Replica):
    """One batch after the other on the replica's accelerator; without one, up to `concurrency` batches at a time.

    Only requests for the same part of the same stage (the same layers of the same model) share a batch. A batch starts when the
    policy says so and the accelerator is free, and all its requests end together. On a node that shares its cores, a batch runs as
    fast as its share lets it.
    """

    def __init__(self, *args: Any, batching: Asker) -> None:
        super().__init__(*args)
        self._asker = batching
        self._batches: list[Batch] = []
        self._in_line = False
        self._hold: Entry | None = None
        self._slots = 1 if self.device is not None else self.service.concurrency
        self._share = 1.0 if self.device is not None else self.cores_each
        self._cpu = self.node.fair_cpu if self.device is None else None

    @property
    def running(self) -> int:  # type: ignore[override]  # the others keep a number
        """Requests in service."""
        return sum(map(len, self._batches))

    @property
    def slots_in_use(self) -> int:
        """Batches in service."""
        return len(self._batches)

    def arrive(self, visit: Visit) -> None:
        """Let the visit wait; what runs is decided when all of this instant's arrivals are there."""
        visit.queued_s = self.clock.now
        self.line_up(visit)
        if len(self._batches) < self._slots:
            self.decide_soon()

    def _dispatch(self) -> None:
        if self.device is None:
            while len(self._batches) < self._slots and self._run_next():
                pass
        elif self.queue and not self._batches and not self._in_line:
            self._in_line = True
            self.device.ask(self._granted)

    def _granted(self) -> bool:
        """Run a batch on the accelerator, which is ours now; return False if there is none to run after all."""
        self._in_line = False
        return self._run_next()

    def _run_next(self) -> bool:
        batch = self._form()
        if not batch:
            return False
        now = self.clock.now
        for visit in batch:
            visit.started_s = now
        self._batches.append(batch)
        self.edge_s -= now
        seconds = batch[0].stage.batch_seconds(batch, self)
        if self._cpu is not None:
            self._cpu.run(seconds * self._share, self._share, self._finish, batch)
        else:
            self.clock.call_in(seconds, self._finish, batch)
        return True

    # -- forming a batch

    def _form(self) -> Batch:
        """Return the next batch, taken out of the queue; empty if there is nothing to run now."""
        if isinstance(self.queue, BatchLine):
            places = self.queue.take(self.service.max_batch, self._left)
            return self._asked(self.queue, places) if places else []
        while self.queue:
            visit = self.queue.pop()
            if not self._left(visit):
                return [visit]
        return []

    def _left(self, visit: Visit) -> bool:
        return visit.stage.revocable and self.drop(visit)

    def _asked(self, line: BatchLine, places: list[Place]) -> Batch:
        """Ask the policy which of the visits just taken out to run, and put the others back."""
        visits = [place[2] for place in places]
        shown = tuple(RequestFacade(visit) for visit in visits)
        oldest_s = min(visit.queued_s for visit in visits)
        limits = Limits(self.clock.now, self.service.max_batch, oldest_s, len(visits) + line.sharing(places[0]))
        policy = self._asker.policy
        assert isinstance(policy, Batching)
        answer: Any = self._asker.ask(policy.form, shown, limits)
        if isinstance(answer, Hold):
            self._give_back(line, places)
            self._wait(answer)
            return []
        numbers = {id(view): number for number, view in enumerate(shown)}
        chosen = [numbers.get(id(view), -1) for view in answer] if isinstance(answer, Sequence) else []
        if not chosen or -1 in chosen or len(set(chosen)) < len(chosen):
            raise self._asker.wrong(answer, f"1 to {len(shown)} different requests of the queue it was shown, or Hold")
        self._give_back(line, [place for number, place in enumerate(places) if number not in set(chosen)])
        self._forget_hold()
        return [visits[number] for number in chosen]

    def _give_back(self, line: BatchLine, places: list[Place]) -> None:
        line.give_back(places)
        for _, _, visit in places:
            if visit.stage.revocable:
                visit.stage.app.waits(visit, self)

    def _wait(self, hold: Hold) -> None:
        """Ask again at the time the policy named; an earlier time it named no longer counts."""
        if not isinstance(hold.until_s, Real) or not hold.until_s > self.clock.now:
            raise self._asker.wrong(hold, f"a Hold later than now ({self.clock.now!r} s)")
        self._forget_hold()
        self._hold = self.clock.call_at(hold.until_s, self._held, None, DECIDE) if hold.until_s < float("inf") else None

    def _forget_hold(self) -> None:
        if self._hold is not None:
            self.clock.cancel(self._hold)
            self._hold = None

    def _held(self, _: object) -> None:
        self._hold = None
        self._dispatch()

    # -- the end of a batch

    def _finish(self, batch: Batch) -> None:
        now = self.clock.now
        started_s = batch[0].started_s
        self._batches = [other for other in self._batches if other is not batch]
        self.edge_s += now
        # On shared cores a batch took longer than its work.
        work_s = now - started_s if self._cpu is None else batch[0].stage.batch_seconds(batch, self)
        for visit in batch:
            self.record(visit, started_s, now, work_s * self._share / len(batch), len(batch))
        if self.queue:
            self.decide_soon()
        if self.device is not None:
            self.clock.call_at(now, self._release, None, DECIDE)
        for visit in batch:
            self.served(visit)

    def _release(self, _: object) -> None:
        assert self.device is not None
        self.device.release()

    def unfinished(self) -> list[tuple[Visit, float, int]]:
        now = self.clock.now
        left = {id(batch): seconds for batch, seconds in self._cpu.unfinished()} if self._cpu is not None else {}
        found = []
        for batch in self._batches:
            if self._cpu is None:
                busy_s = (now - batch[0].started_s) * self._share
            else:
                busy_s = batch[0].stage.batch_seconds(batch, self) * self._share - left[id(batch)]
            found += [(visit, busy_s / len(batch), len(batch)) for visit in batch]
        return found
