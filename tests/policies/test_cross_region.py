"""Routing to the warmest, and to the nearest unless going further is quicker."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import MappingProxyType

import pytest

from simtier.contract import WAIT, Routing
from simtier.policies.routing.cross_region import CrossRegion
from simtier.policies.routing.warm_first import WarmFirst
from simtier.streams import Streams
from simtier.testing import (
    FakeCell,
    FakeClock,
    FakeFunction,
    FakeNode,
    FakeReplica,
    FakeRequest,
    FakeService,
    FakeSite,
    check_policy,
)

REQUEST = FakeRequest(at="home")


@dataclass(frozen=True, kw_only=True)
class Instance(FakeReplica):
    """What these policies read of an instance."""

    idle_since_s: float = math.nan


def started(policy: Routing, clock: FakeClock | None = None) -> Routing:
    """Return `policy` on a site where "near" is 10 ms away and "far" 110 ms, and work takes 50 ms."""
    site = FakeSite(
        clock=clock or FakeClock(),
        services=MappingProxyType({"detect": FakeService(work_s=0.05)}),
        latencies=MappingProxyType({("home", "near"): 0.01, ("home", "far"): 0.11}),
    )
    policy.start(site, Streams(0).stream("routing"))
    return policy


def pair(near: int, far: int, concurrency: int = 1) -> tuple[FakeReplica, ...]:
    """Return a far and a near replica with so many requests in flight."""
    return (
        FakeReplica(id=1, node=FakeNode(name="far"), in_flight=far, concurrency=concurrency),
        FakeReplica(id=2, node=FakeNode(name="near"), in_flight=near, concurrency=concurrency),
    )


@pytest.mark.parametrize(
    ("near", "far", "where"), [(0, 0, "near"), (1, 0, "near"), (3, 0, "far"), (3, 2, "near"), (9, 2, "far")]
)
def test_a_request_goes_further_only_if_it_is_quicker(near: int, far: int, where: str) -> None:
    """10 ms and 50 ms for each request ahead against 110 ms and 50 ms for each: three ahead are 160 ms against 110 ms."""
    assert started(CrossRegion()).choose(REQUEST, pair(near, far)).node.name == where


def test_requests_within_the_slots_cause_no_wait() -> None:
    """Four slots: 3 in flight, none waits; 12 in flight, 9 departures one every 12.5 ms: 122.5 ms against 110 ms."""
    policy = started(CrossRegion())
    assert [policy.choose(REQUEST, pair(near, 0, concurrency=4)).node.name for near in (3, 11, 12)] == [
        "near",
        "near",
        "far",
    ]


def test_the_way_back_and_a_margin_keep_requests_near() -> None:
    """Three ahead: 160 ms against 110 ms is a gain of 50 ms; with the way back 170 ms against 220 ms none; of four ahead, none either."""
    three = pair(3, 0)
    assert started(CrossRegion(round_trip=True)).choose(REQUEST, three).node.name == "near"
    assert started(CrossRegion(round_trip=True)).choose(REQUEST, pair(5, 0)).node.name == "far"
    assert started(CrossRegion(margin=0.06)).choose(REQUEST, three).node.name == "near"
    assert started(CrossRegion(margin=0.04)).choose(REQUEST, three).node.name == "far"


def test_of_equally_near_replicas_the_quicker_is_taken_then_the_older() -> None:
    replicas = tuple(
        FakeReplica(id=number, node=FakeNode(name="near"), in_flight=load) for number, load in ((3, 1), (2, 0), (1, 0))
    )
    assert started(CrossRegion()).choose(REQUEST, replicas).id == 1


def cells(near: int, far: int, cold_s: float) -> tuple[FakeCell, ...]:
    """Return a far and a near cell with so many warm instances of a function that takes `cold_s` to start."""
    function = FakeFunction(layer_s=(0.0, 0.0, cold_s))
    return (
        FakeCell(id=1, node=FakeNode(name="far"), warm=far, function=function),
        FakeCell(id=2, node=FakeNode(name="near"), warm=near, function=function),
    )


def test_a_warm_instance_far_away_is_taken_if_a_start_here_takes_longer_than_the_way() -> None:
    """The far cell is 100 ms further away than the near one."""
    policy = started(CrossRegion())
    assert policy.choose(REQUEST, cells(0, 1, 0.11)).node.name == "far"
    assert policy.choose(REQUEST, cells(0, 1, 0.09)).node.name == "near"
    assert policy.choose(REQUEST, cells(1, 1, 0.11)).node.name == "near"
    assert policy.choose(REQUEST, cells(0, 0, 5.0)).node.name == "near"


def test_the_instance_that_fell_idle_last_is_taken_and_of_two_the_older() -> None:
    replicas = [Instance(id=number, idle_since_s=since) for number, since in ((1, 5.0), (2, 9.0), (3, 9.0), (4, 2.0))]
    full = Instance(id=5, in_flight=2, concurrency=2)
    assert started(WarmFirst()).choose(REQUEST, [*replicas, full]).id == 2


def test_a_busy_instance_with_a_free_slot_comes_before_idle_ones() -> None:
    idle, busy = Instance(id=1, idle_since_s=9.0, concurrency=2), Instance(id=2, in_flight=1, concurrency=2)
    assert started(WarmFirst()).choose(REQUEST, [idle, busy]).id == 2


def test_of_busy_replicas_with_a_free_slot_the_one_chosen_last_is_taken_and_without_one_it_waits() -> None:
    policy = started(WarmFirst())
    one, two, full = (FakeReplica(id=each, in_flight=load, concurrency=4) for each, load in ((1, 1), (2, 3), (3, 4)))
    assert policy.choose(REQUEST, [one, two, full]).id == 2
    assert policy.choose(REQUEST, [one, full]).id == 1
    assert policy.choose(REQUEST, [one, two, full]).id == 1
    assert policy.choose(REQUEST, [full]) is WAIT


def test_plain_replicas_are_idle_since_they_were_chosen_last() -> None:
    policy = started(WarmFirst())
    idle = {number: FakeReplica(id=number) for number in (1, 2, 3)}
    busy = {number: FakeReplica(id=number, in_flight=1) for number in (1, 2, 3)}
    assert policy.choose(REQUEST, [*idle.values()]).id == 3
    assert policy.choose(REQUEST, [idle[1], idle[2], busy[3]]).id == 2
    assert policy.choose(REQUEST, [idle[1], busy[2], busy[3]]).id == 1
    assert policy.choose(REQUEST, [idle[1], busy[2], idle[3]]).id == 1
    assert policy.choose(REQUEST, [busy[1], idle[2], idle[3]]).id == 2
    started(policy)
    assert policy.choose(REQUEST, [*idle.values()]).id == 3


def test_replicas_that_are_gone_are_forgotten() -> None:
    policy = started(WarmFirst())
    for number in range(100):
        policy.choose(REQUEST, [FakeReplica(id=number), FakeReplica(id=number + 1, in_flight=1)])
    assert isinstance(policy, WarmFirst)
    assert len(policy._last) <= 4


@pytest.mark.parametrize("policy", [CrossRegion(), CrossRegion(margin=0.02, round_trip=True), WarmFirst()])
def test_they_keep_every_promise(policy: Routing) -> None:
    check_policy(policy)
