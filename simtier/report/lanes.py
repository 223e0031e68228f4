"""Lanes: intervals that overlap are drawn on different lines."""

from __future__ import annotations

from heapq import heappop, heappush


class Lanes:
    """Gives each interval the first lane that is free; intervals must come in the order of their starts."""

    def __init__(self) -> None:
        self._free: list[int] = []
        self._busy: list[tuple[int, int]] = []
        self.used = 0

    def take(self, start: int, end: int) -> int:
        """Return the lane, from 0, for [start, end)."""
        while self._busy and self._busy[0][0] <= start:
            _, lane = heappop(self._busy)
            heappush(self._free, lane)
        if self._free:
            lane = heappop(self._free)
        else:
            lane, self.used = self.used, self.used + 1
        heappush(self._busy, (end, lane))
        return lane
