"""The hybrid histogram: what it learns of idle times, and when it has an instance because of it."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simtier.policies.keep_alive.hybrid_histogram import HybridHistogram
from simtier.policies.keep_alive.idle_times import IdleTimes
from simtier.streams import Streams
from simtier.testing import FakeClock, FakeSite
from simtier.testing.function_fakes import FakeFunction, FakeInstance

HOUR = 3600.0
about: Any = pytest.approx


class Bench:
    """A policy and one function, whose executions take 10 s."""

    def __init__(self, policy: HybridHistogram) -> None:
        self.policy = policy
        self.clock = FakeClock(0.0)
        self.restart()

    def restart(self) -> None:
        self.clock.now_s, self.arrivals, self.last_s = 0.0, 0, math.nan
        self.policy.start(FakeSite(clock=self.clock), Streams(0).stream("keep_alive"))

    def request_after(self, idle_s: float, name: str = "resize") -> tuple[float, float | None]:
        """Let a request come so long after the one before has ended; return how long the instance stays then, and what is planned."""
        self.arrivals += 1
        self.last_s = self.clock.now_s + idle_s
        self.clock.now_s = self.last_s + 10.0
        return self.ask(uses=1, name=name)

    def ahead_after(self, passed_s: float) -> tuple[float, float | None]:
        """Let an instance started ahead of need become ready so long after the last execution has ended."""
        self.clock.now_s += passed_s
        return self.ask(uses=0)

    def ask(self, uses: int, name: str = "resize") -> tuple[float, float | None]:
        function = FakeFunction(name=name, arrivals=self.arrivals, last_arrival_s=self.last_s)
        return self.policy.idle_for(FakeInstance(function=function, uses=uses)), self.policy.prewarm(function)


def test_without_an_idle_time_an_instance_stays_for_the_range() -> None:
    bench = Bench(HybridHistogram())
    assert bench.ask(uses=0) == (4 * HOUR, None)
    assert bench.request_after(100.0) == (4 * HOUR, None)


def test_a_function_that_idles_for_half_an_hour_goes_and_comes_back_in_time() -> None:
    """Idle for 1,830 s, bin 30: from 30 min - 10 % = 1,620 s to 31 min + 10 % = 2,046 s."""
    bench = Bench(HybridHistogram())
    bench.request_after(0.0)
    for _ in range(3):
        assert bench.request_after(1830.0) == (0.0, about(1620.0))
    assert bench.ahead_after(1621.0) == (about(2046.0 - 1621.0), None)


def test_an_instance_that_comes_too_late_for_its_window_goes_at_once() -> None:
    bench = Bench(HybridHistogram())
    bench.request_after(0.0)
    bench.request_after(1830.0)
    assert bench.ahead_after(2100.0) == (0.0, None)


def test_a_window_that_begins_in_the_first_minute_keeps_the_instance() -> None:
    """Idle for 20 s, bin 0: from 0 to 1 min + 10 %."""
    bench = Bench(HybridHistogram())
    bench.request_after(0.0)
    assert bench.request_after(20.0) == (about(66.0), None)


def test_percentiles_are_rounded_outwards_to_edges_of_bins() -> None:
    """Of 100 idle times of 2.5, 3.5, ..., 101.5 min the 5th percentile is the fifth, 6.5 min, and the 99th is 100.5 min."""
    known = IdleTimes(4 * HOUR, 60.0, recent=10)
    for minute in range(2, 102):
        known.add(60.0 * minute + 30.0)
    window = known.between(0.05, 0.99, 0.0)
    assert (window.begin_s, window.end_s) == (6 * 60.0, 101 * 60.0)
    wider = known.between(0.05, 0.99, 0.1)
    assert (wider.begin_s, wider.end_s) == (about(0.9 * 360.0), about(1.1 * 6060.0))


def test_the_coefficient_of_variation_is_that_of_the_counts_of_all_bins() -> None:
    """Counts 3, 1, 0, 0: mean 1, variance (4 + 0 + 1 + 1) / 4 = 1.5. One count in 240 bins: sqrt(239)."""
    known = IdleTimes(240.0, 60.0, recent=10)
    assert math.isnan(known.cv())
    for idle_s in (0.0, 59.9, 1.0, 60.0):
        known.add(idle_s)
    assert known.cv() == about(math.sqrt(1.5))
    single = IdleTimes(4 * HOUR, 60.0, recent=10)
    single.add(0.0)
    assert single.cv() == about(math.sqrt(239.0))


def test_idle_times_spread_evenly_over_the_range_tell_nothing() -> None:
    """One idle time in each of 4 bins: CV 0. Five more in one bin, counts 6, 1, 1, 1: CV 0.96, still below 2."""
    bench = Bench(HybridHistogram(range=240.0))
    bench.request_after(0.0)
    answers = [bench.request_after(idle_s) for idle_s in (30.0, 90.0, 150.0, 210.0)]
    assert answers[-1] == (240.0, None)
    for _ in range(5):
        assert bench.request_after(90.0) == (240.0, None)


def test_idle_times_out_of_range_are_predicted_by_their_median() -> None:
    """Idle for 5, 6 and 7 hours: around 6 h, from 0.85 x 6 h = 18,360 s to 1.15 x 6 h = 24,840 s."""
    bench = Bench(HybridHistogram())
    bench.request_after(0.0)
    answers = [bench.request_after(hours * HOUR) for hours in (5.0, 7.0, 6.0)]
    assert answers[-1] == (0.0, about(18360.0))
    assert bench.ahead_after(18362.0) == (about(24840.0 - 18362.0), None)


def test_a_prediction_follows_the_last_idle_times_only() -> None:
    bench = Bench(HybridHistogram(recent=2))
    bench.request_after(0.0)
    answers = [bench.request_after(hours * HOUR) for hours in (5.0, 5.0, 9.0, 9.0)]
    assert answers[-1] == (0.0, about(0.85 * 9 * HOUR))


def test_few_idle_times_out_of_range_change_nothing() -> None:
    """Half of them out of range is not more than half: the histogram of the others decides."""
    bench = Bench(HybridHistogram())
    bench.request_after(0.0)
    bench.request_after(1830.0)
    assert bench.request_after(5 * HOUR) == (0.0, about(1620.0))
    assert bench.request_after(5 * HOUR) == (0.0, about(0.85 * 5 * HOUR))


def test_an_instance_that_falls_idle_without_an_arrival_since_is_no_idle_time() -> None:
    """Two requests at once, one of which takes 1,000 s longer: the idle time begins when the last one ends."""
    bench = Bench(HybridHistogram())
    bench.request_after(0.0)
    bench.clock.now_s += 1000.0
    assert bench.ask(uses=1) == (4 * HOUR, None)
    assert bench.request_after(1830.0) == (0.0, about(1620.0))


def test_a_start_ahead_does_not_begin_an_idle_time() -> None:
    bench = Bench(HybridHistogram())
    bench.request_after(0.0)
    bench.request_after(1830.0)
    bench.ahead_after(1620.0)
    assert bench.request_after(210.0) == (0.0, about(1620.0))


def test_functions_are_learned_apart() -> None:
    bench = Bench(HybridHistogram())
    bench.request_after(0.0)
    bench.request_after(1830.0)
    assert bench.request_after(1830.0, name="other") == (4 * HOUR, None)


def test_a_start_forgets_all() -> None:
    bench = Bench(HybridHistogram())
    for _ in range(2):
        assert bench.request_after(0.0) == (4 * HOUR, None)
        assert bench.request_after(1830.0) == (0.0, about(1620.0))
        bench.restart()


@settings(derandomize=True, deadline=None, max_examples=100, database=None)
@given(idle=st.lists(st.floats(0.0, 4 * HOUR, exclude_max=True), min_size=1, max_size=60))
def test_the_whole_window_holds_every_idle_time_in_range(idle: list[float]) -> None:
    known = IdleTimes(4 * HOUR, 60.0, recent=10)
    for each in idle:
        known.add(each)
    window = known.between(0.0, 1.0, 0.0)
    assert window.begin_s <= min(idle)
    assert max(idle) <= window.end_s
    assert window.end_s - window.begin_s <= max(idle) - min(idle) + 120.0
