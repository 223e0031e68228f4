"""Intervals, comparisons, rankings and stopping: worked examples, and how often they are right over many seeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import binomtest

from simtier.errors import SimtierError
from simtier.statistics import (
    Observed,
    Sequential,
    batched,
    compare_batches,
    detectable,
    half_width,
    holm,
    independent,
    mean_interval,
    one_sided,
    paired,
    rank,
    reached,
    replications_needed,
    sequential,
)
from simtier.statistics.batch_means import batch_values, correlation_p, quantile
from simtier.statistics.power import power_of

SLEEP = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
SLEEP_OTHER = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
"""Hours of sleep gained by ten patients with two drugs: Student, "The probable error of a mean", Biometrika 6, 1908."""

Numbers = NDArray[np.float64]


def samples(number: int, n: int, seed: int = 1) -> Iterator[tuple[Numbers, Numbers]]:
    """Yield base and other: standard normal, independent, of the same mean."""
    rng = np.random.default_rng(seed)
    for _ in range(number):
        yield rng.standard_normal(n), rng.standard_normal(n)


def share(found: list[bool]) -> tuple[float, float]:
    """Return the 99.9 % interval of the probability of which `found` are draws (Clopper and Pearson)."""
    low, high = binomtest(sum(found), len(found)).proportion_ci(0.999)
    return float(low), float(high)


def assert_happens(found: list[bool], probability: float) -> None:
    low, high = share(found)
    assert low <= probability <= high, f"{np.mean(found):.4f} of {len(found)}, not {probability}"


def holds(low: float, high: float, truth: float) -> bool:
    return low <= truth <= high


def test_the_interval_of_laws_example() -> None:
    """Law, Simulation Modeling and Analysis, example 4.26: 1.34 +- 0.24 at 90 %."""
    values = [1.20, 1.50, 1.68, 1.89, 0.95, 1.49, 1.58, 1.55, 0.50, 1.09]
    found = mean_interval(values, 0.9)
    assert (round(found.mean, 2), round(found.half_width, 2), found.n) == (1.34, 0.24, 10)
    assert found.high - found.low == pytest.approx(2 * found.half_width)
    assert found.half_width == half_width(values, 0.9)


def test_pairs_are_compared_as_student_did() -> None:
    """R's documentation of t.test and `sleep` prints t = -4.0621, p = 0.002833 and this interval, of drug 1 minus drug 2."""
    found = paired(SLEEP_OTHER, SLEEP)
    assert found.difference == pytest.approx(-1.58)
    assert (found.low, found.high) == pytest.approx((-2.4598858, -0.7001142), abs=1e-7)
    assert found.p_value == pytest.approx(0.002833, abs=5e-7)
    assert found.effect_size is not None
    assert found.effect_size * math.sqrt(10) == pytest.approx(-4.0621, abs=5e-5)
    assert found.relative == pytest.approx(-1.58 / 2.33)
    assert found.share(found.low) == pytest.approx(-2.4598858 / 2.33)
    assert (found.base, found.other) == pytest.approx((2.33, 0.75))
    assert (found.n, found.n_other, found.dropped, found.pairing, found.confidence) == (10, 10, 0, "paired", 0.95)


def test_independent_values_are_compared_as_welch_did() -> None:
    """R's documentation prints t = -1.8608, df = 17.776, p = 0.07939 and this interval for the same data taken as unpaired."""
    found = independent(SLEEP_OTHER, SLEEP)
    assert (found.low, found.high) == pytest.approx((-3.3654832, 0.2054832), abs=1e-7)
    assert found.p_value == pytest.approx(0.07939, abs=5e-6)
    spread = math.sqrt((np.var(SLEEP, ddof=1) + np.var(SLEEP_OTHER, ddof=1)) / 2)
    assert found.effect_size == pytest.approx(-1.58 / spread)
    assert found.pairing == "independent"


