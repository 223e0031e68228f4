"""Every short cut of the links beside its slow and obvious twin.

Times agree to a relative 1e-9: the two add up the same numbers in another order, so only rounding may differ. Where the numbers are
chosen such that floats add without rounding, the capacity agrees to the last bit but one.
"""

from __future__ import annotations

import math
import os
import tarfile
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise, permutations
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st

from simtier.clock import Clock
from simtier.models.capacity import Constant, Piecewise
from simtier.models.fair import max_min
from simtier.models.link import LinkSpec
from simtier.models.network import Network, NoRoute
from simtier.streams import Streams

Flow = tuple[float, float, tuple[str, ...]]
"""Start, bytes, media."""

laws = settings(derandomize=True, deadline=None, max_examples=150)
eighths = st.integers(0, 80).map(lambda n: n / 8)


# The capacity: steps from segment to segment, in fractions.


def segments(capacity: Piecewise, t: Fraction) -> Iterator[tuple[Fraction, Fraction | None]]:
    """Yield (rate, end) of the segments from `t` on; the end is None for the last."""
    times, rates = [Fraction(x) for x in capacity.times_s], [Fraction(x) for x in capacity.bytes_per_s]
    offset, period = Fraction(capacity.offset_s), capacity.period_s
    loop = 0
    while True:
        base = loop * Fraction(period) - offset if period else -offset
        ends = [base + x for x in times[1:]] + ([base + Fraction(period)] if period else [None])
        for rate, end in zip(rates, ends, strict=True):
            if end is None or end > t:
                yield rate, end
        loop += 1


def step_through(capacity: Piecewise, t: float, nbytes: float) -> float:
    now, left = Fraction(t), Fraction(nbytes)
    if not left:
        return t
    for rate, end in segments(capacity, now):
        if rate and (end is None or left <= rate * (end - now)):
            return float(now + left / rate)
        if end is None:
            return math.inf
        now, left = end, left - rate * (end - now)
    raise AssertionError


@st.composite
def traces(draw: Any, *, periodic: bool | None = None) -> Piecewise:
    """A trace of whole rates at eighths of a second, so that floats add without rounding; it does not end in silence."""
    times = draw(st.lists(eighths, min_size=1, max_size=6, unique=True).map(sorted))
    rates = draw(st.lists(st.integers(0, 5), min_size=len(times), max_size=len(times)))
    rates[-1] = rates[-1] or 1
    period = (
        times[-1] + draw(st.integers(1, 9)) / 8 if (draw(st.booleans()) if periodic is None else periodic) else None
    )
    return Piecewise(times, rates, period, draw(eighths))


@laws
@given(traces(), st.integers(0, 800).map(lambda n: n / 8), st.integers(0, 500))
def test_the_capacity_agrees_with_stepping_through_its_segments(capacity: Any, t: float, nbytes: float) -> None:
    expected = step_through(capacity, t, nbytes)
    assert capacity.finish(t, nbytes) == pytest.approx(expected, rel=3e-16, abs=0)
    assert capacity.bytes_between(t, expected) == pytest.approx(nbytes, abs=1e-12)


@laws
@given(traces(), st.integers(0, 800).map(lambda n: n / 8), st.integers(0, 800).map(lambda n: n / 8))
def test_bytes_between_agrees_with_stepping_through_the_segments(capacity: Any, t0: float, t1: float) -> None:
    total, now = Fraction(0), Fraction(t0)
    for rate, end in segments(capacity, now):
        if now >= t1:
            break
        until = min(Fraction(t1), end) if end is not None else Fraction(t1)
        total, now = total + rate * (until - now), until
    assert capacity.bytes_between(t0, t1) == total


def test_a_measured_trace_agrees_with_stepping_through_its_segments() -> None:
    root = os.environ.get("SIMTIER_TRACES")
    if not root:
        pytest.skip("SIMTIER_TRACES does not name a folder with the public traces")
    archive = Path(root) / "bandwidth" / "norway-hsdpa-3g" / "cooked_3gp.tar.gz"
    with tarfile.open(archive) as tar:
        content = tar.extractfile("cooked_3gp/norway_bus_1")
        assert content is not None
        pairs = [tuple(map(float, line.split())) for line in content.read().decode().splitlines() if line.strip()]
    times, rates = [pair[0] for pair in pairs], [pair[1] * 1e6 / 8 for pair in pairs]
    capacity = Piecewise(times, rates, period_s=times[-1] + 1.0)
    assert len(times) > 100
    for k in range(200):
        t, nbytes = 13.7 * k, 10.0 ** (k % 9)
        assert capacity.finish(t, nbytes) == pytest.approx(step_through(capacity, t, nbytes), rel=1e-12)


