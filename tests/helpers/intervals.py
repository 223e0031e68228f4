"""Deciding by confidence intervals: a formula holds if the interval over independent replications holds it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from playing import Data, Played, replications

from simtier.statistics import half_width

CONFIDENCE = 0.999
"""High, for there are many tests: one in a thousand true formulas would be refuted, did the seeds change."""
REPLICATIONS = 20

Measure = Callable[[Played], "float | Sequence[float]"]


def over(data: Data, measure: Measure, number: int = REPLICATIONS) -> NDArray[np.float64]:
    """Return what `measure` finds in each replication: an array (replications,) or (replications, measures)."""
    return np.array([measure(played) for played in replications(data, number)])


def holds(formula: float, means: Iterable[float], precision: float) -> None:
    """Assert that the interval holds the formula, and that it is so narrow that it would have refuted another."""
    values = list(means)
    half, mean = half_width(values, CONFIDENCE), float(np.mean(values))
    assert half < precision * abs(formula), f"{mean:.6g} +- {half:.2g} is too wide to say much about {formula:.6g}"
    assert abs(mean - formula) <= half, f"{mean:.6g} +- {half:.2g} does not hold {formula:.6g}"


def later(played: Played, warm_s: float, *columns: str) -> list[NDArray[Any]]:
    """Return columns of the stages whose requests reached a replica from `warm_s` on."""
    stages = played.stages
    counted = stages["queued_s"].to_numpy() >= warm_s
    return [stages[name].to_numpy()[counted] for name in columns]


def wait(warm_s: float) -> Callable[[Played], float]:
    """Return the measure of the mean wait in a queue."""

    def mean(played: Played) -> float:
        queued, started = later(played, warm_s, "queued_s", "started_s")
        return float(np.mean(started - queued))

    return mean


def sojourn(warm_s: float) -> Callable[[Played], float]:
    """Return the measure of the mean time from arrival to end of the requests that ended ok."""

    def mean(played: Played) -> float:
        requests = played.requests
        counted = requests[(requests["arrival_s"] >= warm_s) & (requests["outcome"] == "ok")]
        return float((counted["end_s"] - counted["arrival_s"]).mean())

    return mean
