"""Buffers in front of a function: requests wait there until a batching policy sends some of them as one execution."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

from simtier.clock import DECIDE, Entry
from simtier.contract import Asker, Batching, Hold, Limits
from simtier.models.views import RequestFacade
from simtier.models.visit import Visit

if TYPE_CHECKING:
    from simtier.models.serverless.batched import BatchedFunction

NEVER = float("inf")


class Batch(Visit):
    """Requests of one stage that are one execution: where functions handle executions it stands for a visit.

    Attributes:
        visits: those in it, in the order the policy gave; who is over before the execution begins has left.
        awaited: of these, those that have not reached the instance; all of them until an instance is found.
        sent: whether an instance was found.
    """

    __slots__ = ("awaited", "sent", "visits")

    def __init__(self, visits: Sequence[Visit]) -> None:
        self.visits = dict.fromkeys(visits)
        self.awaited = dict.fromkeys(visits)
        self.sent = False
        self.stage = visits[0].stage
        self.id = visits[0].id


class Buffer:
    """The requests of one stage that wait in front of a function, in order of arrival.

    The policy is asked when a request joined, once all that falls on this instant has happened, and when the time of its Hold comes;
    again and again until it holds or nobody waits.
    """

    def __init__(self, function: BatchedFunction, asker: Asker) -> None:
        policy = asker.policy
        assert isinstance(policy, Batching)
        self.visits: dict[Visit, RequestFacade] = {}
        self._function = function
        self._clock = function.clock
        self._asker = asker
        self._policy = policy
        self._hold: Entry | None = None
        self._asked_soon = False

    def join(self, visit: Visit) -> None:
        """Let a visit wait."""
        visit.queued_s = self._clock.now
        self.visits[visit] = RequestFacade(visit)
        self._function.buffered += 1
        if not self._asked_soon:
            self._asked_soon = True
            self._clock.call_at(self._clock.now, self._decide, None, DECIDE)

    def leave(self, visit: Visit) -> None:
        """Let a visit go whose request is over."""
        del self.visits[visit]
        self._function.buffered -= 1
        if not self.visits:
            self._forget_hold()

    def _held(self, _: object) -> None:
        """Ask because the time of a Hold has come (called by the clock)."""
        self._hold = None
        if not self._asked_soon:
            self._decide(None)

    def _decide(self, _: object) -> None:
        """Ask until the policy holds or nobody waits (called by the clock)."""
        self._asked_soon = False
        self._forget_hold()
        while self.visits:
            self._function.fit_memory()
            batch = self._form()
            if not batch:
                return
            self._function.dispatch(Batch(batch))

    def _form(self) -> list[Visit]:
        """Return who runs together now, taken out; nobody if the policy would rather wait."""
        visits, shown = list(self.visits), tuple(self.visits.values())
        most = self._function.spec.max_batch
        limits = Limits(self._clock.now, most, visits[0].queued_s, len(visits))
        answer: Any = self._asker.ask(self._policy.form, shown, limits)
        if isinstance(answer, Hold):
            self._wait(answer)
            return []
        numbers = {id(view): number for number, view in enumerate(shown)}
        chosen = [numbers.get(id(view), -1) for view in answer] if isinstance(answer, Sequence) else []
        if not 1 <= len(chosen) <= most or -1 in chosen or len(set(chosen)) < len(chosen):
            number = min(most, len(shown))
            raise self._asker.wrong(answer, f"1 to {number} different requests of the queue it was shown, or Hold")
        batch = [visits[number] for number in chosen]
        for visit in batch:
            del self.visits[visit]
        self._function.buffered -= len(batch)
        return batch

    def _wait(self, hold: Hold) -> None:
        if not isinstance(hold.until_s, Real) or not hold.until_s > self._clock.now:
            raise self._asker.wrong(hold, f"a Hold later than now ({self._clock.now!r} s)")
        if hold.until_s < NEVER:
            self._hold = self._clock.call_at(hold.until_s, self._held, None, DECIDE)

    def _forget_hold(self) -> None:
        if self._hold is not None:
            self._clock.cancel(self._hold)
            self._hold = None
