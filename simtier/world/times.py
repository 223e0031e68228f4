"""From a scenario's times to distributions."""

from __future__ import annotations

from simtier.models import distributions as d
from simtier.scenario.base import Exponential, Fixed, MeanCv, Uniform


def distribution(time: Fixed | Exponential | MeanCv | Uniform) -> d.Distribution:
    """Return the distribution a scenario's time stands for."""
    if isinstance(time, Fixed):
        return d.fixed(time.value)
    if isinstance(time, Exponential):
        return d.exponential(time.mean)
    if isinstance(time, Uniform):
        return d.uniform(time.low, time.high)
    by_name = {"gamma": d.gamma, "lognormal": d.lognormal, "weibull": d.weibull}
    return by_name[time.distribution](time.mean, time.cv)
