"""A metric's values in replications: which are known, their moments, and what of them is only rounding."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from simtier.errors import SimtierError

Floats = NDArray[np.float64]
Values = Sequence[float | None] | Floats
"""A metric's value in each replication, in order; None or NaN where a replication has none."""
ROUNDING = 1e-12
"""Differences below this share of the values are the rounding of sums taken in another order."""
BELIEVED = 5
"""So many equal differences are no luck: a spread of 0 is believed."""
CONSTANT = 6
"""So many values, of both policies together, of which none varies within its policy, are no luck."""


def numbers(values: Values) -> Floats:
    """Return `values` as an array (replications,), NaN for None."""
    return np.array([math.nan if value is None else value for value in values], dtype=np.float64)


def pairs(base: Values, other: Values) -> tuple[Floats, Floats, int]:
    """Return the values of both where both are finite, and how many pairs were dropped."""
    first, second = numbers(base), numbers(other)
    if len(first) != len(second):
        raise SimtierError(
            f"{len(first)} values of the base and {len(second)} of the other are no pairs: run the same replications of both"
        )
    known = np.isfinite(first) & np.isfinite(second)
    return first[known], second[known], int((~known).sum())


def finite(values: Values) -> Floats:
    """Return the values that are known and finite."""
    known = numbers(values)
    return known[np.isfinite(known)]


def without_rounding(differences: Floats, first: Floats, second: Floats) -> Floats:
    """Return the differences, made 0, or all the same, where only the rounding of the two values says otherwise."""
    if len(differences) == 0:
        return differences
    noise = ROUNDING * _scale(first, second)
    if np.abs(differences).max() <= noise:
        return np.zeros_like(differences)
    if np.ptp(differences) <= noise:
        return np.full_like(differences, differences.mean())
    return differences


def real(difference: float, first: Floats, second: Floats) -> float:
    """Return the difference of two means, made 0 where it is only the rounding of the values."""
    return 0.0 if abs(difference) <= ROUNDING * _scale(first, second) else difference


def moments(values: Floats) -> tuple[float, float]:
    """Return mean and standard deviation: NaN of no value, or of fewer than two; exactly 0 of values equal but for rounding."""
    mean = float(values.mean()) if len(values) else math.nan
    if len(values) < 2:
        return mean, math.nan
    return mean, 0.0 if np.ptp(values) <= ROUNDING * _scale(values) else float(values.std(ddof=1))


def believed(first: Floats, second: Floats) -> bool:
    """Return whether values that differ by the same everywhere do so for good, and not by luck, as counts of rare things often do.

    They do if there are BELIEVED pairs, or if neither policy's values vary at all and there are CONSTANT of both: two series of fair coins
    are constant, and another, with probability 3 % then, and with 12 % if there were two of each.
    """
    constant = moments(first)[1] == 0 and moments(second)[1] == 0
    return min(len(first), len(second)) >= BELIEVED or (constant and len(first) + len(second) >= CONSTANT)


def welch(sd: float, n: int, sd_other: float, n_other: int) -> tuple[float, float]:
    """Return the standard error of a difference of two means and its degrees of freedom (Welch and Satterthwaite)."""
    if min(n, n_other) < 2:
        return math.nan, math.nan
    part, part_other = sd**2 / n, sd_other**2 / n_other
    whole = part + part_other
    if whole == 0:
        return 0.0, float(n + n_other - 2)
    return math.sqrt(whole), 1 / ((part / whole) ** 2 / (n - 1) + (part_other / whole) ** 2 / (n_other - 1))


def _scale(*groups: Floats) -> float:
    return max((float(np.abs(values).max()) for values in groups if len(values)), default=0.0)
