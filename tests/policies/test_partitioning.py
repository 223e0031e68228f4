"""Where partitioning policies cut: worked examples, and the exact minimum against all splits."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simtier.policies.partitioning.all_on_tier import AllOnCloud, AllOnDevice, AllOnEdge, AllOnTier
from simtier.policies.partitioning.fixed_cut import FixedCut
from simtier.policies.partitioning.neurosurgeon import Neurosurgeon
from simtier.testing import FakeHop, FakeRequest, FakeSplit, FakeTier

REQUEST = FakeRequest()
UPLINK = FakeHop(latency_s=0.01, rate_bytes_per_s=1e6, joules_per_byte=1e-6)


def path(*tiers: FakeTier, hop: FakeHop = UPLINK, crossing: Sequence[float] = (1e6, 1e4, 1e3)) -> FakeSplit:
    """Return the request's own node and the tiers beyond it, each over one `hop` more."""
    hops = (FakeHop(), *(hop,) * (len(tiers) - 1))
    return FakeSplit(tiers=tiers, hops=hops, returns=hops, crossing_bytes=tuple(crossing))


DEVICE = FakeTier(tier="device", layer_s=(0.1, 0.4), active_w=2.0)
EDGE = FakeTier(tier="edge", layer_s=(0.02, 0.08), active_w=50.0)
CLOUD = FakeTier(tier="cloud", layer_s=(0.001, 0.004), active_w=250.0)


def test_all_on_one_tier_gives_it_every_layer() -> None:
    three = path(DEVICE, EDGE, CLOUD)
    assert AllOnDevice().split(REQUEST, three) == (2, 2)
    assert AllOnEdge().split(REQUEST, three) == (0, 2)
    assert AllOnCloud().split(REQUEST, three) == (0, 0)
    assert AllOnTier(tier="edge").split(REQUEST, path(DEVICE, EDGE)) == (0,)


def test_all_on_a_tier_that_the_path_lacks_names_the_tiers_there_are() -> None:
    with pytest.raises(ValueError, match=r"^no tier of this path is called 'cloud' \(known: device, edge\)$"):
        AllOnCloud().split(REQUEST, path(DEVICE, EDGE))


def test_of_two_tiers_with_one_name_the_nearest_gets_the_layers() -> None:
    assert AllOnEdge().split(REQUEST, path(DEVICE, EDGE, EDGE)) == (0, 2)


def test_fixed_cuts_are_answered_as_they_are_or_refused() -> None:
    assert FixedCut(cuts=(1, 2)).split(REQUEST, path(DEVICE, EDGE, CLOUD)) == (1, 2)
    with pytest.raises(ValueError, match=r"cuts \[1, 2\] do not fit 2 tiers \(device, edge\): one fewer needed"):
        FixedCut(cuts=(1, 2)).split(REQUEST, path(DEVICE, EDGE))
    with pytest.raises(ValueError, match=r"cuts \[3\] do not fit 2 layers"):
        FixedCut(cuts=(3,)).split(REQUEST, path(DEVICE, EDGE))
    with pytest.raises(ValueError, match=r"cuts \[2, 1\] do not fit 2 layers: they must not decrease"):
        FixedCut(cuts=(2, 1)).split(REQUEST, path(DEVICE, EDGE, CLOUD))


def test_latency_is_least_after_the_layer_that_shrinks_the_data() -> None:
    """All on the device: 0.5 s. All on the edge: 0.01 + 1 s and more. After layer 1: 0.1 + 0.01 + 0.01 + 0.08 + 0.011 s."""
    assert Neurosurgeon().split(REQUEST, path(DEVICE, EDGE)) == [1]


def test_energy_is_least_where_power_times_time_is() -> None:
    """Device: 2 W x 0.5 s = 1 J. After layer 1: 0.2 J + 0.01 J + 50 W x 0.08 s = 4.2 J."""
    assert Neurosurgeon(objective="energy").split(REQUEST, path(DEVICE, EDGE)) == [2]


def test_a_tier_without_layers_is_passed_through() -> None:
    slow_edge = FakeTier(tier="edge", layer_s=(9.0, 9.0))
    assert Neurosurgeon().split(REQUEST, path(DEVICE, slow_edge, CLOUD)) == [1, 1]


def test_a_loaded_tier_is_left_to_others_when_load_counts() -> None:
    busy = FakeTier(tier="edge", layer_s=(0.02, 0.08), queued=10)
    assert Neurosurgeon().split(REQUEST, path(DEVICE, busy)) == [1]
    assert Neurosurgeon(load_factor=0.5).split(REQUEST, path(DEVICE, busy)) == [2]


def test_of_equal_splits_the_one_nearest_the_request_is_taken() -> None:
    free = FakeHop()
    same = FakeTier(tier="edge", layer_s=DEVICE.layer_s)
    assert Neurosurgeon().split(REQUEST, path(DEVICE, same, same, hop=free)) == [2, 2]


