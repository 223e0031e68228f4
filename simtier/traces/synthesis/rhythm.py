"""Rates that change: with the hour, with the minute of the hour, and slowly at random."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.random import Generator as Rng
from numpy.typing import NDArray
from scipy.signal import lfilter

from simtier.traces.synthesis.generator import CHUNK_ROWS, RngOf
from simtier.traces.synthesis.parameters import Parameters, check
from simtier.traces.synthesis.quantiles import Floats

HOUR = 3600.0
DAY = 24 * HOUR
FLAT_DAY: tuple[float, ...] = (1.0,) * 24
FLAT_HOUR: tuple[float, ...] = (1.0,) * 60


class AutoRegression:
    """A stationary AR(1) of mean 0 and variance 1, continued from call to call; `memory` is its lag-1 correlation."""

    def __init__(self, rng: Rng, memory: float) -> None:
        self._rng = rng
        self._memory = memory
        self._last = float(rng.standard_normal())

    def take(self, count: int) -> Floats:
        """Return the next `count` numbers."""
        noise = self._rng.standard_normal(count) * math.sqrt(1 - self._memory**2)
        values, _ = lfilter([1.0], [1.0, -self._memory], noise, zi=[self._memory * self._last])
        self._last = float(values[-1])
        return np.asarray(values, dtype=np.float64)


@dataclass(frozen=True)
class Wander(Parameters):
    """A factor on a rate that wanders slowly: log-normal of mean 1, its logarithm an AR(1) (Ornstein-Uhlenbeck) process.

    Attributes:
        log_sd: standard deviation of its logarithm; 0 for none.
        memory_s: seconds after which its correlation is 1/e.
    """

    log_sd: float
    memory_s: float

    def __post_init__(self) -> None:
        check(0 <= self.log_sd < 5, f"log_sd of a wandering rate is 0 to 5, not {self.log_sd}")
        check(self.memory_s > 0, f"memory_s must be above 0, not {self.memory_s}")

    def process(self, rng: Rng, step_s: float) -> AutoRegression:
        """Return the process behind, one number every `step_s` seconds."""
        return AutoRegression(rng, math.exp(-step_s / self.memory_s))

    def factors(self, process: AutoRegression, count: int) -> Floats:
        """Return the next `count` factors."""
        return np.exp(self.log_sd * process.take(count) - self.log_sd**2 / 2)

    @classmethod
    def fit(cls, counts: Floats, window_s: float) -> Self:
        """Return the wandering behind counts in windows of `window_s`, by moments.

        Noise within a window shows at lag 0 only, so the covariances at lags 1 to 3 over the squared mean, v m, v m^2,
        v m^3, give the factor's variance v and its memory m; then log_sd^2 = ln(1 + v). What a trace of this length
        does not show of the variance, because its own mean wanders along, is added.
        """
        if len(counts) < 20:
            return cls(0.0, window_s)
        z = counts / counts.mean() - 1
        lag1, lag2, lag3 = (float(np.mean(z[:-k] * z[k:])) for k in (1, 2, 3))
        if lag1 <= 2 / len(z) ** 0.5 * float(np.mean(z * z)):  # nothing that noise would not show
            return cls(0.0, window_s)
        memory = min(max((lag2 + max(lag3, 0.0)) / (lag1 + max(lag2, 0.0)), 0.05), 0.999)
        memory_s = -window_s / math.log(memory)
        variance = lag1 / memory / _seen(memory_s / (len(z) * window_s))
        return cls(math.sqrt(math.log1p(variance)), memory_s)


def _seen(memory: float) -> float:
    """Return the share of an AR(1)'s variance that shows around the mean of a series; `memory` in lengths of the series."""
    return max(1 - 2 * memory * (1 - memory * (1 - math.exp(-1 / memory))), 0.25)


def check_profile(name: str, weights: tuple[float, ...], length: int) -> None:
    """Raise TraceError unless `weights` are `length` numbers >= 0 with a mean of 1 (to 1 %)."""
    check(len(weights) == length and min(weights) >= 0, f"{name} takes {length} weights >= 0, not {len(weights)}")
    check(abs(sum(weights) / length - 1) < 0.01, f"{name} must have a mean of 1, not {sum(weights) / length:.3f}")


def profile(places: NDArray[np.int64], amounts: Floats, length: int) -> tuple[float, ...]:
    """Return the mean amount at each of `length` places (hours, minutes), over the mean of all: weights of mean 1."""
    seen = np.bincount(places, minlength=length)
    means = np.bincount(places, weights=amounts, minlength=length) / np.maximum(seen, 1)
    if not means.sum():
        return (1.0,) * length
    return tuple(float(x) for x in np.round(means / means.mean(), 4))


@dataclass(frozen=True)
class Rhythm(Parameters):
    """Counts per minute: Poisson around mean x hour x minute of the hour x wandering x independent log-normal noise.

    Attributes:
        per_minute: mean count in a minute.
        hours: weights of the 24 hours, of mean 1; time zero is midnight.
        minutes: weights of the 60 minutes of an hour, of mean 1 (timers show here).
        wander: slow change, over days.
        noise_log_sd: log-standard deviation of the factor that each minute has for itself.
    """

    per_minute: float
    hours: tuple[float, ...]
    minutes: tuple[float, ...]
    wander: Wander
    noise_log_sd: float

    def __post_init__(self) -> None:
        check(self.per_minute > 0, f"per_minute must be above 0, not {self.per_minute}")
        check_profile("hours", self.hours, 24)
        check_profile("minutes", self.minutes, 60)
        check(self.noise_log_sd >= 0, "noise_log_sd must not be negative")

    def counts(self, rng_of: RngOf) -> Iterator[NDArray[np.int64]]:
        """Yield the counts of minute after minute without end, in blocks of at most an hour."""
        slow = self.wander.process(rng_of("wander"), 60.0)
        rng = rng_of("counts")
        block = int(min(60, max(1, CHUNK_ROWS // self.per_minute)))
        shape = np.outer(self.hours, self.minutes).ravel() * self.per_minute
        first = 0
        while True:
            minutes = np.arange(first, first + block)
            noise = np.exp(self.noise_log_sd * rng.standard_normal(block) - self.noise_log_sd**2 / 2)
            yield rng.poisson(shape[minutes % 1440] * self.wander.factors(slow, block) * noise)
            first += block

    @classmethod
    def fit(cls, counts: Floats) -> Self:
        """Return the rhythm of counts per minute, from midnight on, by moments.

        Hours need two days, the wandering three; without them they are flat. Minutes of the hour need two hours.
        """
        index = np.arange(len(counts))
        whole_hours, days = len(counts) // 60, len(counts) // 1440
        mean = float(counts.mean())
        hours = profile(index // 60 % 24, counts, 24) if days >= 2 else FLAT_DAY
        minutes = profile(index % 60, counts, 60) if whole_hours >= 2 else FLAT_HOUR
        expected = mean * np.array(hours)[index // 60 % 24] * np.array(minutes)[index % 60]
        log_sd = 0.0
        if days >= 3:
            daily = counts[: days * 1440].reshape(days, 1440).mean(axis=1)
            log_sd = float(np.std(np.log(np.maximum(daily, mean / 100))))
            expected[: days * 1440] *= np.repeat(daily / daily.mean(), 1440)
        seen = expected > 0
        # var(count) = expected + expected^2 v, over all minutes
        excess = float(np.sum((counts[seen] - expected[seen]) ** 2 - expected[seen]) / np.sum(expected[seen] ** 2))
        return cls(mean, hours, minutes, Wander(log_sd, 2 * DAY), math.sqrt(math.log1p(max(excess, 0.0))))
