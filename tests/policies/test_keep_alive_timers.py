"""Functions called at regular intervals: their instances end early and are back in time."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simtier.policies.keep_alive.timer_prewarm import TimerPrewarm
from simtier.streams import Streams
from simtier.testing import FakeClock, FakeSite
from simtier.testing.function_fakes import FakeFunction, FakeInstance

about: Any = pytest.approx


class Bench:
    """A policy and one function, whose cold starts take 2 s and whose executions take 5 s unless told otherwise."""

    def __init__(self, policy: TimerPrewarm | None = None, *, cold_s: float = 2.0, run_s: float = 5.0) -> None:
        self.policy = policy or TimerPrewarm()
        self.cold_s, self.run_s = cold_s, run_s
        self.clock = FakeClock(0.0)
        self.restart()

    def restart(self) -> None:
        self.clock.now_s, self.arrivals, self.last_s = 0.0, 0, math.nan
        self.policy.start(FakeSite(clock=self.clock), Streams(0).stream("keep_alive"))

    def call_at(self, at_s: float, arrivals: int = 1) -> tuple[float, float | None]:
        """Let a call come and its execution end; return how long the instance stays then, and what is planned."""
        self.arrivals += arrivals
        self.last_s = at_s
        return self.ask(at_s + self.run_s, uses=1)

    def ask(self, at_s: float, uses: int) -> tuple[float, float | None]:
        self.clock.now_s = at_s
        function = FakeFunction(arrivals=self.arrivals, last_arrival_s=self.last_s, layer_s=(0.0, 0.0, self.cold_s))
        return self.policy.idle_for(FakeInstance(function=function, uses=uses)), self.policy.prewarm(function)

    def calls(self, *times_s: float) -> tuple[float, float | None]:
        return [self.call_at(at_s) for at_s in times_s][-1]


def test_a_function_called_every_5_minutes_goes_and_is_back_a_second_before_the_next_call() -> None:
    """Called at 0, 300, ..., 1,200 s; at 1,205 s the next is due in 295 s: start in 295 - 2 - 1 = 292 s, ready at 1,499 s."""
    bench = Bench()
    for at_s in (0.0, 300.0, 600.0, 900.0):
        assert bench.call_at(at_s) == (60.0, None)
    assert bench.call_at(1200.0) == (0.0, about(292.0))


def test_an_instance_started_ahead_stays_until_a_while_after_the_call_is_due() -> None:
    bench = Bench()
    bench.calls(0.0, 300.0, 600.0, 900.0, 1200.0)
    assert bench.ask(1499.0, uses=0) == (about(61.0), None)
    assert bench.ask(1510.0, uses=0) == (about(60.0), None)


def test_a_function_called_more_often_than_keep_alive_stays_warm_as_it_is() -> None:
    assert Bench().calls(0.0, 60.0, 120.0, 180.0, 240.0) == (60.0, None)
    assert Bench().calls(0.0, 61.0, 122.0, 183.0, 244.0) == (0.0, about(61.0 - 5.0 - 2.0 - 1.0))


def test_an_instance_that_could_not_be_back_in_time_stays() -> None:
    """A start of 294 s, begun when the call has ended, is ready at 299 s: the instance would have to go and come at once."""
    assert Bench(cold_s=294.0).calls(0.0, 300.0, 600.0, 900.0, 1200.0) == (about(355.0), None)
    assert Bench(cold_s=293.0).calls(0.0, 300.0, 600.0, 900.0, 1200.0) == (0.0, about(1.0))
    assert Bench(run_s=310.0).calls(0.0, 400.0, 800.0, 1200.0, 1600.0) == (0.0, about(87.0))
    assert Bench(run_s=310.0).calls(0.0, 300.0, 600.0, 900.0, 1200.0) == (60.0, None)


@pytest.mark.parametrize("cold_s", [0.0, math.nan])
def test_a_start_of_unknown_length_counts_as_none(cold_s: float) -> None:
    assert Bench(cold_s=cold_s).calls(0.0, 300.0, 600.0, 900.0, 1200.0) == (0.0, about(294.0))


def test_gaps_may_differ_by_a_tenth_of_their_median() -> None:
    """Gaps 300, 330, 300, 300 s: spread 30 s = 0.1 x 300 s. With 331 s it is too much."""
    assert Bench().calls(0.0, 300.0, 630.0, 930.0, 1230.0) == (0.0, about(292.0))
    assert Bench().calls(0.0, 300.0, 631.0, 931.0, 1231.0) == (60.0, None)


def test_a_period_is_forgotten_and_learned_again_when_it_changes() -> None:
    bench = Bench()
    assert bench.calls(0.0, 300.0, 600.0, 900.0, 1200.0)[0] == 0.0
    assert bench.calls(1300.0, 1400.0, 1500.0) == (60.0, None)
    assert bench.call_at(1600.0) == (0.0, about(100.0 - 5.0 - 2.0 - 1.0))


def test_a_question_without_a_call_since_teaches_nothing() -> None:
    bench = Bench()
    bench.calls(0.0, 300.0, 600.0)
    for _ in range(5):
        assert bench.ask(610.0, uses=1) == (60.0, None)


def test_of_several_calls_since_the_last_question_the_mean_gap_counts() -> None:
    """Three calls in 900 s are one gap of 300 s."""
    bench = Bench()
    bench.calls(0.0, 300.0, 600.0, 900.0)
    assert bench.call_at(1800.0, arrivals=3) == (0.0, about(292.0))


def test_before_any_call_an_instance_stays_for_keep_alive() -> None:
    assert Bench().ask(0.0, uses=0) == (60.0, None)


def test_a_start_forgets_all_periods() -> None:
    bench = Bench()
    for _ in range(2):
        assert bench.calls(0.0, 300.0, 600.0, 900.0) == (60.0, None)
        assert bench.call_at(1200.0)[0] == 0.0
        bench.restart()


@settings(derandomize=True, deadline=None, max_examples=100, database=None)
@given(
    period_s=st.floats(61.0, 1e5),
    cold_s=st.floats(0.0, 100.0),
    run_s=st.floats(0.0, 100.0),
    margin_s=st.floats(0.0, 20.0),
)
def test_a_periodic_function_always_meets_an_instance(
    period_s: float, cold_s: float, run_s: float, margin_s: float
) -> None:
    """The instance that stays, or the one started ahead, is there when the next call comes."""
    bench = Bench(TimerPrewarm(margin=margin_s), cold_s=cold_s, run_s=min(run_s, 0.9 * period_s))
    stays_s, ahead_s = bench.calls(*(k * period_s for k in range(6)))
    now_s, due_s = bench.clock.now_s, 6 * period_s
    if ahead_s is None:
        assert now_s + stays_s >= due_s - 1e-6
    else:
        ready_s = now_s + ahead_s + cold_s
        assert ready_s <= due_s - margin_s + 1e-6
        stays_s, _ = bench.ask(ready_s, uses=0)
        assert ready_s + stays_s >= due_s - 1e-6
