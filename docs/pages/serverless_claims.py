"""What papers claim of policies of function platforms, and how the numbers of `benchmarks/policies.py` test it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.special import stdtrit

Rows = Sequence[Mapping[str, Any]]
Group = Mapping[str, Rows]

ENOUGH = 0.7
"""A claim's factor counts as reached from this share of it on, on the scale of logarithms."""
LEAST_SHARE, LEAST_S = 1e-3, 1e-3
"""Shares and times below these are taken for these in ratios: one call in a thousand, a millisecond."""


class Ratio(NamedTuple):
    """A ratio over the replications: geometric mean, and the ends of its 95 % interval."""

    value: float
    low: float
    high: float


class Claim(NamedTuple):
    """What a paper says, and the ratio that tests it: above 1 where it is right."""

    policy: str
    source: str
    says: str
    measures: str
    factor: float | None
    ratio: Callable[[Mapping[str, Group]], Ratio]


def half_width(values: Sequence[float]) -> float:
    """Return the half-width of the 95 % confidence interval of a mean."""
    return float(stdtrit(len(values) - 1, 0.975) * np.std(values, ddof=1) / math.sqrt(len(values)))


def ratio(above: Sequence[float], below: Sequence[float], least: float) -> Ratio:
    """Return the ratio of two columns, replication by replication; numbers below `least` count as `least`."""
    logs = np.log(np.maximum(above, least)) - np.log(np.maximum(below, least))
    middle, half = float(logs.mean()), half_width(logs.tolist())
    return Ratio(*(math.exp(middle + each * half) for each in (0, -1, 1)))


def verdict(measured: Ratio, factor: float | None) -> str:
    """Say whether a ratio bears a claim out: above 1 as a whole, and if the claim has a factor, at least 0.7 of it in logarithms."""
    if measured.high < 1:
        return "disagrees"
    if measured.low <= 1:
        return "five replications cannot tell" if measured.high > measured.low else "no difference"
    if factor is None or math.log(measured.value) >= ENOUGH * math.log(factor):
        return "agrees"
    return "agrees in direction, with less effect"


def _column(group: Group, label: str, key: str) -> list[float]:
    return [row[key] for row in group[label]]


def _of(group: str, above: str, below: str, key: str, least: float) -> Callable[[Mapping[str, Group]], Ratio]:
    """Return what compares two policies of a group in one column."""
    return lambda found: ratio(_column(found[group], above, key), _column(found[group], below, key), least)


def _at_equal_memory(label: str, key: str, least: float) -> Callable[[Mapping[str, Group]], Ratio]:
    """Return what compares a policy with a fixed time that takes the same idle memory, interpolated between those measured."""

    def compared(found: Mapping[str, Group]) -> Ratio:
        group, fixed = found["keep_alive"], []
        times = [each for each in group if each.startswith("fixed")]
        for number, row in enumerate(group[label]):
            points = sorted((group[each][number]["idle_gib"], group[each][number][key]) for each in times)
            memory, values = zip(*points, strict=True)
            fixed.append(float(np.interp(math.log(row["idle_gib"]), np.log(memory), values)))
        return ratio(fixed, _column(group, label, key), least)

    return compared


TEN, ONE = "fixed, 10 min", "fixed, 1 min"
HISTOGRAM = "Shahrad et al., ATC 2020"
CACHE = "Fuerst and Sharma, ASPLOS 2021"
LAYERS = "Yu et al., ASPLOS 2024"
HUAWEI = "Joosen et al., EuroSys 2025"
CLAIMS = (
    Claim(
        "hybrid_histogram",
        HISTOGRAM,
        "2.5 times fewer cold starts of the 75th-percentile application at the memory of a fixed time",
        "cold share of the 75th-percentile function: a fixed time of the same idle memory over hybrid_histogram",
        2.5,
        _at_equal_memory("hybrid_histogram", "cold_p75", LEAST_SHARE),
    ),
    Claim(
        "faascache",
        CACHE,
        "fewer cold starts than a fixed 10 minutes where memory is scarce",
        "cold ratio: fixed 10 min over faascache",
        None,
        _of("scarce", TEN, "faascache", "cold_ratio", LEAST_SHARE),
    ),
    Claim(
        "faascache",
        CACHE,
        "fewer cold starts than LRU where memory is scarce",
        "cold ratio: lru over faascache",
        None,
        _of("scarce", "lru", "faascache", "cold_ratio", LEAST_SHARE),
    ),
    Claim(
        "rainbowcake",
        LAYERS,
        "68 % less start-up time",
        "mean wait for an instance: fixed 10 min over rainbowcake",
        1 / (1 - 0.68),
        _of("keep_alive", TEN, "rainbowcake", "wait_s", LEAST_S),
    ),
    Claim(
        "rainbowcake",
        LAYERS,
        "77 % less memory wasted",
        "idle memory: fixed 10 min over rainbowcake",
        1 / (1 - 0.77),
        _of("keep_alive", TEN, "rainbowcake", "idle_gib", LEAST_SHARE),
    ),
    Claim(
        "rainbowcake",
        LAYERS,
        "less start-up time for the memory it wastes",
        "mean wait for an instance: a fixed time of the same idle memory over rainbowcake",
        None,
        _at_equal_memory("rainbowcake", "wait_s", LEAST_S),
    ),
    Claim(
        "timer_prewarm",
        HUAWEI,
        "hardly any cold start of timers whose period is longer than keep-alive, where 60 s give 100 %",
        "cold share of timers called less than once a minute: fixed 1 min over timer_prewarm",
        20,
        _of("keep_alive", ONE, "timer_prewarm", "cold_timers", LEAST_SHARE),
    ),
    Claim(
        "pool_prediction",
        HUAWEI,
        "shorter cold starts than with pools of a fixed size",
        "mean time of a start: fixed 1 min over pool_prediction, both keeping instances for 60 s",
        None,
        _of("keep_alive", ONE, "pool_prediction", "cold_start_s", LEAST_S),
    ),
    Claim(
        "knative_kpa",
        "by their design",
        "shorter waits than the HPA: it sees a surge within six seconds, not fifteen",
        "mean wait for an instance: kubernetes_hpa over knative_kpa",
        None,
        _of("autoscaling", "kubernetes_hpa", "knative_kpa", "wait_s", LEAST_S),
    ),
    Claim(
        "knative_kpa",
        "by their design",
        "fewer instances than the HPA: it goes down to none",
        "instances: kubernetes_hpa over knative_kpa",
        None,
        _of("autoscaling", "kubernetes_hpa", "knative_kpa", "instances", LEAST_SHARE),
    ),
    Claim(
        "warm_first",
        "Mahmoudi and Khazaei, 2021",
        "fewer cold starts than at random",
        "cold ratio: random over warm_first",
        None,
        _of("routing", "random", "warm_first", "cold_ratio", LEAST_SHARE),
    ),
    Claim(
        "bounded_load_hash",
        "Mirrokni et al., SODA 2018",
        "fewer cold starts than at random, for a function goes where it went before",
        "cold ratio: random over bounded_load_hash",
        None,
        _of("routing", "random", "bounded_load_hash", "cold_ratio", LEAST_SHARE),
    ),
)