@pytest.mark.parametrize("objective", ["latency", "energy"])
def test_nothing_is_sent_over_a_dead_link(objective: str) -> None:
    dead = FakeHop(rate_bytes_per_s=0.0)
    free_edge = FakeTier(tier="edge", layer_s=(0.0, 0.0), active_w=0.0)
    assert Neurosurgeon(objective=objective).split(REQUEST, path(DEVICE, free_edge, hop=dead)) == [2]


def test_a_network_without_layers_has_its_cuts_at_zero() -> None:
    nothing = FakeTier(layer_s=())
    assert Neurosurgeon().split(REQUEST, path(nothing, nothing, nothing, crossing=(5.0,))) == [0, 0]


# The slow and obvious twin: the cost of one split as its docstring states it, and the least of all splits.


def over(hop: FakeHop, nbytes: float, objective: str) -> float:
    """Return the cost of moving `nbytes` over `hop`."""
    if nbytes and not hop.rate_bytes_per_s:
        return math.inf
    if objective == "energy":
        return hop.joules_per_byte * nbytes
    return hop.latency_s + (nbytes / hop.rate_bytes_per_s if nbytes else 0.0)


def cost(cuts: Sequence[int], split: FakeSplit, objective: str, load_factor: float) -> float:
    """Return the cost of one split."""
    layers = len(split.crossing_bytes) - 1
    starts, ends = (0, *cuts), (*cuts, layers)
    last = max(k for k in range(len(split.tiers)) if ends[k] > starts[k])
    total = over(split.returns[last], split.crossing_bytes[layers], objective)
    for k in range(last + 1):
        tier = split.tiers[k]
        weight = tier.active_w if objective == "energy" else 1.0 + load_factor * tier.queued
        total += over(split.hops[k], split.crossing_bytes[starts[k]], objective)
        total += weight * sum(tier.layer_s[starts[k] : ends[k]])
    return total


def all_cuts(split: FakeSplit) -> list[tuple[int, ...]]:
    """Return every way to split, those that keep layers nearest the request first."""
    layers = len(split.crossing_bytes) - 1
    ways = itertools.combinations_with_replacement(range(layers + 1), len(split.tiers) - 1)
    return sorted(ways, reverse=True)


def splits(numbers: st.SearchStrategy[float], rates: st.SearchStrategy[float]) -> st.SearchStrategy[FakeSplit]:
    """Return paths of 2 to 4 tiers and networks of 1 to 6 layers."""
    hop = st.builds(FakeHop, latency_s=numbers, rate_bytes_per_s=rates, joules_per_byte=numbers)

    def of_size(size: tuple[int, int]) -> st.SearchStrategy[FakeSplit]:
        tiers, layers = size
        tier = st.builds(
            FakeTier,
            layer_s=st.tuples(*[numbers] * layers),
            active_w=numbers,
            queued=st.integers(0, 3),
        )
        return st.builds(
            FakeSplit,
            tiers=st.tuples(*[tier] * tiers),
            hops=st.tuples(*[hop] * tiers),
            returns=st.tuples(*[hop] * tiers),
            crossing_bytes=st.tuples(*[numbers] * (layers + 1)),
        )

    return st.tuples(st.integers(2, 4), st.integers(1, 6)).flatmap(of_size)


objectives = st.sampled_from(["latency", "energy"])
exact = splits(st.sampled_from([0.0, 1.0, 2.0, 5.0]), st.sampled_from([0.0, 0.5, 1.0, 4.0, math.inf]))
rounded = splits(st.floats(0.0, 100.0), st.sampled_from([0.0, math.inf]) | st.floats(0.001, 1e9))


@settings(derandomize=True, max_examples=500, deadline=None)
@given(split=exact, objective=objectives, load_factor=st.sampled_from([0.0, 0.5]))
def test_neurosurgeon_gives_the_first_of_the_best_of_all_splits(
    split: FakeSplit, objective: str, load_factor: float
) -> None:
    """Numbers are such that sums are exact, so that ties are ties."""
    policy = Neurosurgeon(objective=objective, load_factor=load_factor)
    best = min(all_cuts(split), key=lambda cuts: cost(cuts, split, objective, load_factor))
    assert tuple(policy.split(REQUEST, split)) == best


@settings(derandomize=True, max_examples=200, deadline=None)
@given(split=rounded, objective=objectives, load_factor=st.floats(0.0, 2.0))
def test_neurosurgeon_is_never_worse_than_any_split(split: FakeSplit, objective: str, load_factor: float) -> None:
    policy = Neurosurgeon(objective=objective, load_factor=load_factor)
    given_cost = cost(policy.split(REQUEST, split), split, objective, load_factor)
    least = min(cost(cuts, split, objective, load_factor) for cuts in all_cuts(split))
    assert given_cost == pytest.approx(least, rel=1e-12)
