"""What batches of Poisson arrivals are like, in closed form: their sizes, the latency of requests, and what a request costs.

A batch is opened by a request that finds no other, and sent when `size` requests wait or the first has waited for `timeout_s`; every
batch has an instance at once (no limit of concurrency, no cold start). With rate λ, m = λT and B the size:

- P(b = k) = Pois(k - 1; m) for k < B, and P(b = B) is the rest; E[b] = sum of k P(b = k).
- In a batch that is not full the first request waits T and each of the others, whose times are uniform, U(0, T).
- In a full batch the last B - 1 of the N arrivals in T do not count, and the wait of one is at most y if it is the first and y = T, or if
  the batch fills no later than y after it. By the order statistics of uniform times (a gap of r of N is below y with the probability that
  a binomial of N and y / T is r or more), the mean number of requests that wait for y or less in a full batch is
  P(N >= B - 1) + E[min(X, B - 1); X + Y >= B - 1], X and Y Poisson of m y / T and m (1 - y / T), independent.
- A request's latency is its wait plus the execution, its cost that of the execution over E[b].

Source: Ali, Pinciroli, Yan, Smirni, "BATCH: Machine Learning Inference Serving on Serverless Platforms with Adaptive Batching", SC 2020,
whose model is this for arrivals of a Markovian process; the closed form for Poisson ones is worked out here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, pdtrc, xlogy

Floats = NDArray[np.float64]

ROUNDING_S = 1e-9
"""A latency that exceeds another by no more is the same: both are sums of times."""
_STEPS = 60
"""Halvings when a percentile is looked for."""


@dataclass(frozen=True)
class Price:
    """What an execution costs, in SI units: see `simtier.scenario.platforms.PlatformPrice`."""

    per_byte_s: float
    per_request: float
    granularity_s: float

    def of(self, took_s: Floats, memory_bytes: float) -> Floats:
        """Return dollars for executions of these lengths; a length within rounding of whole units is whole."""
        units = took_s / self.granularity_s
        whole = np.ceil(units - 1e-9 * np.maximum(units, 1.0))
        dollars: Floats = whole * self.granularity_s * memory_bytes * self.per_byte_s + self.per_request
        return dollars


class Batches:
    """Batches of at most `size` requests that wait for at most `timeout_s`.

    Args:
        rate: arrivals in a second, above 0.
        size: B, at least 1.
        timeout_s: T, 0 or more.
        service_s: what executions take: row k - 1 holds equally likely times of a batch of k; a row of one is a time that is certain.
    """

    def __init__(self, rate: float, size: int, timeout_s: float, service_s: Floats) -> None:
        self.size = size
        self.timeout_s = timeout_s
        self._mean = rate * timeout_s if size > 1 else 0.0
        self._service_s = np.asarray(service_s, dtype=np.float64).reshape(len(service_s), -1)[:size]
        self.sizes = np.arange(1, size + 1)
        self.probabilities = _poisson(np.arange(size, dtype=np.float64), self._mean)
        if size > 1:
            self.probabilities[-1] = pdtrc(size - 2.0, self._mean)
        self.mean_size = float(self.sizes @ self.probabilities)

    def within(self, latency_s: float) -> float:
        """Return the share of requests whose latency is at most `latency_s`."""
        spare_s = (
            latency_s + ROUNDING_S - self._service_s
        )  # how long a request may wait, by size and by time of execution
        if self._mean == 0.0:
            return float(np.mean(spare_s[0] >= 0))
        part = spare_s[:-1] / self.timeout_s
        partial = (part >= 1) + (self.sizes[:-1, np.newaxis] - 1) * np.clip(part, 0.0, 1.0)
        served = self.probabilities[:-1] @ partial.mean(axis=1) + self._full_within(spare_s[-1]).mean()
        return float(served) / self.mean_size

    def _full_within(self, spare_s: Floats) -> Floats:
        """Return the mean number of requests in full batches, over all batches, that wait for each of `spare_s` or less."""
        need = self.size - 1
        before = self._mean * np.clip(spare_s / self.timeout_s, 0.0, 1.0)
        counts = np.arange(1, need, dtype=np.float64)[:, np.newaxis]
        some = (counts * _poisson(counts, before) * pdtrc(need - counts - 1, self._mean - before)).sum(axis=0)
        found: Floats = self.probabilities[-1] + some + need * pdtrc(need - 1.0, before)
        return np.where(spare_s < 0, 0.0, found)

    def percentile_s(self, share: float) -> float:
        """Return the latency that `share` of the requests do not exceed."""
        low, high = 0.0, self.timeout_s + float(self._service_s.max())
        for _ in range(_STEPS):
            middle = (low + high) / 2
            low, high = (low, middle) if self.within(middle) >= share else (middle, high)
        return high

    def cost(self, price: Price, memory_bytes: float) -> float:
        """Return the mean dollars of a request."""
        each = price.of(self._service_s, memory_bytes).mean(axis=1)
        return float(self.probabilities @ each) / self.mean_size


def _poisson(counts: Floats, mean: Floats | float) -> Floats:
    """Return the probabilities of `counts`."""
    found: Floats = np.exp(xlogy(counts, mean) - mean - gammaln(counts + 1))
    return found