def test_replications_without_a_value_are_left_out_and_counted() -> None:
    holes = [None, *SLEEP_OTHER, math.nan, 4.0]
    found = paired(holes, [1.0, *SLEEP, 2.0, None])
    assert found == paired(SLEEP_OTHER, SLEEP).__class__(**(vars(paired(SLEEP_OTHER, SLEEP)) | {"dropped": 3}))
    assert independent(holes, SLEEP).dropped == 2
    assert independent(holes[:-1], SLEEP).difference == independent(SLEEP_OTHER, SLEEP).difference
    assert mean_interval([None, 1.0, math.inf, 3.0]).n == 2


def test_what_so_few_values_cannot_say_is_nan() -> None:
    for compare in (paired, independent):
        one = compare([1.0], [2.0])
        assert one.difference == 1.0
        assert all(math.isnan(x) for x in (one.low, one.high, one.p_value, one.sd, one.half_width))
        none = compare([None], [None])
        assert math.isnan(none.difference)
        assert math.isnan(none.base)
        assert replications_needed(one) is None
    assert math.isnan(one_sided([1.0], [2.0]))
    assert math.isnan(one_sided([], []))
    assert math.isnan(mean_interval([]).mean)
    assert math.isnan(detectable(1.0, 1))


def test_a_difference_without_noise_is_certain_and_has_no_size() -> None:
    for compare in (paired, independent):
        found = compare([2.0, 2.0, 2.0], [3.0, 3.0, 3.0])
        assert (found.low, found.difference, found.high, found.p_value) == (1.0, 1.0, 1.0, 0.0)
        assert found.effect_size is None
        assert replications_needed(found) == 5
        assert compare([0.0, 0.0], [1.0, 2.0]).relative is None
        same = compare([2.0, 2.0], [2.0, 2.0])
        assert (same.difference, same.p_value, same.effect_size) == (0.0, 1.0, 0.0)


def test_rounding_is_no_difference() -> None:
    """0.1 + 0.2 is not 0.3 to the last bit, in every replication: a t test of these would be certain of a difference."""
    base = [0.3, 0.6, 1.2]
    other = [0.1 + 0.2, 0.2 + 0.4, 0.4 + 0.8]
    assert other != base
    assert paired(base, other).p_value == 1.0
    assert independent([0.3] * 3, [0.1 + 0.2] * 3).p_value == 1.0
    assert one_sided([0.3] * 3, [0.1 + 0.2] * 3) == one_sided([0.3] * 3, [0.1 + 0.2] * 3, pairing="independent") == 1.0
    shifted = paired([1.1, 2.2, 3.3, 1.1, 2.2], [1.2, 2.3, 3.4, 1.2, 2.3])
    assert len({1.2 - 1.1, 2.3 - 2.2, 3.4 - 3.3}) > 1
    assert (shifted.sd, shifted.effect_size, shifted.p_value) == (0.0, None, 0.0)
    large = [1e6, 2e6, 3e6]
    assert paired(large, [value + 0.1 for value in large]).sd == 0.0
    noisy = independent([0.3, 0.1 + 0.2], [1.3, 1.3])
    assert (noisy.sd, noisy.effect_size) == (0.0, None)


@pytest.mark.parametrize("mean", [0.05, 0.5, 2.0])
def test_counts_of_rare_things_in_two_replications_are_no_proof(mean: float) -> None:
    """Two equal differences have no spread: believed, every tenth pair of equal policies would differ for sure."""
    rng = np.random.default_rng(6)
    wrong = [paired(*rng.poisson(mean, (2, 2)).astype(float)).p_value <= 0.05 for _ in range(1000)]
    assert not any(wrong)
    unequal = [one_sided(*rng.poisson(mean, (2, 2)).astype(float)) <= 0.05 for _ in range(1000)]
    assert np.mean(unequal) < 0.05


