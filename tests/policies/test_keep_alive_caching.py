"""FaasCache and RainbowCake: what idle instances are worth, and how long each layer stays."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simtier.policies.keep_alive.faascache import FaasCache
from simtier.policies.keep_alive.rainbowcake import RainbowCake
from simtier.streams import Streams
from simtier.testing import FakeClock, FakeSite
from simtier.testing.function_fakes import FakeFunction, FakeInstance

about: Any = pytest.approx
laws = settings(derandomize=True, deadline=None, max_examples=100, database=None)
COST = {"A": 4.0, "B": 1.0, "C": 6.0}
MEGABYTES = {"A": 100.0, "B": 100.0, "C": 200.0}
RUNTIME = {"f": "python3", "g": "python3", "h": "node"}
SAVED_S = (0.5, 1.0, 2.0)


class Cache:
    """A greedy-dual cache of one instance a function: cost 4 s, 1 s, 6 s and 100 MB, 100 MB, 200 MB of A, B and C."""

    def __init__(self) -> None:
        self.policy = FaasCache()
        self.restart()

    def restart(self) -> None:
        self.arrivals = dict.fromkeys(COST, 0)
        self.policy.start(FakeSite(), Streams(0).stream("keep_alive"))

    def instance(self, name: str, *, ready: int = 1, queued: int = 0) -> FakeInstance:
        function = FakeFunction(
            name=name, layer_s=(0.0, 0.0, COST[name]), arrivals=self.arrivals[name], ready=ready, queued=queued
        )
        return FakeInstance(id=ord(name), function=function, memory_bytes=1e6 * MEGABYTES[name])

    def use(self, name: str) -> float:
        """Let a function be used, and its instance fall idle; return what that is worth."""
        self.arrivals[name] += 1
        assert self.policy.idle_for(self.instance(name)) == math.inf
        return self.worth(name)

    def worth(self, name: str) -> float:
        return self.policy.worth(self.instance(name))

    def evict(self, name: str, *, ready: int = 1, queued: int = 0) -> None:
        self.policy.ended(self.instance(name, ready=ready, queued=queued), "evicted")


def test_the_end_of_an_instance_that_drains_forgets_nothing_while_another_is_there() -> None:
    """One that drains is not among the ready ones: the one that is ready is another."""
    cache = Cache()
    worth = cache.use("A")
    cache.policy.ended(replace(cache.instance("A", ready=1), id=7, state="draining"), "expired")
    assert cache.worth("A") == worth
    cache.policy.ended(cache.instance("A", ready=1), "expired")
    cache.use("A")
    assert cache.worth("A") == about(0.04)  # its first use again


def test_greedy_dual_by_hand() -> None:
    """Cost / Size is 0.04, 0.01 and 0.03 s/MB.

    1. use A: 0 + 1 x 0.04 = 0.04       2. use B: 0 + 1 x 0.01 = 0.01
    3. room for C: B goes, clock 0.01   4. use C: 0.01 + 1 x 0.03 = 0.04
    5. use A: 0.01 + 2 x 0.04 = 0.09    6. room for B: C (0.04) goes, clock 0.04
    7. use B: 0.04 + 1 x 0.01 = 0.05, its frequency began anew
    8. use B: 0.04 + 2 x 0.01 = 0.06    9. room for C: B (0.06) goes, A (0.09) stays, clock 0.06
    10. use C: 0.06 + 1 x 0.03 = 0.09, as much as A
    """
    cache = Cache()
    assert cache.use("A") == about(0.04)
    assert cache.use("B") == about(0.01)
    cache.evict("B")
    assert cache.use("C") == about(0.04)
    assert cache.use("A") == about(0.09)
    assert cache.worth("C") < cache.worth("A")
    cache.evict("C")
    assert cache.use("B") == about(0.05)
    assert cache.use("B") == about(0.06)
    assert cache.worth("B") < cache.worth("A")
    cache.evict("B")
    assert cache.use("C") == about(0.09)
    assert cache.worth("A") == about(0.09)


def test_the_clock_does_not_make_those_idle_already_worth_more() -> None:
    cache = Cache()
    cache.use("A")
    cache.use("C")
    cache.evict("C")
    assert cache.worth("A") == about(0.04)


def test_an_idle_instance_is_worth_more_when_another_of_its_function_is_used() -> None:
    cache = Cache()
    assert cache.use("A") == about(0.04)
    cache.arrivals["A"] += 1
    assert cache.worth("A") == about(0.08)


def test_the_frequency_is_kept_while_the_function_has_another_instance() -> None:
    cache = Cache()
    cache.use("A")
    cache.evict("A", ready=2)
    assert cache.use("A") == about(0.04 + 2 * 0.04)


def test_a_request_that_waits_while_the_last_instance_goes_counts_for_the_next() -> None:
    cache = Cache()
    cache.use("A")
    cache.arrivals["A"] += 1
    cache.evict("A", queued=1)  # worth 0.08, which the clock goes to
    cache.policy.idle_for(cache.instance("A"))
    assert cache.worth("A") == about(0.08 + 0.04)


def test_a_start_sets_clock_and_frequencies_to_zero() -> None:
    cache = Cache()
    for _ in range(2):
        assert cache.use("A") == about(0.04)
        cache.use("B")
        cache.evict("B")
        cache.restart()


def test_what_costs_nothing_or_an_unknown_time_to_start_is_worth_the_clock_alone() -> None:
    policy = FaasCache()
    policy.start(FakeSite(), Streams(0).stream("keep_alive"))
    for cold_s in (0.0, math.nan):
        assert policy.worth(FakeInstance(function=FakeFunction(layer_s=(0.0, 0.0, cold_s), arrivals=3))) == 0.0


def test_an_instance_without_memory_is_worth_a_finite_amount() -> None:
    policy = FaasCache()
    policy.start(FakeSite(), Streams(0).stream("keep_alive"))
    assert policy.worth(FakeInstance(function=FakeFunction(arrivals=1), memory_bytes=0.0)) == about(1e6)


@laws
@given(steps=st.lists(st.tuples(st.sampled_from("ABC"), st.booleans()), max_size=40))
def test_the_clock_never_falls_and_nothing_idle_loses_worth(steps: list[tuple[str, bool]]) -> None:
    cache, clock = Cache(), 0.0
    worth: dict[str, float] = {}
    for name, evicts in steps:
        if evicts and name in worth:
            cache.evict(name)
            del worth[name]
        elif not evicts:
            worth[name] = cache.use(name)
        now = {each: cache.worth(each) for each in worth}
        assert all(now[each] >= worth[each] for each in worth)
        assert cache.policy._clock >= clock
        clock, worth = cache.policy._clock, now


# -- RainbowCake


class Rainbow:
    """RainbowCake with reuse 0.5 and 1 GB worth a second; functions "f" and "g" share a runtime, "h" has another."""

    def __init__(self, **parameters: Any) -> None:
        self.policy = RainbowCake(reuse=0.5, value=1e9, **parameters)
        self.clock = FakeClock(0.0)
        self.restart()

    def restart(self) -> None:
        self.clock.now_s = 0.0
        self.arrivals = dict.fromkeys(RUNTIME, 0)
        self.policy.start(FakeSite(clock=self.clock), Streams(0).stream("keep_alive"))

    def use(self, name: str, at_s: float) -> float:
        """Let an execution end at `at_s`; return how long the instance stays whole."""
        self.clock.now_s = at_s
        self.arrivals[name] += 1
        return self.ask(name)

    def ask(
        self, name: str, layer: str = "user", *, memory: float = 1e6, layer_s: tuple[float, float, float] = SAVED_S
    ) -> float:
        function = FakeFunction(name=name, runtime=RUNTIME[name], arrivals=self.arrivals[name], layer_s=layer_s)
        return self.policy.idle_for(FakeInstance(function=function, layer=layer, memory_bytes=memory))


def test_a_layer_of_which_no_rate_is_known_stays_as_long_as_it_can_pay() -> None:
    """0.5 x 1 GB x saved / 100 MB = 5 x saved: 10 s, 5 s, 2.5 s."""
    rainbow = Rainbow()
    assert [rainbow.ask("f", layer, memory=100e6) for layer in ("user", "language", "bare")] == [
        about(10.0),
        about(5.0),
        about(2.5),
    ]


def test_a_layer_stays_until_it_is_likely_to_be_reused_by_those_who_share_it() -> None:
    """f at 0, 10, 20 s; g at 5, 15 s; h at 12 s, seen when their executions end.

    At 20 s: f 2 since 0 s, 0.1 /s; its runtime 4 since 0 s, 0.2 /s; all 5 since 0 s, 0.25 /s. Median wait ln 2 / rate.
    """
    rainbow = Rainbow()
    for at_s, name in ((0.0, "f"), (5.0, "g"), (10.0, "f"), (12.0, "h"), (15.0, "g")):
        rainbow.use(name, at_s)
    assert rainbow.use("f", 20.0) == about(math.log(2) / 0.1)
    assert rainbow.ask("f", "language") == about(math.log(2) / 0.2)
    assert rainbow.ask("f", "bare") == about(math.log(2) / 0.25)


def test_the_loss_of_a_layer_is_no_arrival() -> None:
    rainbow = Rainbow()
    rainbow.use("f", 0.0)
    rainbow.use("f", 10.0)
    before = rainbow.ask("f", "bare")
    assert [rainbow.ask("f", "language"), rainbow.ask("f", "bare")] == [before, before]


def test_a_rate_is_taken_over_the_last_executions_only() -> None:
    """With a history of 2: after gaps of 10, 10, 2, 1 s the rate is 2 / 3 s."""
    rainbow = Rainbow(history=2)
    stays = [rainbow.use("f", at_s) for at_s in (0.0, 10.0, 20.0, 22.0, 23.0)]
    assert stays[-1] == about(1.5 * math.log(2))


def test_a_layer_that_saves_nothing_or_an_unknown_time_goes_at_once() -> None:
    rainbow = Rainbow()
    assert rainbow.ask("f", layer_s=(1.0, 1.0, 0.0)) == 0.0
    assert rainbow.ask("f", layer_s=(1.0, 1.0, math.nan)) == 0.0
    assert rainbow.ask("f", layer_s=(1.0, 1.0, 0.0), memory=0.0) == 0.0


def test_a_layer_without_memory_stays_until_reused() -> None:
    rainbow = Rainbow()
    assert rainbow.ask("f", memory=0.0) == math.inf
    rainbow.use("f", 0.0)
    rainbow.use("f", 10.0)
    assert rainbow.ask("f", memory=0.0) == about(10 * math.log(2))


def test_it_has_layers_and_its_start_forgets_all_rates() -> None:
    rainbow = Rainbow()
    assert rainbow.policy.layered
    for _ in range(2):
        assert rainbow.use("f", 0.0) == about(1000.0)
        assert rainbow.use("f", 10.0) == about(10 * math.log(2))
        rainbow.restart()


@laws
@given(
    gaps=st.lists(st.tuples(st.floats(0.0, 1e4), st.sampled_from("fgh")), min_size=1, max_size=30),
    memory=st.floats(1e6, 1e10),
)
def test_a_layer_shared_by_more_never_waits_longer_to_be_reused(gaps: list[tuple[float, str]], memory: float) -> None:
    """All layers save as much here, so that only the rates differ; a history longer than the story has them all since its beginning."""
    rainbow, at_s, same = Rainbow(history=100), 0.0, (1.0, 1.0, 1.0)
    for name in "fgh":
        rainbow.use(name, 0.0)
    for gap_s, name in gaps:
        at_s += gap_s
        rainbow.use(name, at_s)
        user, language, bare = (
            rainbow.ask(name, layer, memory=memory, layer_s=same) for layer in ("user", "language", "bare")
        )
        assert bare <= language <= user <= 0.5 * 1e9 / memory * (1 + 1e-12)
