"""Links and spot markets.

Norway HSDPA: Riiser et al., MMSys 2013 (80 cooked rides). FCC: Measuring Broadband America 2016 as cut by Mao et al. (Pensieve),
SIGCOMM 2017 (150 files). Oboe: Akhtar et al., SIGCOMM 2018 (428 sessions). Lumos5G: Narayanan et al., IMC 2020. AWS spot:
Wu et al., "Can't be late", NSDI 2024 (skypilot-org/spot-traces).
"""

from __future__ import annotations

from simtier.traces.synthesis.availability import Availability
from simtier.traces.synthesis.bandwidth import Bandwidth
from simtier.traces.synthesis.markov import Matrix, gaussian_transitions
from simtier.traces.synthesis.quantiles import Quantiles

_SECOND = Quantiles.of("0:1 100:1")


def _mbit(text: str) -> Quantiles:
    """Return rates in bytes/s from percent:Mbit/s pairs."""
    given = Quantiles.of(text)
    return Quantiles(given.levels, tuple(125_000 * rate for rate in given.values))


def _matrix(*rows: str) -> Matrix:
    """Return the transitions written as rows of rounded probabilities, each scaled to add up to 1."""
    numbers = [[float(word) for word in row.split()] for row in rows]
    return tuple(tuple(x / sum(row) for x in row) for row in numbers)


_HSDPA_RATES = _mbit(
    "0:0.14912 0.5:0.2791 1:0.3194 2:0.38104 5:0.4981 10:0.64427 15:0.76396 20:0.86027 25:0.95529 "
    "30:1.0402 35:1.129 40:1.2237 45:1.3216 50:1.4371 55:1.5625 60:1.6914 65:1.8324 70:1.975 75:2.1289 "
    "80:2.32 85:2.5923 90:3.0355 95:3.8373 98:4.4263 99:4.7311 99.5:4.947 100:8.0343"
)
_HSDPA_STEPS = Quantiles.of(
    "0:0.16 1:0.27 5:0.4 10:0.49 25:0.7 50:1.04 75:1.57 90:2.33 95:3.02 99:4.7306 99.9:7.0627 100:14.35"
)
_HSDPA_CHAIN = _matrix(
    "0.619 0.218 0.076 0.031 0.024 0.010 0.008 0.006 0.004 0.005",
    "0.236 0.367 0.183 0.085 0.054 0.026 0.013 0.018 0.009 0.010",
    "0.070 0.208 0.294 0.191 0.109 0.057 0.031 0.018 0.013 0.007",
    "0.030 0.092 0.197 0.278 0.188 0.116 0.052 0.030 0.013 0.004",
    "0.015 0.053 0.109 0.193 0.250 0.188 0.095 0.061 0.026 0.011",
    "0.011 0.026 0.062 0.106 0.174 0.264 0.189 0.103 0.051 0.014",
    "0.008 0.012 0.038 0.064 0.107 0.162 0.300 0.190 0.092 0.027",
    "0.004 0.011 0.018 0.030 0.059 0.105 0.177 0.313 0.215 0.067",
    "0.003 0.010 0.011 0.016 0.029 0.053 0.104 0.191 0.394 0.189",
    "0.002 0.005 0.007 0.007 0.010 0.018 0.032 0.067 0.180 0.671",
)
_FCC_RATES = _mbit(
    "0:0.012 0.5:0.19014 1:0.324 2:0.42 5:0.456 10:0.504 15:0.528 20:0.552 25:0.624 30:0.708 35:0.78 "
    "40:0.816 45:0.912 50:0.996 55:1.092 60:1.176 65:1.236 70:1.404 75:1.56 80:1.68 85:2.628 90:3.3 "
    "95:3.6 98:3.732 99:3.816 99.5:3.852 100:3.924"
)
_FCC_CHAIN = _matrix(
    "0.493 0.138 0.036 0.031 0.050 0.036 0.049 0.069 0.062 0.035",
    "0.117 0.473 0.095 0.028 0.030 0.041 0.037 0.056 0.075 0.049",
    "0.039 0.077 0.341 0.134 0.093 0.094 0.087 0.071 0.048 0.015",
    "0.031 0.026 0.152 0.312 0.165 0.099 0.101 0.078 0.019 0.017",
    "0.037 0.021 0.062 0.166 0.268 0.198 0.124 0.080 0.018 0.026",
    "0.050 0.053 0.092 0.111 0.181 0.254 0.157 0.064 0.031 0.007",
    "0.040 0.039 0.097 0.104 0.117 0.162 0.247 0.150 0.034 0.010",
    "0.052 0.057 0.075 0.070 0.055 0.083 0.159 0.285 0.126 0.038",
    "0.091 0.059 0.030 0.038 0.022 0.028 0.037 0.108 0.418 0.168",
    "0.049 0.054 0.024 0.013 0.006 0.008 0.011 0.044 0.162 0.628",
)
_OBOE_RATES = _mbit(
    "0:0.11147 0.5:0.30699 1:0.34734 2:0.4084 5:0.59278 10:0.84974 15:1.0867 20:1.2414 25:1.469 30:1.6836 "
    "35:1.974 40:2.2468 45:2.5426 50:2.7543 55:3.0175 60:3.2513 65:3.49 70:3.7417 75:3.9762 80:4.2059 "
    "85:4.541 90:4.8142 95:5.4551 98:6.518 99:7.2623 99.5:7.8261 100:13.161"
)
_OBOE_STEPS = Quantiles.of(
    "0:0.232 1:0.46143 5:0.97 10:1.3726 25:2.357 50:3.515 75:4.6052 90:5.9024 95:6.9137 99:10.31 99.9:17.194 100:27.571"
)
_OBOE_CHAIN = _matrix(
    "0.667 0.129 0.047 0.024 0.022 0.014 0.019 0.018 0.030 0.030",
    "0.125 0.477 0.149 0.065 0.030 0.022 0.027 0.027 0.043 0.035",
    "0.053 0.144 0.411 0.148 0.050 0.038 0.047 0.048 0.033 0.028",
    "0.025 0.072 0.144 0.380 0.128 0.079 0.072 0.040 0.037 0.023",
    "0.012 0.033 0.055 0.140 0.443 0.176 0.060 0.040 0.025 0.016",
    "0.009 0.020 0.039 0.073 0.183 0.461 0.122 0.053 0.029 0.012",
    "0.013 0.037 0.045 0.064 0.067 0.131 0.433 0.134 0.055 0.021",
    "0.015 0.031 0.050 0.052 0.047 0.042 0.146 0.446 0.131 0.039",
    "0.023 0.031 0.032 0.038 0.028 0.030 0.055 0.143 0.491 0.128",
    "0.032 0.021 0.028 0.023 0.012 0.011 0.025 0.052 0.130 0.667",
)

