"""Distributions of times given by published quantiles."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

STEPS = 1 << 16
"""Levels at which means are computed."""


@dataclass(frozen=True)
class Quantiles:
    """A distribution on times >= 0: exact zeros with a probability, else a smooth curve through given quantiles.

    Between two levels the logarithm of the quantile rises like the `bend`-th power of the way between them: 1 is a straight line, more
    keeps longer to the lower value. The given quantiles hold whatever the bend, so it can be chosen for the mean (`bent_to`).

    Attributes:
        levels: probabilities, rising from 0 to 1.
        seconds: the quantiles at these levels of the times above zero, > 0, not falling; the last one is the longest time there is.
        zeros: probability of an exact zero.
        bend: > 0.

    Raises ValueError for anything else.
    """

    levels: tuple[float, ...]
    seconds: tuple[float, ...]
    zeros: float = 0.0
    bend: float = 1.0

    def __post_init__(self) -> None:
        levels, seconds = np.array(self.levels), np.array(self.seconds)
        if not (len(levels) == len(seconds) >= 2 and levels[0] == 0 and levels[-1] == 1):
            raise ValueError(f"quantiles need as many levels as values, from 0 to 1, got {self.levels}, {self.seconds}")
        if np.any(np.diff(levels) <= 0):
            raise ValueError(f"levels must rise, got {self.levels}")
        if not (np.all(np.isfinite(seconds)) and seconds[0] > 0) or np.any(np.diff(seconds) < 0):
            raise ValueError(f"quantiles must be above 0, finite, and must not fall, got {self.seconds}")
        if not (0 <= self.zeros <= 1 and self.bend > 0):
            raise ValueError(f"zeros is a probability and the bend above 0, got {self.zeros}, {self.bend}")

    def at(self, level: Floats) -> Floats:
        """Return the quantiles at `level`, numbers in [0, 1], in seconds."""
        if self.zeros == 1.0:
            return np.zeros_like(level)
        above = np.clip((level - self.zeros) / (1.0 - self.zeros), 0.0, 1.0)
        levels, logs = np.array(self.levels), np.log(self.seconds)
        piece = np.clip(np.searchsorted(levels, above, side="right") - 1, 0, len(levels) - 2)
        way = (above - levels[piece]) / np.diff(levels)[piece]
        times = np.exp(logs[piece] + np.diff(logs)[piece] * way**self.bend)
        return np.where(level < self.zeros, 0.0, times)

    @property
    def mean(self) -> float:
        """The mean in seconds, by the midpoint rule at `STEPS` levels."""
        return float(np.mean(self.at(middles(STEPS))))

    def bent_to(self, mean: float) -> Self:
        """Return the distribution through the same quantiles whose mean is `mean` seconds.

        Raises ValueError if no curve through them has it.
        """
        from scipy.optimize import brentq  # noqa: PLC0415 - 20 MB that most runs have no use for

        def excess(bend: float) -> float:
            return replace(self, bend=bend).mean - mean

        least, most = 1e-2, 1e2
        if excess(least) * excess(most) > 0:
            raise ValueError(
                f"a mean of {mean:g} s is out of reach: with these quantiles it is between "
                f"{excess(most) + mean:.3g} s and {excess(least) + mean:.3g} s"
            )
        return replace(self, bend=float(brentq(excess, least, most, xtol=1e-9)))


def middles(number: int) -> Floats:
    """Return the middles of `number` equal parts of [0, 1]."""
    return (np.arange(number) + 0.5) / number