# Fair sharing: every flow on its own, everything computed anew at every event.


def fill(flows: list[tuple[str, ...]], capacities: dict[str, float]) -> list[float]:
    """Raise all rates together by the largest step that fits, and freeze the flows at full links (no levels, no groups)."""
    rates, left, growing = [0.0] * len(flows), dict(capacities), set(range(len(flows)))
    while growing:
        users = {m: sum(flows[i].count(m) for i in growing) for m in left}
        step = min(left[m] / users[m] for m in left if users[m])
        full = {m for m in left if users[m] and left[m] / users[m] == step}
        for i in sorted(growing):
            rates[i] += step
        for m in left:
            left[m] -= step * users[m]
        growing -= {i for i in growing if full & set(flows[i])}
    return rates


def naive_fluid(capacities: dict[str, Any], flows: list[Flow]) -> list[float]:
    """Return the finish time of each flow (start, bytes, media), recomputing all rates at every event."""
    left, done, now = [float(nbytes) for _, nbytes, _ in flows], {}, 0.0
    while len(done) < len(flows):
        present = [i for i in range(len(flows)) if flows[i][0] <= now and i not in done]
        rates = fill([flows[i][2] for i in present], {name: c.rate(now) for name, c in capacities.items()})
        ends = [now + (left[i] / r if r else math.inf) for i, r in zip(present, rates, strict=True)]
        changes = [c.next_change(now) for c in capacities.values()]
        then = min([*ends, *changes, *(start for start, _, _ in flows if start > now)])
        if then == math.inf:
            break
        for i, rate, end in zip(present, rates, ends, strict=True):
            left[i] -= rate * (then - now)
            if end == then:
                done[i] = then
        now = then
    return [done.get(i, math.inf) for i in range(len(flows))]


def fluid(capacities: dict[str, Any], flows: list[Flow], until: float = 1e6) -> list[float]:
    """The same through the network: one chain of fair links per flow, which name the media of `capacities`."""
    clock, done = Clock(), {}
    network = Network(clock, Streams(1), SimpleNamespace(append=lambda _: None), hash)
    for i, (start, nbytes, media) in enumerate(flows):
        for k, medium in enumerate(media):
            spec = LinkSpec(f"{i}/{k}", f"{i}/{k}", f"{i}/{k + 1}", 0, capacities[medium], "fair", medium=medium)
            network.add(spec)
        path = network.path(f"{i}/0", f"{i}/{len(media)}")

        def go(i: Any, path: Any = path, nbytes: float = nbytes) -> None:
            path.send(i, i, nbytes, lambda i: done.setdefault(i, clock.now), i, print)

        clock.call_at(start, go, i)
    clock.play(until)
    return [done.get(i, math.inf) for i in range(len(flows))]


sizes = st.floats(0.5, 500)
starts = st.floats(0, 60)


@laws
@given(st.lists(st.tuples(starts, sizes, st.just(("m",))), min_size=1, max_size=15))
def test_one_fair_link_agrees_with_naive_processor_sharing(flows: list[Flow]) -> None:
    capacities = {"m": Constant(17.0)}
    assert fluid(capacities, flows) == pytest.approx(naive_fluid(capacities, flows), rel=1e-9)


@laws
@given(traces(periodic=True), st.lists(st.tuples(starts, sizes, st.just(("m",))), min_size=1, max_size=8))
def test_one_fair_link_of_changing_capacity_agrees_with_naive_processor_sharing(
    capacity: Any, flows: list[Flow]
) -> None:
    bumpy = Piecewise(capacity.times_s, [rate + 1 for rate in capacity.bytes_per_s], capacity.period_s)
    capacities = {"m": bumpy}
    assert fluid(capacities, flows) == pytest.approx(naive_fluid(capacities, flows), rel=1e-9)


chains = st.lists(st.sampled_from("mnopq"), min_size=1, max_size=4).map(tuple)


