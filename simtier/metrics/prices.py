"""What the customer of a function platform pays, and what idle memory costs its provider.

An invocation that ran for t on a function of memory M costs ceil(max(t, least) / g) g M p + p_req: p a price per memory and time, g the
granularity, p_req a price per request (AWS Lambda, "Pricing": p = 1.66667e-5 USD/GiB/s on x86, p_req = 2e-7 USD, g = 1 ms since December
2020, 100 ms before). Billed are executions that have ended, those cut off at their time limit too. What it leaves out: free tiers, tiers
of volume, and lower prices of executions on provisioned instances.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Price = Mapping[str, Any]

_CLOCK_STEPS = 4
"""By how many of the clock's smallest steps a duration may be wrong: it is a difference of sums of times."""


def billed_s(took_s: Floats, ended_s: Floats, granularity_s: float, least_s: float = 0.0) -> Floats:
    """Return durations in seconds rounded up to whole `granularity_s`, each `least_s` or more before that.

    Durations are differences of floating-point times that go up to `ended_s`: 100 ms at a granularity of 100 ms is one unit, also where
    the difference is the number next to it.
    """
    took_s = np.maximum(took_s, least_s)
    units = took_s / granularity_s
    nearest = np.round(units)
    exact = np.abs(took_s - nearest * granularity_s) <= _CLOCK_STEPS * np.spacing(np.maximum(ended_s, took_s))
    rounded: Floats = np.where(exact, nearest, np.ceil(units)) * granularity_s
    return rounded


def bill(price: Price, served: int, billed_byte_s: float, provisioned_byte_s: float) -> float:
    """Return dollars for executions that ended, for the memory-time billed for them, and for that of provisioned instances."""
    return float(
        served * price["per_request"]
        + billed_byte_s * price["per_memory_time"]
        + provisioned_byte_s * price["provisioned"]
    )
