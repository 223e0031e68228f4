"""Pools of instances: what a search finds, what it costs, how pools fill up, and what nodes keep."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from cold_starting import FUNCTION, MB, model, start
from hypothesis import example, given, settings
from hypothesis import strategies as st

from simtier.models.cold_starts.cache import LruCache
from simtier.models.cold_starts.pool import Pool
from simtier.models.serverless.spec import COMPONENTS
from simtier.world.cold_starts import pools_of

ALLOCATING, CODE, DEPENDENCIES = (
    COMPONENTS.index(name) for name in ("allocating", "deploying_code", "deploying_dependencies")
)
POOLS = {"512 MB": {"size": 1, "refill": "4 s"}, "128 MB": {"size": 2, "refill": "10 s"}}


def written(**more: Any) -> dict[str, Any]:
    base = {"model": "pools", "pools": POOLS, "from_pool": "10 ms", "from_scratch": "8 s"}
    return {**base, "search": ["1 s", "2 s"], "no_pool": ["Custom"], **more}


def allocated(made: Any, now_s: float = 0.0, **what: Any) -> float:
    seconds: float = made.times(start(0, now_s, **what))[ALLOCATING]
    return seconds


def counts(made: Any) -> list[tuple[str, int, int, int, int]]:
    views = [pool.view for pool in pools_of(made)]
    return [(view.name, view.size, view.available, view.taken, view.missed) for view in views]


def test_the_search_widens_from_the_own_size_to_larger_ones_and_then_starts_from_scratch() -> None:
    made = model(written())
    assert [allocated(made) for _ in range(4)] == [1.01, 1.01, 3.01, 11.0]
    assert counts(made) == [("128 MB", 2, 0, 2, 2), ("512 MB", 1, 0, 1, 1)]
    assert {view.platform for view in (pool.view for pool in pools_of(made))} == {"faas"}


def test_a_function_takes_from_pools_that_are_large_enough_only() -> None:
    made = model(written())
    middle, large = replace(FUNCTION, memory_bytes=300 * MB), replace(FUNCTION, memory_bytes=600 * MB)
    assert [allocated(made, function=middle) for _ in range(2)] == [1.01, 11.0]
    assert allocated(made, function=large) == 8.0  # there is nothing to search
    assert counts(made) == [("128 MB", 2, 2, 0, 0), ("512 MB", 1, 0, 1, 1)]


def test_custom_images_never_come_from_a_pool() -> None:
    made = model(written())
    assert allocated(made, function=replace(FUNCTION, runtime="custom")) == 8.0
    assert counts(made) == [("128 MB", 2, 2, 0, 0), ("512 MB", 1, 1, 0, 0)]


def test_no_search_finds_nothing() -> None:
    made = model(written(search=[]))
    assert allocated(made) == made.expected(FUNCTION)[ALLOCATING] == 8.0


def test_a_pool_is_filled_up_one_after_the_other() -> None:
    made = model(written())
    assert [allocated(made, 0.0), allocated(made, 1.0)] == [1.01, 1.01]  # ready again at 10 s and 20 s
    (pool, _) = pools_of(made)
    assert [pool.available_at(t) for t in (1.0, 9.999, 10.0, 19.999, 20.0, 99.0)] == [0, 0, 1, 1, 2, 2]
    assert allocated(made, 10.0) == 1.01  # and one more is missing: 20 s, 30 s
    assert [pool.available_at(t) for t in (10.0, 20.0, 29.9, 30.0, 99.0)] == [0, 1, 1, 2, 2]
    assert allocated(made, 50.0) == 1.01  # full before: begun anew
    assert [pool.available_at(t) for t in (50.0, 59.9, 60.0)] == [1, 1, 2]


def test_policies_see_the_present_of_a_pool_and_may_resize_it() -> None:
    time = [0.0]
    made = model(written(), now=lambda: time[0])
    (pool, _) = pools_of(made)
    allocated(made)
    assert pool.view.available == 1
    time[0] = 10.0
    assert pool.view.available == 2
    pool.resize(4, 12.0)
    assert (pool.view.size, [pool.available_at(t) for t in (12.0, 21.9, 22.0, 32.0, 99.0)]) == (4, [2, 2, 3, 4, 4])
    pool.resize(1, 22.0)
    assert [pool.available_at(t) for t in (22.0, 99.0)] == [1, 1]
    pool.resize(0, 23.0)
    assert (pool.available_at(99.0), pool.take(99.0), pool.view.missed) == (0, False, 1)
    with pytest.raises(ValueError, match="pool '128 MB' of platform 'faas' cannot have a size of -1"):
        pool.resize(-1, 100.0)
    with pytest.raises(AttributeError):
        pool.view.size = 3  # type: ignore[misc]


STEPS = st.lists(
    st.tuples(st.integers(0, 40), st.one_of(st.just("take"), st.just("look"), st.integers(0, 4))), max_size=40
)


class SlowPool:
    """A pool that makes its instances event by event."""

    def __init__(self, size: int, refill: Fraction) -> None:
        self.size, self.ready, self.refill = size, size, refill
        self.next: Fraction | None = None

    def until(self, now: Fraction) -> None:
        while self.next is not None and self.next <= now:
            self.ready += 1
            self.next = self.next + self.refill if self.ready < self.size else None

    def take(self, now: Fraction) -> bool:
        self.until(now)
        if not self.ready:
            return False
        self.ready -= 1
        self.next = self.next if self.next is not None else now + self.refill
        self.until(now)
        return True

    def resize(self, size: int, now: Fraction) -> None:
        self.until(now)
        self.size = size
        if self.ready >= size:
            self.ready, self.next = size, None
        elif self.next is None:
            self.next = now + self.refill
        self.until(now)


@given(size=st.integers(0, 4), refill=st.integers(0, 24), steps=STEPS)
@settings(deadline=None)
def test_a_pool_is_what_its_slow_twin_is_and_never_below_zero_or_above_its_size(
    size: int, refill: int, steps: list[tuple[int, Any]]
) -> None:
    fast, slow = Pool("faas", "1 MB", MB, size, refill / 8, None), SlowPool(size, Fraction(refill, 8))
    now = Fraction(0)
    for gap, what in steps:
        now += Fraction(gap, 8)
        if what == "take":
            assert fast.take(float(now)) == slow.take(now)
        elif what == "look":
            slow.until(now)
        else:
            fast.resize(what, float(now))
            slow.resize(what, now)
        assert 0 <= fast.available_at(float(now)) == slow.ready <= fast.size == slow.size


@example(passed=29 * 18.783, refill=18.783)  # whose quotient is below 29
@example(passed=math.nextafter(9 * 11.385, 0), refill=11.385)  # whose quotient is 9
@given(passed=st.floats(0, 1e6), refill=st.floats(1e-6, 1e4))
def test_the_nth_instance_is_ready_at_n_times_the_refill(passed: float, refill: float) -> None:
    pool = Pool("faas", "1 MB", MB, 50, refill, None)
    for _ in range(50):
        pool.take(0.0)
    made = pool.available_at(passed)
    assert made == 50 or made * refill <= passed < (made + 1) * refill


def test_code_and_dependencies_come_at_the_bandwidth_and_stay_on_the_node() -> None:
    made = model(written(bandwidth="100 MB/s", cache="60 MB", cached="3 ms"))
    function = replace(FUNCTION, code_bytes=10 * MB, dependency_bytes=50 * MB)
    other = replace(function, name="other", code_bytes=20 * MB, dependency_bytes=0.0)

    def fetched(**what: Any) -> tuple[float, float]:
        times = made.times(start(**what))
        return times[CODE], times[DEPENDENCIES]

    assert made.expected(function)[CODE] == 0.1
    assert fetched(function=function) == (0.1, 0.5)
    assert fetched(function=function) == (0.003, 0.003)
    assert fetched(function=function, node="n1") == (0.1, 0.5)  # a cache of its own
    assert fetched(function=other) == (0.2, 0.0)  # no room for both: the oldest go
    assert fetched(function=other) == (0.003, 0.0)
    assert fetched(function=function) == (0.1, 0.5)
    assert fetched(function=FUNCTION) == (0.0, 0.0)  # nothing to fetch


def test_without_a_bandwidth_fetching_takes_no_time() -> None:
    function = replace(FUNCTION, code_bytes=10 * MB)
    assert model(written()).times(start(function=function))[CODE] == 0.0


@given(
    size=st.integers(0, 50),
    asked=st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(1, 30)), max_size=60),
)
def test_a_cache_keeps_the_last_used_that_fit_and_never_holds_more_than_its_size(
    size: int, asked: list[tuple[str, int]]
) -> None:
    cache, sizes = LruCache(float(size)), dict(reversed(asked))
    recent: list[str] = []
    for thing, _ in asked:
        assert cache.hit(thing, float(sizes[thing])) == (thing in recent)
        recent = [thing, *(each for each in recent if each != thing)] if sizes[thing] <= size else recent
        while sum(sizes[each] for each in recent) > size:
            recent.pop()
        assert cache.bytes == sum(sizes[each] for each in recent) <= size


def test_scheduling_grows_with_the_starts_under_way() -> None:
    made = model(written(scheduling="50 ms", scheduling_per_start="2 ms"))
    assert [made.times(start(under_way=n))[0] for n in (0, 10)] == pytest.approx([0.05, 0.07])


def test_what_is_expected_takes_no_instance_and_caches_nothing() -> None:
    more = {"starting_runtime": "300 ms", "initialising": "1 s", "bandwidth": "10 MB/s", "cache": "1 GB"}
    made = model(written(**more))
    function = replace(FUNCTION, code_bytes=10 * MB, dependency_bytes=20 * MB)
    assert made.expected(function) == (0.0, 1.01, 0.3, 1.0, 2.0, 1.0)
    assert made.expected(replace(function, runtime="Custom"))[ALLOCATING] == 8.0
    assert counts(made) == [("128 MB", 2, 2, 0, 0), ("512 MB", 1, 1, 0, 0)]
    assert made.times(start(function=function)) == (0.0, 1.01, 0.3, 1.0, 2.0, 1.0)


def test_random_times_of_pools_depend_on_the_number_of_the_start() -> None:
    random = {"distribution": "exponential", "mean": "1 s"}
    one, other = (model(written(initialising=random, from_scratch=random, search=[])) for _ in range(2))
    first = [one.times(start(number)) for number in range(10)]
    assert first == [other.times(start(number)) for number in reversed(range(10))][::-1]
    assert len(set(first)) == 10
