"""Is the other worse than the base, by more than is tolerated? The question of a regression check."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from scipy.special import stdtr

from simtier.statistics.samples import (
    Floats,
    Values,
    believed,
    finite,
    moments,
    pairs,
    real,
    welch,
    without_rounding,
)


def one_sided(
    base: Values,
    other: Values,
    *,
    margin: float = 0.0,
    relative: bool = False,
    more_is_better: bool = False,
    pairing: Literal["paired", "independent"] = "paired",
) -> float:
    """Return the p-value against "the other is worse than the base by no more than the margin": small says it is worse by more.

    Args:
        base: its values (replications,); None or not finite where a replication has none, which is left out.
        other: the other's.
        margin: what is tolerated, 0 or more, in the unit of the metric, or as a share of the base's own value if `relative`. The share is
            taken of every value, so that the base's noise is in the test and needs no second look.
        relative: whether `margin` is a share.
        more_is_better: whether a smaller value is worse; otherwise a larger one is.
        pairing: "paired" for values of the same replications, "independent" (Welch) for others.

    NaN for fewer than two values. Assumes what simtier.statistics.paired assumes; where the truth is exactly the margin, a p-value
    below alpha comes with probability alpha. Differences that are all the same have no spread, which in few replications may be luck (see
    simtier.statistics.paired): then only their sign counts, and n of them for the worse have 0.5 to the power of n (sign test). Raises SimtierError if pairs lack their partner.
    Source: Wellek, Testing Statistical Hypotheses of Equivalence and Noninferiority, 2nd ed., 2010, chapter 2.
    """
    if pairing == "paired":
        first, second, _ = pairs(base, other)
        bound = _tolerated(first, margin, relative=relative, more_is_better=more_is_better)
        beyond, sd = moments(without_rounding(second - bound, bound, second))
        error, freedom = (sd / math.sqrt(len(first)), len(first) - 1.0) if len(first) else (math.nan, math.nan)
    else:
        first, second = finite(base), finite(other)
        bound = _tolerated(first, margin, relative=relative, more_is_better=more_is_better)
        (mean, sd), (mean_other, sd_other) = moments(bound), moments(second)
        beyond = real(mean_other - mean, bound, second)
        error, freedom = welch(sd, len(bound), sd_other, len(second))
    worse = -beyond if more_is_better else beyond
    if math.isnan(error):
        return math.nan
    if error == 0:
        if worse <= 0:
            return 1.0
        return 0.0 if believed(bound, second) else 0.5 ** min(len(bound), len(second))
    return float(stdtr(freedom, -worse / error))


def _tolerated(base: Floats, margin: float, *, relative: bool, more_is_better: bool) -> Floats:
    """Return the worst values that are tolerated beside those of the base."""
    room = margin * np.abs(base) if relative else np.full_like(base, margin)
    return base - room if more_is_better else base + room
