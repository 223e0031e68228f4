"""The queue of a replica that a batching policy forms batches from: by what can share a batch, each part in its order of service."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from itertools import count

from simtier.contract import Asker, Scheduling
from simtier.models.queues import asked_rank
from simtier.models.visit import Visit

Key = tuple[object, int, int]
Place = tuple[float, int, Visit]
"""A visit's rank, its number in order of arrival, and the visit."""


class BatchLine:
    """Waiting visits; those for the same layers of the same stage can share a batch.

    A look at the next batch takes out at most as many visits as it may have, so its cost does not follow the length of the queue.
    """

    def __init__(self, scheduling: Asker) -> None:
        policy = scheduling.policy
        if not isinstance(policy, Scheduling) or type(policy).pick is not Scheduling.pick:
            raise scheduling.wrong(policy, "a scheduling policy that ranks: batches are formed from an ordered queue")
        self._asker = scheduling
        self._policy = policy
        self._heaps: dict[Key, list[Place]] = {}
        self._serial = count()
        self._length = 0

    def push(self, visit: Visit) -> None:
        """Let a visit join."""
        rank = 0.0 if self._asker.skip else asked_rank(self._asker, self._policy, visit)
        place = (rank, next(self._serial), visit)
        heappush(self._heaps.setdefault(_key(place), []), place)
        self._length += 1

    def pop(self) -> Visit:
        """Remove and return the next."""
        return self.take(1, lambda _: False)[0][2]

    def take(self, most: int, gone: Callable[[Visit], bool]) -> list[Place]:
        """Take out the next visit and those behind it that can share its batch, `most` in all; `gone` ones are let go for good."""
        first = self._first(gone)
        if first is None:
            return []
        taken = [first]
        key = _key(first)
        while key in self._heaps and len(taken) < most:
            place = self._remove(key)
            if not gone(place[2]):
                taken.append(place)
        return taken

    def _first(self, gone: Callable[[Visit], bool]) -> Place | None:
        """Take out the next visit that is not gone; None if there is none."""
        while self._heaps:
            place = self._remove(min(self._heaps, key=lambda each: self._heaps[each][0][:2]))
            if not gone(place[2]):
                return place
        return None

    def _remove(self, key: Key) -> Place:
        heap = self._heaps[key]
        place = heappop(heap)
        self._length -= 1
        if not heap:
            del self._heaps[key]
        return place

    def give_back(self, places: list[Place]) -> None:
        """Put visits back where they were."""
        for place in places:
            heappush(self._heaps.setdefault(_key(place), []), place)
        self._length += len(places)

    def sharing(self, place: Place) -> int:
        """Return how many visits wait that could share a batch with one that was taken out."""
        return len(self._heaps.get(_key(place), ()))

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Visit]:
        return (place[2] for heap in self._heaps.values() for place in heap)


def _key(place: Place) -> Key:
    """Return what those have in common that can share a batch."""
    visit = place[2]
    return (visit.stage.original, visit.part.first, visit.part.last)
