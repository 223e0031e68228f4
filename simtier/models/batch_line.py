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
        key = (visit.stage, visit.part.first, visit.part.last)
        heappush(self._heaps.setdefault(key, []), (rank, next(self._serial), visit))
        self._length += 1

    def pop(self) -> Visit:
        """Remove and return the next."""
        return self.take(1, lambda _: False)[0][2]

    def take(self, most: int, gone: Callable[[Visit], bool]) -> list[Place]:
        """Take out the next visit and those behind it that can share its batch, `most` in all; `gone` ones are let go for good."""
        taken: list[Place] = []
        while not taken and self._heaps:
            key = min(self._heaps, key=lambda each: self._heaps[each][0][:2])
            heap = self._heaps[key]
            while heap and len(taken) < most:
                place = heappop(heap)
                self._length -= 1
                if not gone(place[2]):
                    taken.append(place)
            if not heap:
                del self._heaps[key]
        return taken

    def give_back(self, places: list[Place]) -> None:
        """Put visits back where they were."""
        for place in places:
            visit = place[2]
            heappush(self._heaps.setdefault((visit.stage, visit.part.first, visit.part.last), []), place)
        self._length += len(places)

    def sharing(self, place: Place) -> int:
        """Return how many visits wait that could share a batch with one that was taken out."""
        visit = place[2]
        return len(self._heaps.get((visit.stage, visit.part.first, visit.part.last), ()))

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Visit]:
        return (place[2] for heap in self._heaps.values() for place in heap)
