"""What a check says of a metric: worked examples, and laws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from simtier.statistics import detectable
from simtier.study.check.baseline import Rule
from simtier.study.check.missing import kept
from simtier.study.check.play import Column, Seeds
from simtier.study.check.rules import Judged, Verdict, judge
from simtier.study.check.words import sentence

LATENCY, SHARE, COUNT = "apps.ask.latency_s.mean", "apps.ask.slo.attainment", "services.web.replicas"
BEFORE: Column = (10.0, 11.0, 9.0, 10.0, 10.0)
laws = settings(derandomize=True, deadline=None, max_examples=60, database=None)


def one(name: str, now: Column, rule: Rule | None = None, before: Column = BEFORE, seeds: Seeds = "paired") -> Judged:
    return judge({name: rule or Rule()}, {name: before}, {name: now}, seeds)[0]


def shifted(*by: float) -> Column:
    return tuple(value + change for value, change in zip(BEFORE, by, strict=True) if value is not None)


@pytest.mark.parametrize(
    ("name", "rule", "now", "verdict"),
    [
        (LATENCY, Rule(), BEFORE, "unchanged"),
        (LATENCY, Rule(), shifted(1.0, 1.1, 0.9, 1.0, 1.0), "WORSE"),
        (LATENCY, Rule(), shifted(-1.0, -1.1, -0.9, -1.0, -1.0), "better"),
        (LATENCY, Rule(), shifted(1.0, -1.1, 0.9, -1.0, 0.5), "within noise"),
        (SHARE, Rule(), shifted(1.0, 1.1, 0.9, 1.0, 1.0), "better"),
        (SHARE, Rule(), shifted(-1.0, -1.1, -0.9, -1.0, -1.0), "WORSE"),
        (COUNT, Rule(), shifted(-1.0, -1.1, -0.9, -1.0, -1.0), "MOVED"),
        (COUNT, Rule(), shifted(1.0, 1.1, 0.9, 1.0, 1.0), "MOVED"),
        (LATENCY, Rule(tolerance="20 %"), shifted(1.0, 1.1, 0.9, 1.0, 1.0), "within tolerance"),
        (LATENCY, Rule(tolerance=0.5), shifted(1.0, 1.1, 0.9, 1.0, 1.0), "WORSE"),
        (LATENCY, Rule(tolerance=1.5), shifted(1.0, 1.1, 0.9, 1.0, 1.0), "within tolerance"),
        (LATENCY, Rule(test="mean", tolerance="2 %"), shifted(1.0, -1.1, 0.9, -1.0, 0.5), "within noise"),
        (LATENCY, Rule(test="mean", tolerance="2 %"), shifted(3.0, -1.1, 0.9, -1.0, 0.5), "WORSE"),
        (LATENCY, Rule(test="mean", tolerance="11 %"), shifted(1.0, 1.1, 0.9, 1.0, 1.0), "within tolerance"),
        (LATENCY, Rule(test="mean", tolerance="9 %"), shifted(1.0, 1.1, 0.9, 1.0, 1.0), "WORSE"),
        (COUNT, Rule(test="mean", tolerance="9 %"), shifted(-1.0, -1.1, -0.9, -1.0, -1.0), "MOVED"),
        (LATENCY, Rule(), (None, None, None, None, 10.0), "GONE"),
        (LATENCY, Rule(test="mean"), (None, None, None, None, None), "GONE"),
        (LATENCY, Rule(), (10.0, 11.0, None, None, None), "GONE"),
        (LATENCY, Rule(tolerance="50 %"), (10.5, 11.5, 9.5, 10.5, None), "GONE"),
        (LATENCY, Rule(test="mean", tolerance="2 %"), (10.0, None, None, None, None), "GONE"),
        (LATENCY, Rule(test="mean", tolerance="2 %"), (10.0, 11.0, math.inf, 10.0, 10.0), "GONE"),
    ],
)
def test_the_verdict_follows_from_the_rule(name: str, rule: Rule, now: Column, verdict: Verdict) -> None:
    judged = one(name, now, rule)
    assert judged.verdict == verdict
    assert judged.failed == (verdict in {"WORSE", "MOVED", "GONE"})


def test_a_worked_example_of_the_test() -> None:
    """Differences 1.0, 1.1, 0.9, 1.0, 1.0: mean 1, deviation sqrt(0.02 / 4), t = 1 / (0.0707 / sqrt 5) = 31.6 with 4 degrees of freedom."""
    judged = one(LATENCY, shifted(1.0, 1.1, 0.9, 1.0, 1.0))
    assert judged.p_value == pytest.approx(stats.t.sf(1 / math.sqrt(0.005 / 5), 4), rel=1e-9)
    assert judged.missed == pytest.approx(detectable(math.sqrt(0.005), 5, 0.9), rel=1e-9)
    assert judged.comparison.relative == pytest.approx(0.1)
    assert not judged.by_chance


def test_other_requests_are_compared_by_welch() -> None:
    now = (10.5, 11.5, 9.5, 11.0, 10.5)
    judged = one(LATENCY, now, seeds="independent")
    found = stats.ttest_ind(now, BEFORE, equal_var=False, alternative="greater")
    assert judged.p_value == pytest.approx(found.pvalue)
    assert one(LATENCY, BEFORE, seeds="independent").verdict == "within noise", (
        "equal values of other requests prove nothing"
    )


def test_a_replication_that_never_had_a_value_loses_none() -> None:
    before: Column = (None, None, 9.0, 10.0, 10.0)
    assert one(LATENCY, before, before=before).verdict == "unchanged"
    assert not one(LATENCY, (12.0, None, 9.1, 9.9, 10.1), before=before).failed
    judged = one(LATENCY, (12.0, 12.0, None, 9.9, 10.1), before=before)
    assert (judged.verdict, judged.had, judged.lost) == ("GONE", 3, 1)
    assert sentence(judged) == f"{LATENCY} is gone from 1 of the 3 replications that had a value"


def test_of_other_requests_a_loss_is_told_from_chance_only_where_the_baseline_lacks_values_too() -> None:
    """Of 8 and 8 replications 7 and 2 have a value: P(2 or fewer of the 9) = (C(8, 1) C(8, 8) + C(8, 2) C(8, 7)) / C(16, 9) = 232 / 11440."""
    seven: Column = (None, 10.0, 11.0, 9.0, 10.0, 10.0, 10.5, 9.5)
    two: Column = (10.0, 11.0, *[None] * 6)
    assert kept(seven, two, "independent").p_value == pytest.approx(232 / 11440)
    judged = one(LATENCY, two, before=seven, seeds="independent")
    assert judged.verdict == "GONE"
    assert sentence(judged) == f"{LATENCY} has a value in 2 replications, in as many of the baseline 7 had one"
    assert not one(LATENCY, (*seven[1:7], None, None), before=seven, seeds="independent").failed
    assert one(LATENCY, (*BEFORE[1:], None), seeds="independent").verdict == "GONE", "all of the baseline had one"


@laws
@given(st.integers(1, 12).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(0, n))))
def test_the_chance_of_a_loss_is_that_of_fishers_exact_test(counts: tuple[int, int, int]) -> None:
    n, had, has = counts
    before, now = ((*[1.0] * filled, *[None] * (n - filled)) for filled in (had, has))
    expected = stats.fisher_exact(np.array([[has, n - has], [had, n - had]]), alternative="less").pvalue
    assert kept(before, now, "independent").p_value == pytest.approx(expected)


def test_of_other_requests_as_many_values_are_compared_as_both_have() -> None:
    before: Column = (10.0, None, 9.0, 10.0, None)
    judged = one(LATENCY, (10.5, 11.5, 9.5, 11.0, 100.0), before=before, seeds="independent")
    assert (judged.comparison.n, judged.comparison.n_other, judged.comparison.dropped) == (3, 3, 4)
    assert judged.comparison.other == pytest.approx(10.5)


@pytest.mark.parametrize("unit", [1e-6, 1e-3, 1.0])
def test_a_mean_that_is_worse_by_just_what_is_allowed_is_no_regression(unit: float) -> None:
    rule = Rule(test="mean", tolerance="2 %")
    before, just, more = ((unit * value,) * 3 for value in (1.0, 1.02, 1.0200001))
    assert just[0] - before[0] > 0.02 * before[0], "without regard to rounding it is more than allowed"
    assert one(LATENCY, just, rule, before).verdict == "within tolerance"
    assert one(LATENCY, more, rule, before).verdict == "WORSE"


def test_one_replication_is_judged_by_the_rule_of_the_mean_alone() -> None:
    rule = Rule(test="mean", tolerance="5 %")
    assert one(LATENCY, (10.4,), rule, (10.0,)).verdict == "within tolerance"
    assert one(LATENCY, (10.6,), rule, (10.0,)).verdict == "WORSE"
    assert one(LATENCY, (10.0,), rule, (10.0,)).verdict == "unchanged"
    assert one(LATENCY, (9.0,), rule, (10.0,)).verdict == "within noise"


def test_many_metrics_are_corrected_by_holm() -> None:
    """A p-value of 0.03 alone is a regression at 5 %, among three tested metrics it is not."""
    names = [LATENCY, "apps.ask.latency_s.p95", "apps.ask.latency_s.p99"]
    now = shifted(0.0, 0.5, 0.25, 0.25, 0.0)
    alone = one(LATENCY, now)
    assert 0.025 < alone.p_value < 0.05
    assert alone.failed
    noise = shifted(0.5, -0.5, 0.25, -0.25, 0.1)
    together = judge(
        dict.fromkeys(names, Rule()),
        dict.fromkeys(names, BEFORE),
        {**dict.fromkeys(names, noise), LATENCY: now},
        "paired",
    )
    assert together[0].p_value == pytest.approx(3 * alone.p_value)
    assert not any(each.failed for each in together)
    loose = {**dict.fromkeys(names[1:], Rule(test="mean", tolerance="50 %")), LATENCY: Rule()}
    untested = judge(loose, dict.fromkeys(names, BEFORE), {**dict.fromkeys(names, noise), LATENCY: now}, "paired")
    assert {each.name: each.p_value for each in untested}[LATENCY] == alone.p_value, (
        "metrics without a test need no correction"
    )


values = st.lists(st.tuples(st.integers(1, 10_000), st.integers(-500, 500)), min_size=3, max_size=8)


@laws
@given(values)
def test_swapping_worse_and_better_swaps_the_verdict(pairs: list[tuple[int, int]]) -> None:
    before = tuple(float(value) for value, _ in pairs)
    now = tuple(float(value + change) for value, change in pairs)
    opposite: dict[str, str] = {"WORSE": "better", "better": "WORSE"}
    low, high = one(LATENCY, now, before=before).verdict, one(SHARE, now, before=before).verdict
    assert high == opposite.get(low, low)


@laws
@given(values, st.integers(1, 1000))
def test_units_do_not_matter_to_a_share(pairs: list[tuple[int, int]], unit: int) -> None:
    before = tuple(float(value) for value, _ in pairs)
    now = tuple(float(value + change) for value, change in pairs)
    rule = Rule(tolerance="1 %")
    plain = one(LATENCY, now, rule, before)
    scaled = one(
        LATENCY,
        tuple(value * unit for value in now if value is not None),
        rule,
        tuple(value * unit for value in before),
    )
    assert scaled.p_value == pytest.approx(plain.p_value, rel=1e-6, abs=1e-12)
    assert scaled.missed == pytest.approx(plain.missed * unit, rel=1e-6, nan_ok=True)


@laws
@given(values, st.integers(0, 50), st.integers(0, 50))
def test_more_tolerance_never_makes_a_regression(pairs: list[tuple[int, int]], small: int, more: int) -> None:
    before = tuple(float(value) for value, _ in pairs)
    now = tuple(float(value + change) for value, change in pairs)
    for test in ("worse", "mean"):
        strict, loose = (
            one(LATENCY, now, Rule(test=test, tolerance=float(room)), before) for room in (small, small + more)
        )
        assert strict.failed or not loose.failed