@laws
@given(
    st.lists(st.floats(1, 50), min_size=5, max_size=5),
    st.lists(st.tuples(starts, sizes, chains), min_size=1, max_size=15),
)
def test_many_fair_links_agree_with_a_global_progressive_filling(rates: list[float], flows: list[Flow]) -> None:
    capacities = {name: Constant(rate) for name, rate in zip("mnopq", rates, strict=True)}
    assert fluid(capacities, flows) == pytest.approx(naive_fluid(capacities, flows), rel=1e-9)


@laws
@given(
    st.lists(traces(periodic=True), min_size=3, max_size=3),
    st.lists(st.tuples(starts, sizes, st.lists(st.sampled_from("mno"), min_size=1, max_size=3).map(tuple)), max_size=8),
)
def test_many_fair_links_of_changing_capacity_agree_with_a_global_progressive_filling(
    changing: list[Piecewise], flows: list[Flow]
) -> None:
    capacities = {
        name: Piecewise(c.times_s, [rate + 1 for rate in c.bytes_per_s], c.period_s)
        for name, c in zip("mno", changing, strict=True)
    }
    assert fluid(capacities, flows) == pytest.approx(naive_fluid(capacities, flows), rel=1e-9)


@laws
@given(
    st.lists(st.floats(0, 50), min_size=5, max_size=5),
    st.lists(st.tuples(st.integers(1, 4), chains), min_size=1, max_size=8),
)
def test_filling_by_groups_agrees_with_filling_flow_by_flow(
    rates: list[float], groups: list[tuple[int, tuple[str, ...]]]
) -> None:
    capacities = dict(zip("mnopq", rates, strict=True))
    grouped = max_min([n for n, _ in groups], [["mnopq".index(m) for m in c] for _, c in groups], rates)
    one_by_one = fill([c for n, c in groups for _ in range(n)], capacities)
    assert [r for r, (n, _) in zip(grouped, groups, strict=True) for _ in range(n)] == pytest.approx(
        one_by_one, rel=1e-9
    )


# The fifo link: an ordinary SimPy resource and a process for each message.


@laws
@given(traces(), st.lists(st.tuples(starts, sizes), min_size=1, max_size=15))
def test_a_fifo_link_agrees_with_a_simpy_resource(capacity: Any, messages: list[tuple[float, float]]) -> None:
    messages = sorted(messages)
    world = simpy.Environment()
    resource, expected = simpy.Resource(world), {}

    def carry(i: Any, at: float, nbytes: float) -> Iterator[Any]:
        yield world.timeout(at)
        with resource.request() as turn:
            yield turn
            yield world.timeout(capacity.finish(world.now, nbytes) - world.now)
        yield world.timeout(0.25)
        expected[i] = world.now

    for i, (at, nbytes) in enumerate(messages):
        world.process(carry(i, at, nbytes))
    world.run(1e6)

    clock, done = Clock(), {}
    network = Network(clock, Streams(1), SimpleNamespace(append=lambda _: None), hash)
    network.add(LinkSpec("l", "a", "b", 0.25, capacity, "fifo"))
    path = network.path("a", "b")
    for i, (at, nbytes) in enumerate(messages):
        clock.call_at(
            at, lambda job: path.send(*job), (i, i, nbytes, lambda i: done.setdefault(i, clock.now), i, print)
        )
    clock.play(1e6)
    assert done == pytest.approx(expected, rel=1e-9)


# Routes: every order of the nodes between.


@laws
@given(
    st.dictionaries(st.permutations("abcdef").map(lambda p: (p[0], p[1])), st.integers(0, 3), max_size=18),
    st.sampled_from([0, 9]),
)
def test_the_route_agrees_with_trying_all(latencies: dict[tuple[str, str], int], few: int) -> None:
    """Whether the search ends at the target (few = 0) or at its neighbours."""
    network = Network(Clock(), Streams(1), SimpleNamespace(append=print), hash)
    for (a, b), latency in latencies.items():
        network.add(LinkSpec(a + b, a, b, latency, Constant(1)))
    candidates = [
        (sum(latencies[edge] for edge in pairwise(nodes)), len(nodes), nodes)
        for n in range(5)
        for nodes in (("a", *between, "f") for between in permutations("bcde", n))
        if all(edge in latencies for edge in pairwise(nodes))
    ]
    with patch("simtier.models.network._FEW", few):
        if candidates:
            expected = [x + y for x, y in pairwise(min(candidates)[2])]
            assert [link.name for link in network.path("a", "f").links] == expected
        else:
            with pytest.raises(NoRoute):
                network.path("a", "f")
