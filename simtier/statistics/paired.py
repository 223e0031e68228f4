"""Comparing two policies by a metric's values in independent replications.

Replications of two policies with the same number face the same requests (common random numbers), so what differs is the policy's doing, and the
differences, one a replication, vary less than the values: `paired`. Values of runs that share nothing are compared by
`independent`.

Assumes differences (or values) that are independent between replications and near to normal. A difference of less than 1e-12 of the
values' size is the rounding of sums taken in another order, not an effect, and counts as none. Differences that are all the same have no spread,
which in few replications may be luck (one late request more in both of two): their p-value and interval are known only if there are five, or if
neither policy's values vary at all and there are six of both together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from scipy.special import stdtr

from simtier.statistics.intervals import critical
from simtier.statistics.samples import Values, believed, finite, moments, pairs, real, welch, without_rounding

Pairing = Literal["paired", "independent", "batches"]


@dataclass(frozen=True)
class Comparison:
    """What changes from a base to another policy, and how sure that is.

    What cannot be known from so few values is NaN.

    Attributes:
        base, other: mean of the metric, of the replications compared.
        difference: other - base.
        low, high: confidence interval of the difference.
        p_value: probability of a difference at least as large, to either side, if there were none.
        effect_size: the difference in standard deviations `sd`, which does not depend on n (Cohen's d_z for pairs, d for independent
            values); None where these do not vary and the difference has no finite size.
        sd: standard deviation of the differences; of independent values the root of both variances' mean.
        n: how many pairs; of independent values, how many of the base.
        n_other: how many values of the other.
        dropped: how many replications were left out because one of the pair, or the value, is None or not finite.
        confidence: of the interval.
        pairing: how they were compared: "paired", "independent", or "batches" of one run.
    """

    base: float
    other: float
    difference: float
    low: float
    high: float
    p_value: float
    effect_size: float | None
    sd: float
    n: int
    n_other: int
    dropped: int
    confidence: float
    pairing: Pairing

    @property
    def half_width(self) -> float:
        """Half-width of the difference's interval."""
        return (self.high - self.low) / 2

    @property
    def relative(self) -> float | None:
        """The difference as a share of the base's mean, which is taken as known; None if that is 0."""
        return self.share(self.difference)

    def share(self, value: float) -> float | None:
        """Return `value` (`low`, say) as a share of the base's mean; None if that is 0."""
        return value / abs(self.base) if self.base != 0 else None


def paired(base: Values, other: Values, confidence: float = 0.95, pairing: Pairing = "paired") -> Comparison:
    """Return the comparison of values of the same replications, by Student's t of the differences.

    Args:
        base: its values (replications,).
        other: the other's; value i of both is of the same replication.
        confidence: of the interval, between 0 and 1.
        pairing: what the comparison calls itself.

    Raises SimtierError if there are not as many values of both, or for a confidence that is not between 0 and 1.
    Source: Law, Simulation Modeling and Analysis, 5th ed., section 10.2.1 (paired-t) and 11.2 (common random numbers).
    """
    first, second, dropped = pairs(base, other)
    differences = without_rounding(second - first, first, second)
    n = len(differences)
    difference, sd = moments(differences)
    error = _error(sd / math.sqrt(n) if n else math.nan, difference, sure=believed(first, second))
    p_value, reach = _t(difference, error, n - 1, confidence)
    return Comparison(
        base=moments(first)[0],
        other=moments(second)[0],
        difference=difference,
        low=difference - reach,
        high=difference + reach,
        p_value=p_value,
        effect_size=_size(difference, sd),
        sd=sd,
        n=n,
        n_other=n,
        dropped=dropped,
        confidence=confidence,
        pairing=pairing,
    )


def independent(base: Values, other: Values, confidence: float = 0.95) -> Comparison:
    """Return the comparison of values of runs that share nothing, by Welch's t: variances and numbers may differ.

    Raises SimtierError for a confidence that is not between 0 and 1.
    Source: Welch, "The generalization of 'Student's' problem when several different population variances are involved", Biometrika 34,
    1947; Law, Simulation Modeling and Analysis, 5th ed., section 10.2.2.
    """
    first, second = finite(base), finite(other)
    (mean, sd), (mean_other, sd_other) = moments(first), moments(second)
    difference = real(mean_other - mean, first, second)
    error, freedom = welch(sd, len(first), sd_other, len(second))
    spread = math.sqrt((sd**2 + sd_other**2) / 2)
    error = _error(error, difference, sure=believed(first, second))
    p_value, reach = _t(difference, error, freedom, confidence)
    return Comparison(
        base=mean,
        other=mean_other,
        difference=difference,
        low=difference - reach,
        high=difference + reach,
        p_value=p_value,
        effect_size=_size(difference, spread),
        sd=spread,
        n=len(first),
        n_other=len(second),
        dropped=len(base) + len(other) - len(first) - len(second),
        confidence=confidence,
        pairing="independent",
    )


def _error(error: float, difference: float, *, sure: bool) -> float:
    """Return the standard error, NaN where a spread of 0 may be luck; that there is no difference is what is seen, and stays."""
    return math.nan if error == 0 and difference != 0 and not sure else error


def _t(difference: float, error: float, freedom: float, confidence: float) -> tuple[float, float]:
    """Return the two-sided p-value of a difference with a standard error, and its interval's half-width."""
    quantile = critical(confidence, 1 if math.isnan(error) else freedom)
    if math.isnan(error):
        return math.nan, math.nan
    if error == 0:
        return (1.0 if difference == 0 else 0.0), 0.0
    return float(2 * stdtr(freedom, -abs(difference) / error)), quantile * error


def _size(difference: float, sd: float) -> float | None:
    if sd == 0:
        return 0.0 if difference == 0 else None
    return difference / sd
