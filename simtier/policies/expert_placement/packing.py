"""Putting loads into places, the heaviest first."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heapify, heappop, heappush


def packed(loads: Sequence[float], places: int) -> list[list[int]]:
    """Return which loads, by number, each place gets: equally many, the heaviest first to where there is least so far.

    This is longest processing time first (Graham, "Bounds on multiprocessing timing anomalies", 1969) with a limit to the number in each
    place. `places` must divide the number of loads.
    """
    room = len(loads) // places
    found: list[list[int]] = [[] for _ in range(places)]
    heap = [(0.0, place) for place in range(places)]
    heapify(heap)
    for number in sorted(range(len(loads)), key=lambda each: (-loads[each], each)):
        held, place = heappop(heap)
        found[place].append(number)
        if len(found[place]) < room:
            heappush(heap, (held + loads[number], place))
    return found
