"""The order in which a replica serves its queue; one small class for each way a scheduling policy can say it."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from heapq import heappop, heappush
from itertools import count
from numbers import Real
from typing import Any, Protocol

from simtier.contract import Asker, Scheduling
from simtier.models.views import RequestFacade
from simtier.models.visit import Visit


class Queue(Protocol):
    """Waiting visits."""

    def push(self, visit: Visit) -> None:
        """Let a visit join."""

    def pop(self) -> Visit:
        """Remove and return the next; the queue is not empty."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Visit]:
        """Go through the waiting visits, next first where that is known without asking."""
        ...


class Fifo(deque[Visit]):
    """First come, first served."""

    push = deque.append
    pop = deque.popleft


class Ranked:
    """By the key the policy gave when the visit joined, equal keys in order of arrival: its own heap, O(log n)."""

    def __init__(self, asker: Asker, policy: Scheduling) -> None:
        self._heap: list[tuple[float, int, Visit]] = []
        self._asker = asker
        self._policy = policy
        self._serial = count()

    def push(self, visit: Visit) -> None:
        heappush(self._heap, (asked_rank(self._asker, self._policy, visit), next(self._serial), visit))

    def pop(self) -> Visit:
        return heappop(self._heap)[2]

    def __len__(self) -> int:
        return len(self._heap)

    def __iter__(self) -> Iterator[Visit]:
        return (visit for _, _, visit in sorted(self._heap))


class Picked:
    """By asking the policy each time; for rules that no key expresses."""

    def __init__(self, asker: Asker, policy: Scheduling) -> None:
        self._waiting: list[Visit] = []
        self._views: list[RequestFacade] = []
        self._asker = asker
        self._policy = policy

    def push(self, visit: Visit) -> None:
        self._waiting.append(visit)
        self._views.append(RequestFacade(visit))

    def pop(self) -> Visit:
        for number, visit in enumerate(self._waiting):
            if visit.stage.revocable and visit.id not in visit.stage.app.alive:
                del self._views[number]
                return self._waiting.pop(number)  # left already; the policy is not shown it
        shown = tuple(self._views)
        answer = self._asker.ask(self._policy.pick, shown)
        place = next((i for i, view in enumerate(shown) if view is answer), None)
        if place is None:
            raise self._asker.wrong(answer, "one of the requests of the queue")
        del self._views[place]
        return self._waiting.pop(place)

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[Visit]:
        return iter(self._waiting)


def asked_rank(asker: Asker, policy: Scheduling, visit: Visit) -> float:
    """Return the sort key the policy gives a visit; raises PolicyError for anything but a number."""
    rank: Any = asker.ask(policy.rank, RequestFacade(visit))
    if isinstance(rank, bool) or not isinstance(rank, Real) or math.isnan(rank):
        raise asker.wrong(rank, "a number as rank")
    return float(rank)


def queue_for(asker: Asker) -> Queue:
    """Return the queue that the scheduling policy behind `asker` calls for."""
    policy = asker.policy
    if not isinstance(policy, Scheduling):
        raise asker.wrong(policy, "a scheduling policy")
    if asker.skip:
        return Fifo()
    if type(policy).pick is not Scheduling.pick:
        return Picked(asker, policy)
    return Ranked(asker, policy)
