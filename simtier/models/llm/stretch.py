"""A stretch: iterations one after the other in which the same sequences decode, taken as one event.

With n sequences whose contexts sum to S in the first iteration, iteration i takes t_i. Where t_i = a + b (S + n i), the first k take

    T(k) = k (a + b S) + b n k (k - 1) / 2,

and which iteration is under way after some time is the root of a quadratic; else both come from the running sum of the t_i. The stretch ends
at the same instants as its iterations one by one would, up to rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from simtier.models.llm.work import IterationCost

NO_BOUND = 1 << 40
"""Iterations of a stretch that nothing ends."""
_AT_ONCE = 512
"""Iterations of a stretch whose times are summed at most, where they are not a line."""


class Stretch:
    """Iterations that follow each other without a change.

    Args:
        first_s: what the first takes.
        rise_s: how much longer each is than the one before.
        iterations: how many there are.

    Attributes:
        seconds: what all of them take.
    """

    __slots__ = ("_first_s", "_rise_s", "iterations", "seconds")

    def __init__(self, first_s: float, rise_s: float, iterations: int) -> None:
        self._first_s = first_s
        self._rise_s = rise_s
        self.iterations = iterations
        self.seconds = self.until(iterations)

    def until(self, iterations: int) -> float:
        """Return what the first so many iterations take."""
        return iterations * self._first_s + self._rise_s * (iterations * (iterations - 1) / 2)

    def under_way(self, elapsed_s: float) -> int:
        """Return how many iterations have begun, or end, `elapsed_s` after the begin; at least one."""
        if self._rise_s > 0:
            half = self._first_s / self._rise_s - 0.5
            guess = math.sqrt(half * half + 2 * elapsed_s / self._rise_s) - half
        else:
            guess = elapsed_s / self._first_s if self._first_s > 0 else self.iterations
        number = min(max(1, math.ceil(guess)), self.iterations)
        # The root is rounded: the neighbours decide.
        while number > 1 and self.until(number - 1) >= elapsed_s:
            number -= 1
        while number < self.iterations and self.until(number) < elapsed_s:
            number += 1
        return number

    def cut_short(self, elapsed_s: float) -> bool:
        """End with the iteration that is under way `elapsed_s` after the begin; return False if that is the last anyway."""
        number = self.under_way(elapsed_s)
        if number == self.iterations:
            return False
        self.cut(number)
        return True

    def cut(self, iterations: int) -> None:
        """End after so many iterations instead."""
        self.iterations = iterations
        self.seconds = self.until(iterations)


class SummedStretch(Stretch):
    """A stretch whose iterations take what a running sum says."""

    __slots__ = ("_sums",)

    def __init__(self, times: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
        self._sums = np.concatenate(([0.0], np.cumsum(times)))
        super().__init__(float(times[0]), 0.0, len(times))

    def until(self, iterations: int) -> float:
        return float(self._sums[iterations])

    def under_way(self, elapsed_s: float) -> int:
        number = int(np.searchsorted(self._sums, elapsed_s, side="left"))
        return min(max(1, number), self.iterations)


def stretch_of(cost: IterationCost) -> Callable[[int, float, int], Stretch]:
    """Return what makes the stretch of so many decodes, with such a sum of contexts, of at most so many iterations."""
    lines: dict[int, tuple[float, float] | None] = {}

    def make(decodes: int, contexts: float, most: int) -> Stretch:
        if decodes not in lines:
            lines[decodes] = cost.line(decodes)
        line = lines[decodes]
        if line is None:
            return SummedStretch(cost.times(decodes, contexts, min(most, _AT_ONCE)))
        a, b = line
        return Stretch(a + b * contexts, b * decodes, most)

    return make