def test_a_spread_of_nothing_is_believed_of_five_or_of_what_never_varies() -> None:
    luck = paired([3.0, 5.0], [4.0, 6.0])
    assert math.isnan(luck.p_value)
    assert math.isnan(luck.low)
    assert math.isnan(paired([3.0, 5.0, 7.0, 9.0], [4.0, 6.0, 8.0, 10.0]).p_value)
    assert paired([3.0, 5.0, 7.0, 9.0, 9.0], [4.0, 6.0, 8.0, 10.0, 10.0]).p_value == 0.0
    assert paired([3.0] * 3, [4.0] * 3).p_value == independent([3.0] * 3, [4.0] * 3).p_value == 0.0
    assert math.isnan(paired([3.0] * 2, [4.0] * 2).p_value)
    assert paired([3.0, 5.0], [3.0, 5.0]).p_value == 1.0
    assert one_sided([3.0, 5.0], [4.0, 6.0]) == 0.25
    assert one_sided([4.0, 6.0], [3.0, 5.0]) == 1.0
    assert one_sided([3.0] * 3, [4.0] * 3) == 0.0


def test_a_ranking_is_over_the_replications_that_all_have() -> None:
    """The second lacks the replication that was hard for both, in which it is no better; the last has nothing to rank."""
    first, second = [10.0, 11.0, 9.0, 10.0, 50.0], [12.0, 13.0, 11.5, 12.0, None]
    found = rank({"second": second, "first": first, "none": [None] * 5}, more_is_better=False)
    assert [one.name for one in found.order] == ["first", "second", "none"]
    assert found.order[0].interval.n == 4
    assert found.told_apart("first", "second")
    apart = rank({"a": [1.0, None], "b": [None, 2.0]}, more_is_better=False)
    assert [(one.name, one.ties) for one in apart.order] == [("a", ("b",)), ("b", ("a",))]


def test_comparisons_that_share_an_error_rate_need_more_replications() -> None:
    found = paired(SLEEP, SLEEP_OTHER)
    needed = [replications_needed(found, tests=tests) for tests in (1, 5)]
    strict = paired(SLEEP, SLEEP_OTHER, 0.99)
    assert needed[1] == replications_needed(strict)
    assert needed[0] != needed[1]


def test_pairs_must_be_pairs_and_a_confidence_a_probability() -> None:
    with pytest.raises(SimtierError, match="3 values of the base and 2 of the other are no pairs"):
        paired([1, 2, 3], [1, 2])
    for compare in (paired, independent):
        with pytest.raises(SimtierError, match="a confidence of 95 is not between 0 and 1: give 0"):
            compare([1.0], [1.0], 95)
    with pytest.raises(SimtierError, match="a confidence of 0 "):
        half_width([1.0], 0.0)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    runs = list(samples(3000, 6))
    assert_happens([abs((i := mean_interval(base, 0.9)).mean) <= i.half_width for base, _ in runs], 0.9)
    compared = [paired(base + 5, other + 5.5 + base, 0.9) for base, other in runs]
    assert_happens([holds(found.low, found.high, 0.5) for found in compared], 0.9)
    assert_happens([found.p_value <= 0.05 for found in (paired(*run) for run in runs)], 0.05)


def test_welchs_intervals_hold_the_truth_for_unequal_variances() -> None:
    """They are not exact, but near enough with ten values (Law, section 10.2.2)."""
    compared = [independent(base, 3 * other[:10] + 1) for base, other in samples(3000, 15)]
    assert_happens([holds(found.low, found.high, 1.0) for found in compared], 0.95)


def test_common_random_numbers_narrow_the_interval_by_the_noise_they_share() -> None:
    """Values 3 s + e and 3 s + f: the mean's variance is that of f - e, 2 / n, in pairs, and 20 / n to who takes them as independent."""
    rng = np.random.default_rng(3)
    seen = []
    for _ in range(200):
        shared, own, others = rng.standard_normal((3, 50))
        runs = 3 * shared + own, 3 * shared + others
        seen.append((paired(*runs).sd ** 2, 2 * independent(*runs).sd ** 2))
    for variances, truth in zip(zip(*seen, strict=True), (2, 20), strict=True):
        assert abs(np.mean(variances) - truth) <= half_width(variances, 0.999) < 0.2 * truth


# How many replications


