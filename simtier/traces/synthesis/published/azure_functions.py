"""Azure Functions 2019 (Shahrad et al., "Serverless in the Wild", ATC 2020) and 2021 (Zhang et al., SOSP 2021); CC-BY.

The CDFs of 2019 are those that ServerlessBench computed from the complete release (SJTU-IPADS/ServerlessBench, Testcase 11).
"""

from __future__ import annotations

from simtier.traces.synthesis.functions import FunctionRates, Trigger
from simtier.traces.synthesis.invocations import Invocations
from simtier.traces.synthesis.quantiles import Quantiles
from simtier.traces.synthesis.rhythm import FLAT_DAY

_SHAPE = (
    0.8,
    0.75,
    0.7,
    0.7,
    0.75,
    0.8,
    0.9,
    1.0,
    1.1,
    1.2,
    1.25,
    1.3,
    1.3,
    1.3,
    1.3,
    1.25,
    1.2,
    1.15,
    1.1,
    1.05,
    1.0,
    0.95,
    0.9,
    0.85,
)
_HOURS = tuple(24 * x / sum(_SHAPE) for x in _SHAPE)

AZURE_FUNCTIONS_2019 = FunctionRates(
    functions=1000,
    app_functions=Quantiles.of(
        "0:1 50.33:1 50.34:2 72.37:2 72.38:3 81.92:3 81.93:4 87.05:4 87.06:5 90.55:5 92.72:6 95.15:8 96.75:10 98.25:14 "
        "99.20:21 99.66:31 99.87:51 99.97:90 100:298"
    ),
    app_daily_calls=Quantiles.of(
        "0:0.07 13.87:1 23:2 31:5 40:19 45:36 50:74 55:140 60:252 65:289 70:433 75:584 80:1226 85:1789 90:4504 92.5:8638 95:20132 "
        "97:58745 98:106977 99:333222 99.5:954419 99.9:5334110 99.99:64888800 100:128592666"
    ),
    triggers=(
        Trigger("http", 0.55),
        Trigger("timer", 0.156),
        Trigger("queue", 0.152),
        Trigger("orchestration", 0.069),
        Trigger("storage", 0.028),
        Trigger("event", 0.022),
        Trigger("others", 0.023),
    ),
    hours=_HOURS,
    noise_log_sd=0.5,
    duration_log_mean=-0.38,
    duration_log_sd=2.36,
    memory_c=11.652,
    memory_k=0.221,
    memory_scale_bytes=107.083 * 2**20,
)
"""A sample of 1,000 functions. Applications' daily calls and sizes: the CDFs (41.5 % of the applications at most once an hour,
81.9 % once a minute). Durations and memory: the paper's log-normal and Burr fits. Triggers: shares of functions
as in a summary of the paper's Figure 2 (M. Shilkov, "Serverless in the wild: Azure Functions production usage statistics", 2020:
HTTP 55 %, timer 16, queue 15, orchestration 7, event 2, others with storage 5); the decimals, and how the 5 % split into storage
and others, are unverified. By that summary HTTP makes 36 % of the calls, queues 34, events 25, timers 2, orchestration 2, others 1:
not reproduced, as here the rate does not depend on the trigger. Assumed: the hours' shape and the noise of a minute."""

AZURE_FUNCTIONS_2021_SAMPLE = Invocations(
    functions=31,
    apps=13,
    rate_per_s=0.1658,
    skew=0.971,
    timer_share=0.667,
    periods_s=(60.0, 120.0, 180.0, 300.0),
    cluster_mean=1.337,
    cluster_s=0.0798,
    hours=FLAT_DAY,
    duration_s=Quantiles.of(
        "0:0.003 1:0.0138 5:0.018 10:0.062 15:0.08 20:0.095 25:0.1225 30:0.14 35:0.178 40:0.39 45:1.0415 50:2.102 55:7.6325 "
        "60:28.983 65:36.846 70:40.132 75:48.18 80:60.041 85:102.39 90:237.7 95:332.9 98:357.11 100:404.99",
        zeros=8 / 199,
    ),
)
"""The 199 invocations that begin in the first 1,200 s, of 31 functions and 13 applications, as `Invocations.fit` gives it. The whole
file has 1,980,951 in 14 days, ten times the rate, of 424 functions and 119 applications. Over 40 seeds: 199 invocations, gap CV 1.71
(sample 1.86). Not reproduced: gaps (KS distance 0.19; the sample has one cluster of 32 calls, and applications that call several
functions within milliseconds)."""
