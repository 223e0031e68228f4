"""Cold starts per minute in Huawei's five regions (Joosen et al., EuroSys 2025): all 11,913,857 of 31 days, as `Rhythm.fit` gives it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from simtier.traces.synthesis.cold_starts import MinuteCounts
from simtier.traces.synthesis.rhythm import DAY, Rhythm, Wander


def _weights(text: str) -> tuple[float, ...]:
    """Return weights scaled to a mean of 1."""
    numbers = [float(word) for word in text.split()]
    return tuple(x * len(numbers) / math.fsum(numbers) for x in numbers)


def _rhythm(per_minute: float, hours: str, minutes: str, *, days_log_sd: float, noise_log_sd: float) -> Rhythm:
    """Return the rhythm of a region; its level wanders over two days."""
    return Rhythm(per_minute, _weights(hours), _weights(minutes), Wander(days_log_sd, 2 * DAY), noise_log_sd)


_R1_RHYTHM = _rhythm(
    159.216,
    "1.17 1.20 1.21 1.15 1.09 1.16 1.20 1.20 1.26 1.29 1.10 1.03 1.00 0.90 0.87 0.73 0.71 0.62 0.58 0.57 0.60 0.76 1.15 1.44",
    "2.64 0.91 1.01 0.94 0.96 0.89 0.93 1.01 0.86 0.90 2.41 0.85 0.80 0.82 0.81 0.89 0.80 0.82 0.77 0.78 "
    "2.41 0.81 0.75 0.80 0.88 0.80 0.77 0.80 0.77 0.77 2.43 0.80 1.04 0.89 0.87 0.97 0.85 0.98 0.78 0.89 "
    "2.47 0.82 0.79 0.81 0.81 0.83 0.76 0.80 0.80 0.78 2.36 0.76 0.76 0.81 0.85 0.82 0.79 0.80 0.72 0.82",
    days_log_sd=0.064,
    noise_log_sd=0.365,
)
_R2_RHYTHM = _rhythm(
    46.434,
    "1.02 1.13 1.21 1.14 1.08 1.10 1.17 1.15 1.16 1.14 1.10 1.09 1.10 1.07 1.01 0.93 0.87 0.84 0.74 0.78 0.70 0.73 0.81 0.93",
    "2.26 1.47 0.73 1.21 1.34 1.09 1.34 1.17 1.12 0.91 1.12 0.93 0.89 1.05 0.66 0.99 1.16 0.68 0.81 0.80 "
    "1.18 0.96 0.78 0.99 1.04 1.10 1.04 0.87 0.94 0.64 1.30 1.08 0.89 1.16 1.06 1.01 1.32 0.93 0.80 0.91 "
    "1.22 0.88 0.89 1.10 0.95 1.06 1.15 0.70 1.04 0.85 0.91 0.97 0.85 0.85 0.74 0.91 1.00 0.76 0.78 0.65",
    days_log_sd=0.097,
    noise_log_sd=0.299,
)
_R3_RHYTHM = _rhythm(
    6.913,
    "1.02 1.06 1.03 1.03 1.03 0.99 0.99 1.00 0.99 1.02 1.00 1.00 0.96 0.97 0.95 0.98 1.00 1.02 1.00 0.99 0.98 0.98 0.99 1.01",
    "2.21 2.76 2.55 2.73 1.59 1.23 1.65 0.39 0.36 0.78 0.77 0.47 0.90 0.27 0.23 1.33 0.68 0.13 0.70 0.33 "
    "1.30 2.16 1.67 0.73 1.15 1.39 0.32 0.70 0.48 0.23 1.71 1.45 1.51 1.92 1.17 0.95 1.70 0.31 0.12 0.79 "
    "1.41 1.63 2.10 0.88 0.59 1.79 0.50 0.27 0.93 0.38 0.72 0.96 0.48 0.12 0.80 0.97 0.46 0.69 0.28 0.23",
    days_log_sd=0.110,
    noise_log_sd=0.000,
)
_R4_RHYTHM = _rhythm(
    36.274,
    "1.04 1.23 1.22 1.15 1.02 1.04 1.15 1.13 1.13 1.10 1.02 1.02 1.01 0.96 0.94 0.94 0.90 0.86 0.85 0.84 0.84 0.82 0.85 0.93",
    "3.89 0.81 0.73 1.09 0.94 1.00 1.13 0.99 0.63 0.80 0.98 0.74 0.90 0.67 0.61 2.96 0.85 0.58 0.61 0.61 "
    "0.69 0.80 0.90 0.75 0.91 1.16 1.01 0.99 0.67 0.71 3.44 0.76 0.67 0.93 0.83 0.82 1.05 0.95 0.64 0.83 "
    "1.00 0.85 1.08 0.93 0.87 3.72 0.95 0.69 0.68 0.70 0.70 0.84 0.79 0.62 0.73 0.97 0.80 0.85 0.55 0.64",
    days_log_sd=0.195,
    noise_log_sd=0.315,
)
_R5_RHYTHM = _rhythm(
    18.050,
    "1.09 1.15 1.16 1.13 1.03 1.04 1.11 1.13 1.11 1.07 1.02 1.03 1.02 0.99 0.97 0.94 0.91 0.88 0.86 0.85 0.84 0.86 0.87 0.94",
    "1.19 1.61 1.54 1.74 1.39 1.12 1.29 0.71 0.67 0.78 0.63 1.26 1.31 1.01 1.16 1.09 0.70 0.65 0.79 0.49 "
    "0.73 1.41 1.01 1.15 1.23 0.76 0.82 0.89 0.54 0.61 1.09 1.62 1.46 1.70 1.45 1.09 1.29 0.67 0.66 0.84 "
    "0.57 1.22 1.27 1.03 1.11 1.04 0.69 0.62 0.78 0.52 0.74 1.41 0.94 1.13 1.23 0.77 0.81 0.78 0.57 0.61",
    days_log_sd=0.019,
    noise_log_sd=0.000,
)

RHYTHMS: Mapping[str, Rhythm] = MappingProxyType(
    {"R1": _R1_RHYTHM, "R2": _R2_RHYTHM, "R3": _R3_RHYTHM, "R4": _R4_RHYTHM, "R5": _R5_RHYTHM}
)

COLD_STARTS_PER_MINUTE: Mapping[str, MinuteCounts] = MappingProxyType(
    {region: MinuteCounts(region, "cold starts", rhythm) for region, rhythm in RHYTHMS.items()}
)

R2_REQUESTS_PER_MINUTE = MinuteCounts("R2", "requests", replace(_R2_RHYTHM, per_minute=3.45e5))
"""Requests in R2: the rhythm of its cold starts, at 85 billion requests in 31 days over all regions x R2's share of the pods
(2.1 of 11.6 million). No count of R2's requests is published: an order of magnitude."""
