"""A replica that runs requests in batches, on an accelerator or on its cores, as a batching policy forms them."""

from __future__ import annotations

from typing import Any

from simtier.clock import DECIDE, Entry
from simtier.contract import Asker, Batching, Hold, Limits
from simtier.models.replica import Replica
from simtier.models.views import RequestFacade
from simtier.models.visit import Visit

Batch = list[Visit]


class BatchReplica(Replica):
    """One batch after the other on the replica's accelerator; without one, up to `concurrency` batches at a time.

    Only requests for the same part of the same stage (the same layers of the same model) share a batch. A batch starts when the
    policy says so and the accelerator is free, and all its requests end together.
    """

    def __init__(self, *args: Any, batching: Asker) -> None:
        super().__init__(*args)
        self._asker = batching
        self._batches: list[Batch] = []
        self.running = 0
        self._in_line = False
        self._hold: Entry | None = None
        self._slots = 1 if self.device is not None else self.service.concurrency
        self._share = 1.0 if self.device is not None else self.claim.cores / self._slots

    def arrive(self, visit: Visit) -> None:
        visit.queued_s = self.clock.now
        self.queue.push(visit)
        if len(self._batches) < self._slots:
            self.decide_soon()

    def _dispatch(self) -> None:
        while len(self._batches) < self._slots and self.queue:
            if self.device is None:
                if not self._run_next():
                    return
            else:
                if not self._in_line:
                    self._in_line = True
                    self.device.ask(self._granted)
                return

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
        self.running += len(batch)
        self.clock.call_in(batch[0].stage.batch_seconds(batch, self), self._finish, batch)
        return True

    def _form(self) -> Batch:
        """Return the next batch, taken out of the queue; empty if there is nothing to run now."""
        for visit in [waiting for waiting in self.queue if waiting.stage.revocable]:
            if self.given_up(visit):
                self.queue.remove(visit)
        if not self.queue:
            return []
        if self._asker.skip:
            return [self.queue.pop()]
        return self._asked()

    def _asked(self) -> Batch:
        waiting = list(self.queue)
        head = waiting[0]
        alike = [
            v
            for v in waiting
            if v.stage is head.stage and v.part.first == head.part.first and v.part.last == head.part.last
        ]
        shown = tuple(RequestFacade(visit) for visit in alike)
        views = {id(view): visit for view, visit in zip(shown, alike, strict=True)}
        now = self.clock.now
        limits = Limits(now, self.service.max_batch, min(visit.queued_s for visit in alike))
        policy = self._asker.policy
        assert isinstance(policy, Batching)
        answer = self._asker.ask(policy.form, shown, limits)
        if isinstance(answer, Hold):
            self._wait(answer)
            return []
        chosen = [views.get(id(view)) for view in answer]
        batch = [visit for visit in chosen if visit is not None]
        if not 1 <= len(batch) <= limits.max_batch or len({id(v) for v in batch}) != len(chosen):
            raise self._asker.wrong(answer, f"1 to {limits.max_batch} different requests of the queue, or Hold")
        for visit in batch:
            self.queue.remove(visit)
        self._forget_hold()
        return batch

    def _wait(self, hold: Hold) -> None:
        """Ask again at the time the policy named; an earlier time it named no longer counts."""
        if not hold.until_s > self.clock.now:
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

    def _finish(self, batch: Batch) -> None:
        now = self.clock.now
        self._batches = [other for other in self._batches if other is not batch]
        self.running -= len(batch)
        self.served_slot_s += (now - batch[0].started_s) * len(batch)
        busy_s = (now - batch[0].started_s) * self._share / len(batch)
        for visit in batch:
            self.record(visit, visit.started_s, now, busy_s, len(batch))
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
        return [
            (visit, (now - visit.started_s) * self._share / len(batch), len(batch))
            for batch in self._batches
            for visit in batch
        ]