def test_sample_sizes_of_cohens_tables() -> None:
    """Cohen 1988, table 2.4.1 (5 % two-sided, power 0.80): 64 and 26 in each of two groups for d = 0.5 and 0.8.

    R's power.t.test gives 33.4 pairs for d_z = 0.5.
    """
    two = [0.0, math.sqrt(2)]  # standard deviation 1
    for effect, needed in ((0.5, 64), (0.8, 26)):
        assert replications_needed(independent(two, [value + effect for value in two])) == needed
        assert power_of(effect, needed, independent=True) >= 0.8 > power_of(effect, needed - 1, independent=True)
    pairs = paired([0.0, 0.0], [0.5 - math.sqrt(0.5), 0.5 + math.sqrt(0.5)])
    assert pairs.effect_size == pytest.approx(0.5)
    assert replications_needed(pairs) == 34
    assert detectable(1.0, 33) > 0.5 > detectable(1.0, 34)
    assert detectable(2.0, 34) == 2 * detectable(1.0, 34)


def test_more_than_a_hundred_thousand_replications_are_no_advice() -> None:
    spread = math.sqrt(0.5)
    assert replications_needed(paired([0.0, 0.0], [0.001 - spread, 0.001 + spread])) is None
    assert replications_needed(paired([0.0, 0.0], [-spread, spread])) is None
    large = replications_needed(paired([0.0, 0.0], [0.01 - spread, 0.01 + spread]))
    normal = ((1.959964 + 0.841621) / 0.01) ** 2  # quantiles of the normal distribution, which t comes close to here
    assert large == pytest.approx(normal, rel=1e-4)


@pytest.mark.parametrize("freedom", [3, 30, 3000])
def test_power_rises_from_alpha_to_one_and_is_a_number_everywhere(freedom: int) -> None:
    effects = np.concatenate([np.linspace(0, 3, 60), np.linspace(3, 60, 60), 10.0 ** np.arange(2, 13)])
    for confidence in (0.5, 0.95, 1 - 1e-5):
        powers = [power_of(effect, freedom + 1, confidence) for effect in effects]
        assert powers[0] == pytest.approx(1 - confidence)
        assert np.all(np.diff(powers) >= -1e-9)
        assert powers[-1] == pytest.approx(1.0)


def test_the_replications_needed_find_the_difference_with_the_power_asked_for() -> None:
    pilot = paired([0.0, 0.0], [0.7 - math.sqrt(0.5), 0.7 + math.sqrt(0.5)])
    needed = replications_needed(pilot, power=0.9)
    assert needed is not None
    found = [paired(base, base + other + 0.7).p_value <= 0.05 for base, other in samples(3000, needed)]
    assert_happens(found, power_of(0.7, needed))
    assert power_of(0.7, needed) == pytest.approx(0.9, abs=0.02)
    smallest = detectable(1.0, 8, power=0.7)
    found = [paired(base, base + other + smallest).p_value <= 0.05 for base, other in samples(3000, 8)]
    assert_happens(found, 0.7)
    smallest = detectable(1.0, 8, power=0.7, independent=True)
    assert_happens([independent(base, other + smallest).p_value <= 0.05 for base, other in samples(3000, 8)], 0.7)


# Worse by more than a margin


def test_one_sided_is_half_of_two_sided() -> None:
    both = paired(SLEEP, SLEEP_OTHER).p_value
    assert one_sided(SLEEP, SLEEP_OTHER) == pytest.approx(both / 2)
    assert one_sided(SLEEP, SLEEP_OTHER, more_is_better=True) == pytest.approx(1 - both / 2)
    both = independent(SLEEP, SLEEP_OTHER).p_value
    assert one_sided(SLEEP, SLEEP_OTHER, pairing="independent") == pytest.approx(both / 2)
    assert one_sided(SLEEP, SLEEP_OTHER, margin=1.58) == pytest.approx(0.5)


