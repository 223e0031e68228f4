"""Autoscaling by forecast: predictive and newsvendor."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest

from simtier.contract import Autoscaling
from simtier.policies.autoscaling.newsvendor import Newsvendor
from simtier.policies.autoscaling.predictive import Predictive
from simtier.streams import Streams
from simtier.testing import FakeClock, FakeService, FakeSite, check_policy


class Bench:
    """A policy asked every 15 s about a service of one slot a replica."""

    def __init__(self, policy: Autoscaling, concurrency: int = 1) -> None:
        self.policy = policy
        self.concurrency = concurrency
        self.clock = FakeClock(0.0)
        self.restart()

    def restart(self) -> None:
        self.clock.now_s = self.busy_slot_s = 0.0
        self.policy.start(FakeSite(clock=self.clock), Streams(0).stream("autoscaling"))

    def ask(self, demand: float, queued: int = 0) -> int:
        """Return the wanted number after 15 s during which `demand` slots were in use."""
        self.clock.now_s += 15.0
        self.busy_slot_s += 15.0 * demand
        service = FakeService(concurrency=self.concurrency, busy_slot_s=self.busy_slot_s, queued=queued)
        return self.policy.target(service)


def test_after_one_period_the_past_is_expected_again() -> None:
    """Demand of one minute is 8, 0, 4, 0 at 15, 30, 45, 60 s; looking 15 s ahead, the next number is seen before it comes."""
    bench = Bench(Predictive(period=60.0, weight=1.0, ahead=15.0, headroom=1.0))
    minute = (8.0, 0.0, 4.0, 0.0)
    assert [bench.ask(demand) for demand in minute[:3]] == [8, 0, 4]
    assert bench.ask(minute[3]) == 8
    assert [bench.ask(demand) for demand in minute] == [8, 4, 4, 8]
    assert [bench.ask(demand) for demand in (0.0, 0.0, 0.0, 0.0)] == [
        8,
        4,
        4,
        0,
    ]  # at the end its first zero is a period old


def test_past_and_present_are_blended_and_headroom_is_kept() -> None:
    """1.5 x (0.25 x 8 + 0.75 x 4) = 7.5 slots: 4 replicas of 2."""
    bench = Bench(Predictive(period=60.0, weight=0.25, ahead=0.0, headroom=1.5), concurrency=2)
    assert [bench.ask(demand) for demand in (8.0, 0.0, 0.0, 0.0, 4.0)] == [6, 0, 0, 0, 4]


def test_looking_further_ahead_than_a_period_sees_all_of_it() -> None:
    bench = Bench(Predictive(period=60.0, weight=1.0, ahead=600.0, headroom=1.0))
    assert [bench.ask(demand) for demand in (2.0, 9.0, 1.0, 0.0, 0.0)] == [2, 2, 9, 9, 9]


def test_a_request_that_waits_gets_a_replica_whatever_was_forecast() -> None:
    bench = Bench(Predictive(period=60.0, weight=1.0, ahead=0.0))
    assert [bench.ask(0.0) for _ in range(4)] == [0] * 4
    assert bench.ask(0.0, queued=3) == 1
    assert Bench(Newsvendor()).ask(0.0, queued=1) == 1


MISSING, IDLE, SIGMA, MEDIAN = 9.0, 1.0, 0.5, 1000.0


def expected_cost(kept: float) -> float:
    """Return the expected cost, in medians, of `kept` medians under log-normal demand: partial expectations."""
    normal, mean = NormalDist(), math.exp(SIGMA**2 / 2)
    z = math.log(kept) / SIGMA
    missing = mean * normal.cdf(SIGMA - z) - kept * normal.cdf(-z)
    return MISSING * missing + IDLE * (kept - mean + missing)


def test_the_closed_form_gives_the_known_costs() -> None:
    """9:1 and sigma 0.5: the 0.9 quantile costs 1.33, the mean 2.24, the 0.999 quantile 3.56."""
    kept = [math.exp(SIGMA * NormalDist().inv_cdf(share)) for share in (0.9, 0.999)]
    assert [round(expected_cost(each), 2) for each in (kept[0], math.exp(SIGMA**2 / 2), kept[1])] == [1.33, 2.24, 3.56]


def test_the_newsvendor_pays_little_more_than_the_optimum_and_much_less_than_the_mean_and_the_peak() -> None:
    """Means of 20,000 costs within 4 standard errors of the closed form, and 1 % for the 1,000 samples it learns from."""
    demands = MEDIAN * Streams(5).stream("testing/demand").lognormal(0.0, SIGMA, 21_000)
    bench = Bench(Newsvendor(missing_cost=MISSING, idle_cost=IDLE, window=15_000.0))
    kept = np.array([bench.ask(demand) for demand in demands])[999:-1]
    needed = demands[1000:]

    def cost(kept: np.ndarray | float) -> tuple[float, float]:
        costs = (MISSING * np.maximum(needed - kept, 0.0) + IDLE * np.maximum(kept - needed, 0.0)) / MEDIAN
        return float(costs.mean()), float(costs.std() / math.sqrt(len(needed)))

    newsvendor, error = cost(kept)
    by_mean, mean_error = cost(MEDIAN * math.exp(SIGMA**2 / 2))
    by_peak, _ = cost(MEDIAN * math.exp(SIGMA * NormalDist().inv_cdf(0.999)))
    assert abs(newsvendor - 1.33) < 4 * error + 0.0133 < 0.1
    assert abs(by_mean - 2.24) < 4 * mean_error < 0.2
    assert newsvendor < 0.65 * by_mean
    assert newsvendor < 0.45 * by_peak


@pytest.mark.parametrize(("missing", "wanted"), [(1.0, 5), (3.0, 8), (9.0, 9), (9.1, 10), (1e6, 10), (1e-6, 1)])
def test_it_keeps_the_smallest_sample_that_the_share_does_not_exceed(missing: float, wanted: int) -> None:
    """Of 1 to 10: the 5th at 1/2, the 8th at 3/4, the 9th at exactly 9/10, the 10th above."""
    bench = Bench(Newsvendor(missing_cost=missing))
    answers = [bench.ask(demand) for demand in (3.0, 10.0, 1.0, 8.0, 5.0, 6.0, 2.0, 9.0, 4.0, 7.0)]
    assert answers[-1] == wanted


def test_samples_older_than_the_window_do_not_count() -> None:
    bench = Bench(Newsvendor(window=45.0))
    assert [bench.ask(demand) for demand in (9.0, 2.0, 2.0, 2.0, 3.0)] == [9, 9, 9, 2, 3]


def test_changes_are_added_to_the_present_when_demand_drifts() -> None:
    """It grows by 2 every 15 s, so by 4 in the 30 s looked ahead."""
    bench = Bench(Newsvendor(forecast="changes", ahead=30.0))
    answers = [bench.ask(2.0 * step) for step in range(12)]
    assert answers[-3:] == [22, 24, 26]


def test_both_look_ahead_and_forget_at_a_start() -> None:
    for policy in (Predictive(period=60.0), Newsvendor()):
        assert policy.foresees
        bench = Bench(policy)
        first = [bench.ask(demand) for demand in (9.0, 1.0, 4.0, 2.0, 6.0)]
        bench.restart()
        assert [bench.ask(demand) for demand in (9.0, 1.0, 4.0, 2.0, 6.0)] == first


@pytest.mark.parametrize(
    "policy",
    [Predictive(), Predictive(period=45.0, weight=1.0), Newsvendor(), Newsvendor(forecast="changes", window=60.0)],
)
def test_they_keep_every_promise(policy: Autoscaling) -> None:
    check_policy(policy)
