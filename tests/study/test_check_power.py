"""A policy that got worse is caught as often as is stated, one that did not is blamed no more often than is stated."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

from check_power import ALPHA, RULES, Found, look  # type: ignore[import-not-found]

from simtier.statistics.power import detectable, power_of
from simtier.study.check.baseline import Rule
from simtier.study.check.play import Seeds, Values
from simtier.study.check.rules import judge

ONE_IN_A_THOUSAND = 0.001
"""How rarely a true statement is refuted here, did the seeds change."""
both_ways = pytest.mark.parametrize("seeds", ["paired", "independent"])


def require_as_stated(found: Found) -> None:
    assert 0.02 < found.slower < 0.04, "the injected regression is about 3 %"
    assert found.power > 0.5
    assert found.caught >= binom.ppf(ONE_IN_A_THOUSAND / 2, found.seeds, found.power)
    for what, count in found.blamed.items():
        assert count <= binom.ppf(1 - ONE_IN_A_THOUSAND / 2, found.seeds, ALPHA), what


def test_a_3_percent_regression_is_caught_and_an_unchanged_policy_is_not_blamed() -> None:
    require_as_stated(look(range(1, 13)))


@pytest.mark.slow
def test_a_3_percent_regression_is_caught_and_an_unchanged_policy_is_not_blamed_over_200_seeds() -> None:
    found = look(range(1, 201))
    require_as_stated(found)
    assert abs(found.slower - 0.03) < 0.002


@both_ways
def test_normal_metrics_that_do_not_change_are_flagged_no_more_often_than_the_error_rate(seeds: Seeds) -> None:
    rng, trials = np.random.default_rng(1), 400
    flagged = sum(any(each.failed for each in judge(RULES, *metrics(rng, 5, 0.0), seeds, ALPHA)) for _ in range(trials))
    assert flagged <= binom.ppf(1 - ONE_IN_A_THOUSAND / 2, trials, ALPHA)
    assert flagged > 0, "an error rate of 5 % is used, or the test would be weaker than it says"


@both_ways
@pytest.mark.parametrize("margin", [0.0, "4 %"])
def test_a_change_that_could_just_be_missed_is_missed_one_time_in_five(seeds: Seeds, margin: float | str) -> None:
    rng, trials, n = np.random.default_rng(2), 400, 6
    name, rule = "apps.ask.latency_s.mean", Rule(tolerance=margin)
    share = rule.amount
    independent = seeds == "independent"
    spread = math.sqrt(2 * (1 + (1 + share) ** 2) / (2 if independent else 1))  # each value is the sum of two normals
    size = 100 * share + detectable(spread, n, 1 - 2 * ALPHA, independent=independent)
    caught = sum(judge({name: rule}, *metrics(rng, n, size), seeds, ALPHA)[0].failed for _ in range(trials))
    low, high = binom.ppf([ONE_IN_A_THOUSAND / 2, 1 - ONE_IN_A_THOUSAND / 2], trials, 0.8)
    assert low <= caught <= high


def test_the_power_that_is_stated_is_that_of_a_one_sided_test() -> None:
    rng, trials, n = np.random.default_rng(3), 400, 8
    name = "apps.ask.latency_s.mean"
    caught = 0
    for _ in range(trials):
        before, after = metrics(rng, n, 0.0)
        differences = rng.normal(1.0, 1.0, n)
        shifted = {
            name: tuple(
                value + change for value, change in zip(before[name], differences, strict=True) if value is not None
            )
        }
        caught += judge({name: Rule()}, before, {**after, **shifted}, "paired", ALPHA)[0].failed
    low, high = binom.ppf([ONE_IN_A_THOUSAND / 2, 1 - ONE_IN_A_THOUSAND / 2], trials, power_of(1.0, n, 1 - 2 * ALPHA))
    assert low <= caught <= high


def metrics(rng: np.random.Generator, n: int, worse: float) -> tuple[Values, Values]:
    """Return n values of each metric before and after: normal, correlated with each other, and worse by so much."""
    common = rng.normal(size=(2, n))
    sides: list[dict[str, tuple[float, ...]]] = [{}, {}]
    for name in RULES:
        sign = -1.0 if "attainment" in name else 1.0
        for side in (0, 1):
            values = 100 + sign * (common[side] + rng.normal(size=n) + side * worse)
            sides[side][name] = tuple(values.tolist())
    return sides[0], sides[1]