def test_without_noise_only_more_than_the_margin_is_worse() -> None:
    assert one_sided([100.0] * 3, [103.0] * 3, margin=0.02, relative=True) == 0.0
    assert one_sided([100.0] * 3, [102.0] * 3, margin=0.02, relative=True) == 1.0
    assert one_sided([100.0] * 3, [97.0] * 3, margin=0.02, relative=True) == 1.0
    assert one_sided([100.0] * 3, [97.0] * 3, margin=0.02, relative=True, more_is_better=True) == 0.0
    assert one_sided([-100.0] * 3, [-97.0] * 3, margin=2.0) == 0.0
    for pairing in ("paired", "independent"):
        assert one_sided([-100.0] * 3, [-97.0] * 3, margin=0.04, relative=True, pairing=pairing) == 1.0
        assert one_sided([-100.0] * 3, [-97.0] * 3, margin=0.02, relative=True, pairing=pairing) == 0.0


@pytest.mark.parametrize("pairing", ["paired", "independent"])
@pytest.mark.parametrize("more_is_better", [False, True])
def test_a_policy_just_at_the_margin_is_flagged_at_the_stated_rate(pairing: str, more_is_better: bool) -> None:
    sign = -1 if more_is_better else 1
    flagged = []
    for base, other in samples(3000, 12, seed=5):
        first = 10 + base
        worse = first if pairing == "paired" else 10 + other
        second = worse * (1 + 0.05 * sign) + (other * 0.2 if pairing == "paired" else 0)
        p = one_sided(
            first,
            second,
            margin=0.05,
            relative=True,
            more_is_better=more_is_better,
            pairing=pairing,
        )
        flagged.append(p <= 0.05)
    assert_happens(flagged, 0.05)


# Many


def test_holms_correction_by_hand() -> None:
    """0.005 * 4, 0.01 * 3, 0.03 * 2, and 0.04 * 1, which is not below the one before."""
    found = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005})
    assert found == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06, "d": 0.02})
    assert list(found) == ["a", "b", "c", "d"]
    assert holm({"a": 0.6, "b": 0.7}) == {"a": 1.0, "b": 1.0}
    assert holm({}) == {}
    unknown = holm({"a": math.nan, "b": 0.01})
    assert math.isnan(unknown["a"])
    assert unknown["b"] == 0.02


def test_equal_policies_are_told_apart_no_more_often_than_stated() -> None:
    rng = np.random.default_rng(11)
    wrong, bare = [], []
    for _ in range(600):
        shared = rng.standard_normal(8)
        ranking = rank({name: shared + rng.standard_normal(8) for name in "abcd"}, more_is_better=False)
        wrong.append(min(ranking.adjusted.values()) <= 0.05)
        bare.append(min(found.p_value for found in ranking.comparisons.values()) <= 0.05)
    assert share(wrong)[0] <= 0.05
    assert share(bare)[0] > 0.1, "without correction the six differences are wrong far more often"


def test_a_ranking_tells_apart_at_its_own_confidence() -> None:
    values = {"a": np.zeros(4), "b": np.array([0.0, 1.0, 2.0, 2.0])}
    p = paired(values["a"], values["b"]).p_value
    assert 0.05 < p < 0.1
    for confidence, apart in ((0.95, False), (0.9, True), (1 - 0.99 * p, False), (1 - 1.01 * p, True)):
        assert rank(values, more_is_better=True, confidence=confidence).told_apart("a", "b") is apart


def test_a_ranking_orders_by_mean_and_says_what_is_not_told_apart() -> None:
    shared, wobble = np.arange(12) % 5 + 10.0, np.tile([-0.1, 0.1], 6)
    values = {
        "slow": shared + wobble + 5,
        "fast": shared,
        "quick": shared + wobble + 0.02,
        "twin": shared + wobble + 0.02,
        "silent": [None] * 12,
    }
    found = rank(values, more_is_better=False)
    assert [one.name for one in found.order] == ["fast", "quick", "twin", "slow", "silent"]
    assert [one.rank for one in found.order] == [1, 2, 2, 4, 5]
    assert [one.maybe_best for one in found.order] == [True, True, True, False, True]
    assert found.order[0].ties == ("quick", "twin", "silent")
    assert found.order[3].ties == ("silent",)
    assert found.told_apart("slow", "fast")
    assert found.told_apart("fast", "slow")
    assert found.order[0].interval == mean_interval(values["fast"])
    assert found.comparisons["fast", "slow"] == paired(values["fast"], values["slow"])
    best_last = rank({name: values[name] for name in ("fast", "slow", "silent")}, more_is_better=True)
    assert [one.name for one in best_last.order] == ["slow", "fast", "silent"]


