"""Routing by consistent hashing, with and without a bound on the load."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simtier.contract import Routing
from simtier.policies.routing.bounded_load_hash import BoundedLoadHash
from simtier.policies.routing.hash_affinity import HashAffinity
from simtier.policies.routing.ring import Ring, stable_hash
from simtier.streams import Streams
from simtier.testing import FakeNode, FakeReplica, FakeRequest, FakeSite, check_policy

KEYS = [f"camera-{number}" for number in range(2000)]
TEN = tuple(FakeReplica(id=number) for number in range(10))


def started(policy: Routing) -> Routing:
    """Return `policy`, ready to be asked."""
    policy.start(FakeSite(), Streams(0).stream("routing"))
    return policy


def chosen(policy: Routing, replicas: tuple[FakeReplica, ...], source: str) -> FakeReplica:
    """Return the replica for a request from `source`."""
    answer = policy.choose(FakeRequest(source=source), replicas)
    assert isinstance(answer, FakeReplica)
    return answer


def homes(policy: Routing, replicas: tuple[FakeReplica, ...]) -> dict[str, int]:
    """Return where each key goes."""
    return {key: chosen(policy, replicas, key).id for key in KEYS}


def test_the_hash_is_the_same_everywhere() -> None:
    assert stable_hash("camera-3") == 0xF476AD8CCD29BC54  # `printf camera-3 | b2sum -l 64`


@pytest.mark.parametrize("policy", [HashAffinity(), BoundedLoadHash()])
def test_only_the_keys_of_a_replica_that_goes_move_and_they_move_to_several(policy: Routing) -> None:
    before = homes(started(policy), TEN)
    after = homes(policy, TEN[:4] + TEN[5:])
    moved = {key for key in KEYS if before[key] != after[key]}
    assert moved == {key for key in KEYS if before[key] == 4}
    assert len({after[key] for key in moved}) > 5
    assert homes(policy, TEN) == before


def test_a_replica_that_joins_takes_about_its_share_and_nothing_else_moves() -> None:
    """With 100 places each the share of one of ten has a standard deviation of about a tenth of itself."""
    policy = started(HashAffinity())
    before = homes(policy, TEN[:9])
    after = homes(policy, TEN)
    moved = [key for key in KEYS if before[key] != after[key]]
    assert {after[key] for key in moved} == {9}
    assert 100 < len(moved) < 300


def test_a_ring_that_changed_is_the_ring_made_anew() -> None:
    ring = Ring(20)
    names = ["a", "b", "c", "d"]
    for members in (["a", "b", "c"], ["b", "c", "d"], ["d"], names):
        assert [[*ring.clockwise(key, members)] for key in KEYS[:50]] == [
            [*Ring(20).clockwise(key, members)] for key in KEYS[:50]
        ]
    assert sorted(ring.clockwise("key", names)) == names


def test_more_places_share_the_keys_out_more_evenly() -> None:
    few, many = (
        max(Counter(homes(started(HashAffinity(points=points)), TEN).values()).values()) for points in (1, 1000)
    )
    assert many < 250 < few


def test_the_key_may_be_the_workload_or_the_function() -> None:
    workload, function = started(HashAffinity(key="workload")), started(HashAffinity(key="function"))
    for policy in (workload, function):
        assert len({chosen(policy, TEN, key).id for key in KEYS[:50]}) == 1
    by_workload = {workload.choose(FakeRequest(workload=key), TEN).id for key in KEYS[:50]}
    by_stage = {function.choose(FakeRequest(stage=key), TEN).id for key in KEYS[:50]}
    assert len(by_workload) > 5
    assert len(by_stage) > 5


@pytest.mark.parametrize("policy", [HashAffinity(over="node"), BoundedLoadHash(over="node", epsilon=100.0)])
def test_over_nodes_a_key_keeps_its_node_when_replicas_change(policy: Routing) -> None:
    nodes = [FakeNode(name=name) for name in "abc"]
    old = tuple(FakeReplica(id=number, node=nodes[number % 3]) for number in range(6))
    new = tuple(FakeReplica(id=10 + number, node=nodes[number % 3]) for number in range(9))
    started(policy)
    before = {key: chosen(policy, old, key).node.name for key in KEYS[:100]}
    assert before == {key: chosen(policy, new, key).node.name for key in KEYS[:100]}
    assert set(before.values()) == {"a", "b", "c"}


def test_on_its_node_a_request_goes_to_the_least_busy_replica_and_the_older_of_two() -> None:
    replicas = tuple(FakeReplica(id=number, in_flight=load) for number, load in ((1, 3), (2, 1), (3, 1)))
    assert chosen(started(HashAffinity(over="node")), replicas, "camera").id == 2


@given(st.lists(st.integers(0, 20), min_size=1, max_size=8), st.sampled_from(KEYS), st.sampled_from([0.01, 0.25, 1.0]))
def test_no_replica_at_its_capacity_gets_a_request(loads: list[int], key: str, epsilon: float) -> None:
    replicas = tuple(FakeReplica(id=number, in_flight=load) for number, load in enumerate(loads))
    answer = chosen(started(BoundedLoadHash(epsilon=epsilon, points=5)), replicas, key)
    capacity = math.ceil(round((1 + epsilon) * (sum(loads) + 1) / len(loads), 9))
    assert answer.in_flight < capacity
    home = chosen(started(HashAffinity(points=5)), replicas, key)
    assert answer is home or home.in_flight >= capacity


@given(st.integers(1, 7), st.integers(1, 60), st.sampled_from(["one key", "many keys"]))
def test_requests_that_stay_never_load_a_replica_above_its_capacity(n: int, requests: int, keys: str) -> None:
    policy, loads = started(BoundedLoadHash(points=10)), [0] * n
    for number in range(requests):
        replicas = tuple(FakeReplica(id=each, in_flight=load) for each, load in enumerate(loads))
        loads[chosen(policy, replicas, KEYS[number] if keys == "many keys" else "hot").id] += 1
    assert max(loads) <= math.ceil(1.25 * requests / n)


def test_a_hot_key_overflows_to_its_neighbours_in_order() -> None:
    """Capacities ceil(1.25 m / 3) for m = 1 ... 8 are 1, 1, 2, 2, 3, 3, 3, 4: first, second, first, second, first, second, third, first."""
    policy, loads = started(BoundedLoadHash()), [0, 0, 0]
    order = []
    for _ in range(8):
        replicas = tuple(FakeReplica(id=each, in_flight=load) for each, load in enumerate(loads))
        order.append(chosen(policy, replicas, "hot").id)
        loads[order[-1]] += 1
    first, second, third = dict.fromkeys(order)
    assert order == [first, second, first, second, first, second, third, first]


def test_a_node_with_more_replicas_may_have_more_requests() -> None:
    """Of 8 requests in flight on 3 replicas 1.25 x 9 / 3 x 2 = 7.5 may be on the node with two of them, 3.75 on the other."""
    two, one = FakeNode(name="two"), FakeNode(name="one")
    for load_two, load_one in ((7, 1), (4, 4)):
        replicas = (
            FakeReplica(id=0, node=two, in_flight=load_two),
            FakeReplica(id=1, node=two),
            FakeReplica(id=2, node=one, in_flight=load_one),
        )
        policy = started(BoundedLoadHash(over="node"))
        seen = {chosen(policy, replicas, key).node.name for key in KEYS[:100]}
        assert seen == ({"one", "two"} if load_two == 7 else {"two"})


@pytest.mark.parametrize(
    "policy",
    [
        HashAffinity(),
        HashAffinity(key="function", over="node", points=3),
        BoundedLoadHash(),
        BoundedLoadHash(key="workload", over="node", epsilon=0.01),
    ],
)
def test_they_keep_every_promise_also_in_another_process(policy: Routing) -> None:
    check_policy(policy)
