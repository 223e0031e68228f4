"""How many replications a difference needs, and how small a difference so many can show.

Power is the probability that a two-sided t test at the given confidence finds a true difference: a tail of the noncentral t
distribution, exact for normal values. Source: Cohen, Statistical Power Analysis for the Behavioral Sciences, 2nd ed., 1988, chapter 2.
"""

from __future__ import annotations

import math
from bisect import bisect_left

from scipy.special import nctdtr

from simtier.statistics.intervals import critical
from simtier.statistics.paired import Comparison
from simtier.statistics.samples import BELIEVED

MOST = 100_000
"""More replications than these are no advice."""


def replications_needed(comparison: Comparison, power: float = 0.8, tests: int = 1) -> int | None:
    """Return how many replications, in all, would show a true difference of the observed size with this power.

    With `tests`, of so many comparisons that share an error rate: each at a `tests`-th of it, the strictest that Holm's correction asks for.
    Of both policies; those there are count in. None: more than 100,000, or for ever, or not to be known, for there is no
    difference or only one replication. The observed difference is itself uncertain, so this is a guide: with few replications the true one may
    be half or twice as large, and the number goes with its inverse square. For independent values variances are taken as equal.
    """
    difference, sd = abs(comparison.difference), comparison.sd
    if not difference > 0 or math.isnan(sd):
        return None
    if sd == 0:
        return BELIEVED
    confidence = 1 - (1 - comparison.confidence) / tests
    independent = comparison.pairing == "independent"

    def shown(n: int) -> float:
        return power_of(difference / sd, n, confidence, independent=independent)

    needed = 2 + bisect_left(range(2, MOST + 1), power, key=shown)
    return needed if needed <= MOST else None


def detectable(sd: float, n: int, confidence: float = 0.95, power: float = 0.8, *, independent: bool = False) -> float:
    """Return the smallest true difference that `n` replications show with this power, in the unit of `sd`; NaN for fewer than two.

    Args:
        sd: standard deviation of the differences; of the values, if `independent`.
        n: replications, of each policy.
        confidence: of the interval, between 0 and 1.
        power: above 1 - confidence, below 1.
        independent: whether the two policies' values share nothing.
    """
    if n < 2 or math.isnan(sd):
        return math.nan
    high = 1.0
    while power_of(high, n, confidence, independent=independent) < power:
        high *= 2
    low = 0.0
    for _ in range(60):  # to the last bits of a double
        middle = (low + high) / 2
        if power_of(middle, n, confidence, independent=independent) < power:
            low = middle
        else:
            high = middle
    return high * sd


def power_of(effect_size: float, n: int, confidence: float = 0.95, *, independent: bool = False) -> float:
    """Return the probability that `n` >= 2 replications (of each policy) show a true difference of `effect_size` >= 0 standard deviations."""
    freedom = 2 * (n - 1) if independent else n - 1
    away = effect_size * math.sqrt(n / 2 if independent else n)
    reach = critical(confidence, freedom)
    return 1 - _below(reach, freedom, away) + _below(-reach, freedom, away)


def _below(value: float, freedom: float, away: float) -> float:
    """Return the distribution function of the noncentral t; SciPy answers NaN where it is too small for it, which is 0 here."""
    found = float(nctdtr(freedom, away, value))
    return 0.0 if math.isnan(found) else found