# Inside one run


def autoregressive(rng: np.random.Generator, n: int, phi: float) -> Numbers:
    """Return n values of mean 0, each `phi` times the last one plus noise, begun in its steady state."""
    noise = rng.standard_normal(n).tolist()
    values = [noise[0] / math.sqrt(1 - phi**2)]
    for shock in noise[1:]:
        values.append(phi * values[-1] + shock)
    return np.array(values)


def test_batches_are_cut_by_time() -> None:
    observed = Observed([9.0, 0.0, 1.0, 2.5, 3.0, 10.0], [7.0, 100.0, 2.0, 4.0, 6.0, 100.0])
    np.testing.assert_array_equal(batch_values(observed, 1.0, 10.0, 3), [4.0, np.nan, 7.0])
    np.testing.assert_array_equal(batch_values(observed, 1.0, 10.0, 3, quantile(0.5)), [4.0, np.nan, 7.0])
    np.testing.assert_array_equal(batch_values(observed, 0.0, 12.0, 1, quantile(1.0)), [100.0])
    with pytest.raises(SimtierError, match="no batches can be cut from 5 s to 5 s"):
        batched(observed, 5.0, 5.0)


def test_von_neumanns_ratio_by_hand() -> None:
    """1, 2, 3, 4: squared steps sum to 3, squared distances to 5, so C = 0.7, with variance 2 / 15."""
    assert correlation_p(np.array([1.0, 2.0, np.nan, 3.0, 4.0])) == pytest.approx(ndtr(-0.7 / math.sqrt(2 / 15)))
    assert math.isnan(correlation_p(np.array([1.0, 2.0])))
    assert math.isnan(correlation_p(np.array([1.0, 1.0, 1.0])))


@pytest.mark.parametrize("batches", [30, 15])
def test_independent_batches_look_correlated_as_often_as_stated(batches: int) -> None:
    """Fishman's normal approximation, good from about eight batches on."""
    found = [correlation_p(base) <= 0.05 for base, _ in samples(4000, batches, seed=9)]
    assert_happens(found, 0.05)


def test_batch_means_hold_the_truth_of_a_correlated_run() -> None:
    """The mean's variance is (1 + phi) / (1 - phi) = 9 times that of independent observations, so their interval is a third of what it must be."""
    rng = np.random.default_rng(4)
    times = np.arange(3000.0)
    held, kept, naive = [], [], []
    for _ in range(400):
        base, change = autoregressive(rng, 3000, 0.8), autoregressive(rng, 3000, 0.8)
        compared = compare_batches(Observed(times, base), Observed(times, base + change + 0.1), 0.0, 3000.0)
        held.append(holds(compared.comparison.low, compared.comparison.high, 0.1))
        kept.append(compared.batches == 30)
        own = batched(Observed(times, base), 0.0, 3000.0, confidence=0.9).interval
        assert own.n in (30, 15, 10)
        naive.append(abs(base.mean()) <= half_width(base.tolist()))
        assert compared.comparison.pairing == "batches"
    assert_happens(held, 0.95)
    assert np.mean(kept) > 0.8
    assert share(naive)[1] < 0.8


