"""Functions of a region of Huawei 2025 and how often they are called (Joosen et al., EuroSys 2025).

Published are the counts of R2's functions by runtime and pool (the release's table, 2,418 functions), that timers call about 60 % of the
functions, and that most cold starts are of functions called seldom. How often a function is called is not published by function: the
quantiles of daily calls are assumed, and end where a function would hardly ever start cold.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from simtier.traces.synthesis.functions import FunctionRates, Trigger
from simtier.traces.synthesis.published.azure_functions import AZURE_FUNCTIONS_2019
from simtier.traces.synthesis.quantiles import Quantiles
from simtier.traces.synthesis.rhythm import FLAT_DAY

R2_RUNTIMES: Mapping[str, int] = MappingProxyType(
    {"Python3": 1493, "Java": 450, "Node.js": 159, "Python2": 93, "http": 72, "Custom": 57, "PHP7.3": 38, "Go1.x": 21}
)
"""Functions by runtime; 31 without one and four of C# are left out."""
R2_POOLS: Mapping[str, int] = MappingProxyType(
    {"pool22-300-128": 2070, "pool23-400-256": 160, "pool24-600-512": 120, "pool25-1000-1024": 68}
)
"""Functions by pool. The first count is the release's; how the others divide the rest is assumed, and they stand for 26 pools."""

R2_FUNCTIONS = FunctionRates(
    functions=80,
    app_functions=Quantiles((0.0, 1.0), (1.0, 1.0)),
    app_daily_calls=Quantiles.of("0:12 20:48 40:288 55:480 70:720 85:1440 95:3600 100:8600"),
    triggers=(Trigger("timer", 0.6), Trigger("APIG-S", 0.25), Trigger("OBS-A", 0.08), Trigger("workflow-S", 0.07)),
    hours=FLAT_DAY,
    noise_log_sd=0.5,
    duration_log_mean=AZURE_FUNCTIONS_2019.duration_log_mean,
    duration_log_sd=AZURE_FUNCTIONS_2019.duration_log_sd,
    memory_c=AZURE_FUNCTIONS_2019.memory_c,
    memory_k=AZURE_FUNCTIONS_2019.memory_k,
    memory_scale_bytes=AZURE_FUNCTIONS_2019.memory_scale_bytes,
)
"""Eighty functions of R2 from midnight on; durations and memory are not used: the release has memory in pools' names, and no durations."""
