"""Stopping as soon as a difference is known well enough, with an error rate that holds.

The plain rule, running on until a 95 % interval is narrow enough, stops by preference where the spread happened to look small, and its
intervals then hold the truth in fewer than 95 % of all studies (on that rule: Law, Simulation Modeling and Analysis, 5th ed.,
section 9.4.1; tests/theory measures both). Here the interval is looked at rarely, at n = 5, 8, 12, 18, 27, ... replications, and look k gets a share
alpha / (k (k + 1)) of the error rate. These shares sum to alpha at most, so with independent normal differences the
probability that any look's interval misses the truth, and with it the reported one's, is at most alpha, whatever the rule by which one
stops. The price is a wider interval.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from simtier.errors import SimtierError
from simtier.statistics.intervals import Interval
from simtier.statistics.paired import Comparison


@dataclass(frozen=True)
class Sequential:
    """When to look, and with which confidence.

    Attributes:
        alpha: probability, at most, that the interval reported misses the truth.
        looks: numbers of replications at which to look, rising.
    """

    alpha: float
    looks: tuple[int, ...]

    def confidence(self, look: int) -> float:
        """Return the confidence of the interval at a look, counted from 0: 1 - alpha / (k (k + 1)) for the k-th, k = look + 1."""
        return 1 - self.alpha / ((look + 1) * (look + 2))


def sequential(alpha: float = 0.05, most: int = 1000, first: int = 5) -> Sequential:
    """Return looks at `first` replications, then at 1.5 times as many as at the last, rounded up; the last at `most`.

    Raises SimtierError if alpha is not between 0 and 1, or there is no first look within `most`.
    """
    if not 0 < alpha < 1:
        raise SimtierError(f"an error rate of {alpha:g} is not between 0 and 1: give 0.05 for 5 %")
    if not 2 <= first <= most:
        raise SimtierError(f"{most} replications are too few to look at after {first}: allow at least {max(first, 2)}")
    looks = [first]
    while looks[-1] < most:
        looks.append(min(math.ceil(looks[-1] * 1.5), most))
    return Sequential(alpha, tuple(looks))


def reached(interval: Interval | Comparison, precision: float, of: float = 1.0) -> bool:
    """Return whether an interval is narrow enough: its half-width at most `precision` times |`of`|.

    Args:
        interval: at the look's confidence. One of unknown width is not narrow enough; one of width 0 is, whether nothing can vary
            or nothing happened to: do not stop on counts of rare things.
        precision: a share, 0.02 for 2 %, if `of` is given; else in the metric's unit.
        of: what it is a share of: the base's mean (`comparison.base`).
    """
    return interval.half_width <= precision * abs(of)