def test_a_run_too_short_for_its_correlation_says_so() -> None:
    rng = np.random.default_rng(4)
    times = np.arange(500.0)
    slow = [batched(Observed(times, autoregressive(rng, 500, 0.995)), 0.0, 500.0) for _ in range(100)]
    assert np.mean([found.batches == 10 and found.correlated for found in slow]) > 0.5
    assert all((found.p_correlated <= 0.05) == found.correlated for found in slow)
    base = autoregressive(rng, 500, 0.995)
    both = compare_batches(Observed(times, base), Observed(times, base + np.cos(times)), 0.0, 500.0)
    assert (both.batches, both.correlated) == (30, False), "what both runs share does not count"
    white = [batched(Observed(times, rng.standard_normal(500)), 0.0, 500.0) for _ in range(200)]
    assert np.mean([found.correlated for found in white]) < 0.02
    flat = batched(Observed(times, np.ones(500)), 0.0, 500.0)
    assert (flat.interval.mean, flat.interval.half_width, flat.batches, flat.correlated) == (1.0, 0.0, 30, False)


# When to stop


def test_looks_and_their_shares_of_the_error_rate() -> None:
    plan = sequential(0.05, most=60)
    assert plan.looks == (5, 8, 12, 18, 27, 41, 60)
    spent = [1 - plan.confidence(look) for look in range(len(plan.looks))]
    assert spent == pytest.approx([0.05 / 2, 0.05 / 6, 0.05 / 12, 0.05 / 20, 0.05 / 30, 0.05 / 42, 0.05 / 56])
    assert sum(1 - plan.confidence(look) for look in range(10_000)) < 0.05
    assert sequential(most=5).looks == (5,)
    with pytest.raises(SimtierError, match="4 replications are too few to look at after 5: allow at least 5"):
        sequential(most=4)
    with pytest.raises(SimtierError, match="an error rate of 5 is not between 0 and 1"):
        sequential(5)


def test_precision_is_reached_by_a_narrow_interval_only() -> None:
    found = paired([100.0, 100.0, 100.0], [100.0, 101.0, 102.0])
    assert found.half_width == pytest.approx(2.484, abs=5e-4)
    assert reached(found, 0.025, found.base)
    assert not reached(found, 0.024, found.base)
    assert reached(found, 0.025, -found.base)
    assert reached(mean_interval([1.0, 3.0], 0.5), 1.001)
    assert not reached(mean_interval([1.0]), 100.0)


def stopped(rng: np.random.Generator, plan: Sequential, confidence: Callable[[int], float], precision: float) -> bool:
    """Return whether the interval at which a study stops holds the truth, 0; differences are standard normal."""
    values = rng.standard_normal(plan.looks[-1])
    for look, n in enumerate(plan.looks):
        found = mean_interval(values[:n], confidence(look))
        if reached(found, precision):
            break
    return abs(found.mean) <= found.half_width


def test_stopping_early_keeps_the_error_rate_and_the_plain_rule_does_not() -> None:
    rng = np.random.default_rng(8)
    plan = sequential(0.05, most=200)
    ours = [stopped(rng, plan, plan.confidence, 0.6) for _ in range(2000)]
    assert share(ours)[0] >= 0.95
    every = Sequential(0.05, tuple(range(2, 60)))
    plain = [stopped(rng, every, lambda _: 0.95, 0.6) for _ in range(1500)]
    assert share(plain)[1] < 0.95


@pytest.mark.parametrize("precision", [0.3, 1.0, 2.0])
def test_the_error_rate_holds_however_soon_one_stops(precision: float) -> None:
    rng = np.random.default_rng(21)
    plan = sequential(0.2, most=100)
    assert share([stopped(rng, plan, plan.confidence, precision) for _ in range(800)])[0] >= 0.8


def test_the_error_rate_holds_against_stopping_when_it_suits() -> None:
    """Whoever stops at the first look that excludes the truth is still wrong no more often than stated."""
    rng = np.random.default_rng(13)
    plan = sequential(0.1, most=200)
    wrong = []
    for _ in range(2000):
        values = rng.standard_normal(200)
        looks = (mean_interval(values[:n], plan.confidence(look)) for look, n in enumerate(plan.looks))
        wrong.append(any(abs(found.mean) > found.half_width for found in looks))
    assert share(wrong)[1] <= 0.1
