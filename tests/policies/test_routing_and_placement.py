"""Which replica and which node the built-in policies take."""

from __future__ import annotations

from collections import Counter

import pytest

from simtier.contract import Routing
from simtier.policies.placement.best_fit import BestFit
from simtier.policies.placement.first_fit import FirstFit
from simtier.policies.placement.least_loaded import LeastLoaded
from simtier.policies.routing.least_in_flight import LeastInFlight
from simtier.policies.routing.lowest_latency import LowestLatency
from simtier.policies.routing.power_of_two import PowerOfTwo
from simtier.policies.routing.random_replica import RandomReplica
from simtier.policies.routing.round_robin import RoundRobin
from simtier.streams import Streams
from simtier.testing import FakeNode, FakeReplica, FakeReplicaSpec, FakeRequest, FakeSite

REQUEST = FakeRequest(at="camera")
A, B, C, D = (FakeReplica(id=number, in_flight=load) for number, load in ((1, 4), (2, 3), (3, 3), (4, 9)))


def chosen(policy: Routing, times: int, *replicas: FakeReplica) -> list[int]:
    """Start `policy` and return the ids it chooses."""
    policy.start(FakeSite(), Streams(7).stream("routing"))
    return [policy.choose(REQUEST, replicas).id for _ in range(times)]


def test_round_robin_takes_each_in_turn() -> None:
    assert chosen(RoundRobin(), 5, A, B, C) == [1, 2, 3, 1, 2]


def test_round_robin_uses_no_turn_when_there_is_no_choice() -> None:
    policy = RoundRobin()
    policy.start(FakeSite(), Streams(7).stream("routing"))
    assert [policy.choose(REQUEST, some).id for some in ((A, B), (C,), (C,), (A, B))] == [1, 3, 3, 2]


def test_random_takes_all_equally_often() -> None:
    """Each count is binomial(6000, 1/3): 5 standard deviations are 183."""
    counts = Counter(chosen(RandomReplica(), 6000, A, B, C))
    assert all(abs(counts[each.id] - 2000) < 183 for each in (A, B, C))


def test_the_least_busy_replica_is_taken_and_the_older_of_two() -> None:
    assert chosen(LeastInFlight(), 1, A, C, B, D) == [2]


def test_power_of_two_never_takes_the_busiest_and_takes_the_better_of_each_pair() -> None:
    """Of four replicas six pairs are equally likely: B wins 3, C 2, A 1, D none (5 standard deviations of 6000: 194)."""
    counts = Counter(chosen(PowerOfTwo(), 6000, A, B, C, D))
    assert counts[D.id] == 0
    assert abs(counts[B.id] - 3000) < 194
    assert abs(counts[C.id] - 2000) < 183
    assert abs(counts[A.id] - 1000) < 145


def test_power_of_one_is_random_and_power_of_all_is_the_least_busy() -> None:
    assert set(chosen(PowerOfTwo(d=1), 200, A, B, C, D)) == {1, 2, 3, 4}
    assert set(chosen(PowerOfTwo(d=4), 50, A, B, C, D)) == {2}
    assert set(chosen(PowerOfTwo(d=9), 50, A, B, C, D)) == {2}


@pytest.mark.parametrize(
    ("latencies", "best"),
    [((0.02, 0.01, 0.03), 2), ((0.01, 0.01, 0.03), 2), ((0.03, 0.01, 0.01), 2), ((0.01, 0.02, 0.02), 1)],
)
def test_the_nearest_replica_is_taken_then_the_less_busy_then_the_older(
    latencies: tuple[float, ...], best: int
) -> None:
    replicas = [
        FakeReplica(id=each.id, in_flight=each.in_flight, node=FakeNode(name=name))
        for each, name in zip((A, B, C), "xyz", strict=True)
    ]
    policy = LowestLatency()
    far = {("camera", name): latency for name, latency in zip("xyz", latencies, strict=True)}
    policy.start(FakeSite(latencies=far), Streams(7).stream("routing"))
    assert policy.choose(REQUEST, replicas).id == best


SPEC = FakeReplicaSpec(cores=2.0, memory_bytes=4e9)


def node(name: str, cores_free: float, memory_free_bytes: float, replicas: int = 0, cores: float = 8.0) -> FakeNode:
    """Return a node of 8 cores and 16 GB."""
    return FakeNode(
        name=name, cores=cores, cores_free=cores_free, memory_free_bytes=memory_free_bytes, replicas=replicas
    )


def test_first_fit_takes_the_first_node() -> None:
    nodes = (node("a", 8, 16e9), node("b", 2, 4e9))
    assert FirstFit().place(SPEC, nodes) is nodes[0]


def test_best_fit_takes_the_node_with_least_room_left() -> None:
    """Left are (0.25, 0), (0, 0.25 + 1/16) and (0.125, 0.125): norms 0.25, 0.3125, 0.177."""
    nodes = (node("a", 4, 4e9), node("b", 2, 9e9), node("c", 3, 6e9))
    assert BestFit().place(SPEC, nodes) is nodes[2]


def test_best_fit_takes_the_first_of_equals_and_can_do_without_cores() -> None:
    nodes = (node("a", 4, 8e9), node("b", 4, 8e9))
    assert BestFit().place(SPEC, nodes) is nodes[0]
    coreless = (node("a", 0, 16e9, cores=0.0), node("b", 0, 8e9, cores=0.0))
    assert BestFit().place(FakeReplicaSpec(cores=0.0), coreless) is coreless[1]


def test_least_loaded_takes_the_largest_free_share_then_the_fewest_replicas_then_the_first() -> None:
    nodes = (
        node("a", 8, 9e9, cores=32.0),
        node("b", 4, 9e9, replicas=3),
        node("c", 4, 9e9, replicas=1),
        node("d", 4, 9e9, 1),
    )
    assert LeastLoaded().place(SPEC, nodes) is nodes[2]
    assert LeastLoaded().place(SPEC, (node("a", 0, 9e9, cores=0.0), node("b", 4, 9e9))).name == "b"
