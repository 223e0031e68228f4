"""Distributions of times, each given by moments of the values themselves, never of their logarithms.

A `Distribution` samples in bulk and knows its mean, so tests compare the one with the other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from simtier.streams import Sampler


@dataclass(frozen=True)
class Distribution:
    """A distribution of times.

    Attributes:
        sample: draws n values, in seconds, from a generator.
        mean: expected value in seconds.
        constant: True if every draw is the mean.
    """

    sample: Sampler
    mean: float
    constant: bool = False


def fixed(value: float) -> Distribution:
    """Return the distribution that is always `value`."""
    return Distribution(lambda _, n: np.full(n, value), value, constant=True)


def exponential(mean: float) -> Distribution:
    """Return the exponential distribution."""
    return Distribution(lambda rng, n: rng.exponential(mean, n), mean)


def uniform(low: float, high: float) -> Distribution:
    """Return the uniform distribution on [low, high)."""
    return Distribution(lambda rng, n: rng.uniform(low, high, n), (low + high) / 2)


def gamma(mean: float, cv: float) -> Distribution:
    """Return the gamma distribution: shape 1/cv^2, scale mean*cv^2."""
    shape = 1 / cv**2
    return Distribution(lambda rng, n: rng.gamma(shape, mean / shape, n), mean)


def lognormal(mean: float, cv: float) -> Distribution:
    """Return the log-normal distribution whose values, not logarithms, have this mean and CV."""
    variance = math.log1p(cv**2)
    mu = math.log(mean) - variance / 2
    return Distribution(lambda rng, n: rng.lognormal(mu, math.sqrt(variance), n), mean)


def weibull(mean: float, cv: float) -> Distribution:
    """Return the Weibull distribution; the shape k solves 1 + cv^2 = G(1+2/k) / G(1+1/k)^2."""
    shape = weibull_shape(cv)
    scale = mean / math.gamma(1 + 1 / shape)
    return Distribution(lambda rng, n: scale * rng.weibull(shape, n), mean)


def weibull_shape(cv: float) -> float:
    """Return the Weibull shape with this CV. Raises ValueError outside 0.01 to 100, where no double-precision shape helps."""
    from scipy.optimize import brentq  # noqa: PLC0415 - 20 MB that most runs have no use for

    if not 0.01 <= cv <= 100:
        raise ValueError(f"a Weibull CV of {cv} is out of range: 0.01 to 100")

    def excess(log_shape: float) -> float:
        k = math.exp(log_shape)
        return float(gammaln(1 + 2 / k) - 2 * gammaln(1 + 1 / k)) - math.log1p(cv**2)

    return math.exp(float(brentq(excess, math.log(0.05), math.log(200), xtol=1e-14)))


def cumulative(gaps: NDArray[np.float64], start: float) -> NDArray[np.float64]:
    """Return `start` plus the running sums of `gaps`."""
    times = np.cumsum(gaps)
    times += start
    return times
