"""The keep-alive policies that learn nothing of single functions, and what must hold of all of them."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simtier.contract import ExecutionView, FunctionView, InstanceView, KeepAlive, PoolView, function_views
from simtier.contract.function_views import CellView
from simtier.policies.keep_alive.faascache import FaasCache
from simtier.policies.keep_alive.fixed import Fixed
from simtier.policies.keep_alive.forever import Forever
from simtier.policies.keep_alive.hybrid_histogram import HybridHistogram
from simtier.policies.keep_alive.lru import Lru
from simtier.policies.keep_alive.none import NoKeepAlive
from simtier.policies.keep_alive.pool_prediction import PoolPrediction
from simtier.policies.keep_alive.rainbowcake import RainbowCake
from simtier.policies.keep_alive.timer_prewarm import TimerPrewarm
from simtier.streams import Streams
from simtier.testing import FakeClock, FakeSite
from simtier.testing.function_fakes import FakeCell, FakeExecution, FakeFunction, FakeInstance, FakePool

ALL = [NoKeepAlive, Forever, Fixed, HybridHistogram, FaasCache, Lru, RainbowCake, TimerPrewarm, PoolPrediction]
VIEWS = [
    name for name, kind in vars(function_views).items() if getattr(kind, "__module__", "") == function_views.__name__
]


def started(policy: KeepAlive, clock: FakeClock | None = None) -> KeepAlive:
    policy.start(FakeSite(clock=clock or FakeClock()), Streams(0).stream("keep_alive"))
    return policy


def test_what_is_not_kept_ends_at_once_and_what_is_kept_forever_never_does() -> None:
    assert started(NoKeepAlive()).idle_for(FakeInstance()) == 0.0
    assert started(Forever()).idle_for(FakeInstance()) == math.inf
    assert started(Lru()).idle_for(FakeInstance()) == math.inf


def test_a_fixed_time_is_10_minutes_unless_told_otherwise() -> None:
    assert started(Fixed()).idle_for(FakeInstance()) == 600.0
    assert started(Fixed(idle=60.0)).idle_for(FakeInstance(uses=0)) == 60.0


def test_the_least_recently_used_is_worth_least() -> None:
    idle = [FakeInstance(id=1, idle_since_s=30.0), FakeInstance(id=2, idle_since_s=10.0)]
    assert min(idle, key=started(Lru()).worth).id == 2


def test_only_policies_with_an_order_of_their_own_are_asked_for_it() -> None:
    assert [policy for policy in ALL if policy.worth is not KeepAlive.worth] == [FaasCache]


# -- the fakes


@pytest.mark.parametrize("view", VIEWS)
def test_each_fake_shows_all_that_its_view_shows(view: str) -> None:
    function: FunctionView = FakeFunction()
    instance: InstanceView = FakeInstance()
    cell: CellView = FakeCell()
    pool: PoolView = FakePool()
    execution: ExecutionView = FakeExecution()
    fakes = {
        "FunctionView": function,
        "InstanceView": instance,
        "CellView": cell,
        "PoolView": pool,
        "ExecutionView": execution,
    }
    shown = [name for part in getattr(function_views, view).__mro__ for name in vars(part) if not name.startswith("_")]
    assert len(shown) >= 6
    assert all(hasattr(fakes[view], name) for name in shown)
    with pytest.raises(FrozenInstanceError):
        setattr(fakes[view], shown[0], None)


# -- pools


def sizes(policy: PoolPrediction, demand: list[int]) -> list[int | None]:
    """Return the size after each interval in which that many were taken; every third of them found the pool empty."""
    total, answers = 0, []
    started(policy)
    for number in [0, *demand]:
        total += number
        answers.append(policy.pool_size(FakePool(taken=total - total // 3, missed=total // 3)))
    return answers


def test_a_pool_keeps_its_size_until_an_interval_has_passed() -> None:
    assert sizes(PoolPrediction(), []) == [None]


def test_a_pool_is_as_large_as_the_quantile_of_recent_demand() -> None:
    """Of the last four, the 0.75 quantile is the third smallest: of 4, 1, 9, 3 it is 4; of 1, 9, 3, 2 it is 3."""
    policy = PoolPrediction(quantile=0.75, recent=4, period=0.0)
    assert sizes(policy, [4, 1, 9, 3, 2]) == [None, 4, 4, 9, 4, 3]


def test_a_pool_is_as_large_as_what_was_taken_one_period_before() -> None:
    """A period of three intervals: the third is always 7, the others 0; with one recent interval only the season foresees it."""
    policy = PoolPrediction(recent=1, every=60.0, period=180.0, least=0)
    assert sizes(policy, [0, 0, 7, 0, 0, 7]) == [None, 0, 0, 7, 0, 7, 7]


def test_a_period_shorter_than_what_counts_as_recent_is_found_in_it() -> None:
    """A period of two intervals: the size is what was taken in the last but one, since the 0.1 quantile of five is the least."""
    policy = PoolPrediction(recent=5, quantile=0.1, every=60.0, period=120.0, least=0)
    assert sizes(policy, [5, 0, 0, 3, 0]) == [None, 5, 5, 0, 0, 3]


def test_a_pool_has_at_least_its_least_size() -> None:
    assert sizes(PoolPrediction(least=2), [0, 1]) == [None, 2, 2]


def test_pools_are_forecast_apart_and_forgotten_at_the_start() -> None:
    policy = PoolPrediction()
    for _ in range(2):
        started(policy)
        assert [policy.pool_size(FakePool(name=name)) for name in ("small", "large")] == [None, None]
        assert policy.pool_size(FakePool(name="small", taken=5)) == 5
        assert policy.pool_size(FakePool(name="large", taken=2)) == 2


def test_a_pool_policy_is_asked_as_often_as_it_says_and_keeps_instances_for_60_s() -> None:
    assert PoolPrediction(every=30.0).pool_every_s == 30.0
    assert Fixed().pool_every_s == math.inf
    assert started(PoolPrediction()).idle_for(FakeInstance()) == 60.0


# -- laws of all

seconds = st.floats(0.0, 1e6)
starts = st.one_of(seconds, st.just(math.nan))
moments = st.lists(
    st.tuples(
        seconds,  # since the moment before
        st.integers(0, 3),  # new arrivals
        st.floats(0.0, 1.0),  # how long ago the last one came, as a share of the time since then
        st.tuples(starts, starts, starts),
        st.sampled_from([0.0, 1.0, 128e6]),  # memory
        st.integers(0, 2),  # uses
        st.sampled_from("ab"),  # function
        st.sampled_from(["user", "language", "bare"]),
    ),
    max_size=25,
)


def play(policy: KeepAlive, told: list[Any]) -> list[Any]:
    """Ask `policy` at each moment how long the instance stays and when to start ahead."""
    clock = FakeClock()
    started(policy, clock)
    arrivals, last_s, answers = {"a": 0, "b": 0}, {"a": math.nan, "b": math.nan}, []
    for after_s, new, ago, layer_s, memory_bytes, uses, name, layer in told:
        clock.now_s += after_s
        if new:
            arrivals[name] += new
            last_s[name] = clock.now_s - ago * after_s
        function = FakeFunction(name=name, arrivals=arrivals[name], last_arrival_s=last_s[name], layer_s=layer_s)
        held = layer if policy.layered else "user"
        instance = FakeInstance(
            function=function, layer=held, memory_bytes=memory_bytes, uses=uses, idle_since_s=clock.now_s
        )
        answers += [policy.idle_for(instance), policy.prewarm(function), policy.worth(instance)]
    return answers


@pytest.mark.parametrize("kind", ALL)
@settings(derandomize=True, deadline=None, max_examples=60, database=None)
@given(told=moments)
def test_answers_are_legal_repeatable_and_begin_anew_at_each_start(kind: type[KeepAlive], told: list[Any]) -> None:
    policy = kind()
    answers = play(policy, told)
    for idle_s, ahead_s, worth in zip(answers[::3], answers[1::3], answers[2::3], strict=True):
        assert idle_s >= 0.0
        assert ahead_s is None or ahead_s >= 0.0
        assert not math.isnan(worth)
    assert play(policy, told) == answers == play(kind(), told)


@settings(derandomize=True, deadline=None, max_examples=60, database=None)
@given(demand=st.lists(st.integers(0, 1000), max_size=30), quantile=st.floats(0.01, 1.0))
def test_a_pool_is_never_larger_than_the_largest_demand_nor_smaller_than_the_least(
    demand: list[int], quantile: float
) -> None:
    for number, size in enumerate(sizes(PoolPrediction(quantile=quantile, period=300.0), demand)):
        assert size is None or 1 <= size <= max(1, *demand[:number])
