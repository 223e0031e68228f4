"""When a spot instance can be had."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Self


@dataclass(frozen=True)
class Windows:
    """The times at which a spot instance can be had; it is taken away at the end of each.

    Attributes:
        changes: rising times of change in seconds, to available at the even places (0, 2, ...), to unavailable at the odd ones.
    """

    changes: tuple[float, ...]

    def __post_init__(self) -> None:
        if any(a >= b for a, b in zip(self.changes, self.changes[1:], strict=False)):
            raise ValueError("the times at which availability changes must rise")

    @classmethod
    def of_steps(cls, times: Iterable[float], available: Iterable[bool]) -> Self:
        """Return the windows of availability that is `available[i]` from `times[i]` on; unavailable before the first."""
        changes: list[float] = []
        for time, is_there in zip(times, available, strict=True):
            if is_there != (len(changes) % 2 == 1):
                changes.append(float(time))
        return cls(tuple(changes))

    def available(self, time_s: float) -> bool:
        """Return whether there is one at `time_s`."""
        return bisect_right(self.changes, time_s) % 2 == 1

    def next_change(self, time_s: float) -> float:
        """Return when that changes after `time_s`, or infinity."""
        place = bisect_right(self.changes, time_s)
        return self.changes[place] if place < len(self.changes) else inf

    def since(self, start_s: float) -> Windows:
        """Return the windows as seen by who begins at `start_s`."""
        later = [change - start_s for change in self.changes if change > start_s]
        return Windows(tuple([0.0, *later] if self.available(start_s) else later))

    def until(self, end_s: float) -> Sequence[tuple[float, float]]:
        """Return begin and end of each window, cut off at `end_s`."""
        begins, ends = self.changes[::2], (*self.changes[1::2], inf)
        return [(begin, min(end, end_s)) for begin, end in zip(begins, ends, strict=False) if begin < end_s]