NORWAY_HSDPA = Bandwidth(_HSDPA_RATES, 0.488, 205, _HSDPA_CHAIN, 1, _HSDPA_STEPS, step_correlation=-0.807)
"""Pooled over 80 rides, as `Bandwidth.fit` gives it; a ride is 205 rows on average. KS distance of rates and steps below 0.06. Inside a
ride the lag-1 correlation is 0.74 (rides: 0.79), pooled over rides the rank correlation 0.89 at lag 1 (0.92) and 0.47 at lag 20
(0.62): rides have a slower swing that a chain of first order does not. Steps are long where the rate is low (the logs have a row after so many
bytes), so the rate over time, 1.24 Mbit/s, is well below the mean over rows, 1.67."""

FCC = Bandwidth(_FCC_RATES, 0.541, 320, _FCC_CHAIN, 5, _SECOND)
"""Pooled over 150 files of 320 s, one-second rows with a new rate every five. Not reproduced: the 0.4 % by which rows inside
the five seconds differ."""

OBOE = Bandwidth(_OBOE_RATES, 0.688, 49, _OBOE_CHAIN, 1, _OBOE_STEPS)
"""Pooled over 428 sessions of 49 rows. Lag-1 correlation inside a session 0.61 (sessions: 0.67)."""

LUMOS5G_WALKING = Bandwidth(
    _mbit("0:1 5:8 50:503 95:1420 100:1920"), 0.0, 1000, gaussian_transitions(10, 0.9), 1, _SECOND
)
"""5G on foot, 75 traces of one-second rows: p5, p50, p95 and maximum in Mbit/s as published (8, 503, 1,420, 1,920). Assumed:
the minimum, and a lag-1 correlation of 0.9 on the normal scale. The mean, 555.7, is not given but follows from the rest."""

LUMOS5G_DRIVING = Bandwidth(
    _mbit("0:1 5:12 50:124 75:625 95:1170 100:1870"), 0.0, 1000, gaussian_transitions(10, 0.9), 1, _SECOND
)
"""5G in a car, 46 traces of one-second rows: p5, p50, p95 and maximum in Mbit/s as published (12, 124, 1,170, 1,870). Assumed:
the minimum, the correlation, and the upper quartile, which is set so that the mean is near the published 348.1."""

AWS_SPOT = Availability.on_off(tick_s=195.0, share_on=0.905, mean_off_s=3600.0)
"""One V100 in us-west-2b: available 90.5 % of 45 days, ticks of 195 s. Assumed: an hour for the mean outage."""
