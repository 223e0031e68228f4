"""When requests arrive: Gamma bursts on a changing rate, or gaps from a table with a memory."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.optimize import brentq
from scipy.special import digamma, ndtr

from simtier.errors import TraceError
from simtier.traces.synthesis.generator import CHUNK_ROWS, RngOf
from simtier.traces.synthesis.parameters import Parameters, check
from simtier.traces.synthesis.quantiles import Floats, Quantiles, normal_scores
from simtier.traces.synthesis.rhythm import DAY, FLAT_DAY, HOUR, AutoRegression, Wander, check_profile, profile

NEIGHBOURS = 15

GRID = 4096
"""Pieces of constant rate that are made at a time."""


@dataclass(frozen=True)
class Bursts(Parameters):
    """A Gamma renewal process (BurstGPT's model of bursts) in a time that runs with the rate: hours x wandering.

    With shape 1 and no wandering it is Poisson. The coefficient of variation of the gaps is
    sqrt((1 + 1/shape) E[f] E[1/f] - 1) for slow factors f on the rate.

    Attributes:
        rate_per_s: mean arrivals per second over a day.
        shape: of the Gamma gaps; below 1 is burstier than Poisson.
        hours: weights of the 24 hours, mean 1; time zero is midnight.
        wander: slow random change of the rate.
        stamp_s: arrivals are stamped down to multiples of this many seconds, so that ties arise; 0 for exact stamps.
    """

    rate_per_s: float
    shape: float
    hours: tuple[float, ...]
    wander: Wander
    stamp_s: float

    def __post_init__(self) -> None:
        check(self.rate_per_s > 0, f"rate_per_s must be above 0, not {self.rate_per_s}")
        check(0.01 <= self.shape <= 1e4, f"shape is 0.01 to 10,000, not {self.shape}")
        check_profile("hours", self.hours, 24)
        check(self.stamp_s >= 0, f"stamp_s must not be negative, not {self.stamp_s}")

    def times(self, rng_of: RngOf) -> Iterator[Floats]:
        """Yield arrival times in seconds from midnight, in order, without end."""
        step = min(60.0, self.wander.memory_s / 10 if self.wander.log_sd else 60.0, CHUNK_ROWS / self.rate_per_s)
        pieces = int(min(GRID, max(1, CHUNK_ROWS / (self.rate_per_s * step))))
        slow = self.wander.process(rng_of("wander"), step)
        rng = rng_of("gaps")
        ahead: Floats = np.zeros(0)  # arrivals not given out yet, in the time that runs with the rate
        done, block, last = 0.0, 0, 0.0
        while True:
            edges = step * np.arange(block * pieces, (block + 1) * pieces + 1)
            hourly = np.array(self.hours)[(edges[:-1] // HOUR).astype(np.int64) % 24]
            work = np.cumsum(self.rate_per_s * step * hourly * self.wander.factors(slow, pieces))
            while last < done + work[-1]:
                more = last + np.cumsum(rng.gamma(self.shape, 1 / self.shape, CHUNK_ROWS))
                ahead, last = np.concatenate([ahead, more]), float(more[-1])
            inside = int(np.searchsorted(ahead, done + work[-1]))
            if inside:
                times = np.interp(ahead[:inside] - done, np.concatenate([[0.0], work]), edges)
                yield np.floor(times / self.stamp_s) * self.stamp_s if self.stamp_s else times
            ahead, done, block = ahead[inside:], done + float(work[-1]), block + 1

    @classmethod
    def fit(cls, arrivals: Floats) -> Self:
        """Return the process behind arrival times in order, by moments; hours are flat below two days.

        The wandering comes from the covariance of neighbouring windows (`Wander.fit`), in windows of ten arrivals at
        least; the shape from gaps relative to their neighbours (`_gamma_shape`).
        """
        span = float(arrivals[-1] - arrivals[0])
        if span <= 0:
            raise TraceError("all rows have one time, so that no arrival rate can be fitted")
        since = arrivals - arrivals[0]
        rate = (len(arrivals) - 1) / span
        hours = FLAT_DAY
        if span >= 2 * DAY:
            hourly = np.bincount((since // HOUR).astype(np.int64), minlength=int(span // HOUR) + 1)[: int(span // HOUR)]
            hours = profile(np.arange(len(hourly)) % 24, hourly.astype(np.float64), 24)
        window = max(10 / rate, min(span / 100, 600.0))
        counts = np.bincount((since // window).astype(np.int64))[: int(span // window)].astype(np.float64)
        middles = (window * (np.arange(len(counts)) + 0.5) // HOUR).astype(np.int64) % 24
        wander = Wander.fit(counts / np.maximum(np.array(hours)[middles], 1e-3), window)
        return cls(rate, _gamma_shape(np.diff(since), stamp_of(since)), hours, wander, stamp_of(since))


@dataclass(frozen=True)
class Gaps(Parameters):
    """Gaps from a table of quantiles, whose long end is the silence between bursts, with a memory (Gaussian copula).

    A gap's rank is Phi(sqrt(share) level + sqrt(1 - share) noise): the level, an AR(1) over the gaps, makes some
    stretches fast and others slow; so counts vary more than independent gaps would have them.

    Attributes:
        gaps: seconds from one arrival to the next.
        share: of the rank's variance that is the level's; 0 is a renewal process.
        memory: gaps after which the level's correlation is 1/e.
    """

    gaps: Quantiles
    share: float
    memory: float

    def __post_init__(self) -> None:
        check(0 <= self.share < 1, f"share is 0 to below 1, not {self.share}")
        check(self.memory > 0, f"memory must be above 0, not {self.memory}")

    def times(self, rng_of: RngOf) -> Iterator[Floats]:
        """Yield arrival times in seconds, in order, without end."""
        level = AutoRegression(rng_of("level"), math.exp(-1 / self.memory))
        rng = rng_of("gaps")
        now = 0.0
        while True:
            rank = math.sqrt(self.share) * level.take(CHUNK_ROWS) + math.sqrt(1 - self.share) * rng.standard_normal(
                CHUNK_ROWS
            )
            times = now + np.cumsum(self.gaps.at(np.asarray(ndtr(rank))))
            now = float(times[-1])
            yield times

    @classmethod
    def fit(cls, arrivals: Floats) -> Self:
        """Return the process behind arrival times: the gaps' quantiles, and the autocorrelation of their normal scores.

        Its mean at lags 1 to 10, and at 41 to 60, give share and memory.
        """
        gaps = np.diff(arrivals)
        scores = normal_scores(gaps)
        near, far = (
            float(np.mean([np.mean(scores[:-k] * scores[k:]) for k in lags])) for lags in (range(1, 11), range(41, 61))
        )
        if near <= 2 / math.sqrt(10 * len(gaps)):
            return cls(Quantiles.fit(gaps), 0.0, 1.0)
        memory = 45 / math.log(near / far) if 0 < far < near else (5.0 if far <= 0 else 1000.0)
        memory = min(max(memory, 5.0), 1000.0)
        return cls(Quantiles.fit(gaps), min(near * math.exp(5.5 / memory), 0.95), memory)


def _gamma_shape(gaps: Floats, stamp_s: float) -> float:
    """Return the shape k of Gamma gaps on a rate that changes slowly: the mean of 15 neighbours stands for the rate.

    ln(local mean) - ln(gap) is [ln k - digamma(k)] - [ln 15 k - digamma(15 k)] on average. A gap of zero counts as half
    a stamp. Where stamps hold several arrivals each, k is the mean of their numbers over the variance.
    """
    if stamp_s > gaps.mean():
        numbers = np.bincount(np.rint(np.cumsum(gaps) / stamp_s).astype(np.int64))
        return float(np.clip(numbers.mean() / max(numbers.var(), 1e-9), 0.05, 1e3))
    gaps = np.maximum(gaps, stamp_s / 2 or max(float(gaps[gaps > 0].min()), 1e-6))
    local = np.convolve(gaps, np.ones(NEIGHBOURS) / NEIGHBOURS, mode="valid")
    inner = gaps[NEIGHBOURS // 2 : NEIGHBOURS // 2 + len(local)]
    seen = float(np.mean(np.log(local) - np.log(inner)))

    def excess(log_k: float) -> float:
        k = math.exp(log_k)
        return math.log(1 / NEIGHBOURS) - float(digamma(k) - digamma(NEIGHBOURS * k)) - seen

    low, high = math.log(0.05), math.log(1e3)
    if excess(low) <= 0 or excess(high) >= 0:
        return 0.05 if excess(low) <= 0 else 1e3
    return math.exp(float(brentq(excess, low, high)))


def stamp_of(arrivals: Floats) -> float:
    """Return the seconds that stamps are multiples of: whole ones, the usual step where most rows tie, or 0 for neither."""
    distinct = np.unique(arrivals)
    steps = np.diff(distinct)
    if np.all(steps == np.floor(steps)):
        return float(np.gcd.reduce(steps.astype(np.int64)))
    return round(float(np.median(steps)), 3) if len(distinct) <= len(arrivals) / 2 else 0.0
