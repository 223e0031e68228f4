"""Links of every kind, in small stories worked by hand."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from simtier.clock import Clock
from simtier.errors import SimulationError
from simtier.models.capacity import Constant, Piecewise
from simtier.models.fair import max_min
from simtier.models.link import LinkSpec
from simtier.models.network import Network
from simtier.streams import Streams


class World:
    """A network of the given links, and a log of what came out of it: (what, time)."""

    def __init__(self, *specs: LinkSpec, seed: int = 1) -> None:
        self.clock = Clock()
        self.rows: list[tuple] = []
        self.texts: list[str] = []
        self.delivered: dict = {}
        self.lost: dict = {}
        transfers = SimpleNamespace(append=self.rows.append)
        self.network = Network(self.clock, Streams(seed), transfers, self.code)
        for spec in specs:
            self.network.add(spec)

    def code(self, text: str) -> int:
        self.texts.append(text)
        return len(self.texts) - 1

    def send(self, at: float, request: int, nbytes: float, a: str = "a", b: str = "b") -> World:
        path = self.network.path(a, b)

        def go(_: Any) -> None:
            path.send(request, request, nbytes, self.deliver, request, self.lose)

        self.clock.call_at(at, go)
        return self

    def deliver(self, request: int) -> None:
        self.delivered[request] = self.clock.now

    def lose(self, request: int) -> None:
        self.lost[request] = self.clock.now

    def play(self, until: float = 1000.0) -> World:
        self.clock.play(until)
        return self


def link(name: str = "up", latency: float = 0.0, capacity: Any = 100.0, sharing: Any = "fifo", **more: Any) -> LinkSpec:
    given = capacity if isinstance(capacity, Constant | Piecewise) else Constant(capacity)
    a, b = more.pop("a", "a"), more.pop("b", "b")
    return LinkSpec(name, a, b, latency, given, sharing, **more)


def near(**times: float) -> Any:
    return pytest.approx({int(key[1:]): value for key, value in times.items()}, rel=1e-12)


def test_propagation_does_not_occupy_a_fifo_link() -> None:
    world = World(link(latency=5)).send(0, 1, 100).send(0, 2, 100).play()
    assert world.delivered == near(r1=6, r2=7)
    assert world.rows == [(1, 0, 100, 0, 0, 1, 6), (2, 0, 100, 0, 1, 2, 7)]


def test_without_sharing_nobody_waits() -> None:
    world = World(link(latency=5, sharing="none")).send(0, 1, 100).send(0, 2, 100).send(0.5, 3, 10).play()
    assert world.delivered == near(r1=6, r2=6, r3=5.6)


def test_fair_messages_share_the_rate() -> None:
    world = World(link(latency=5, sharing="fair")).send(0, 1, 100).send(0.5, 2, 100).play()
    # 50 of the first are through at 0.5; then 50 bytes/s each: it ends at 1.5, and the other, 50 left, at 2.
    assert world.delivered == near(r1=6.5, r2=7)
    assert world.rows[0] == pytest.approx((1, 0, 100, 0, 0, 1.5, 6.5))


@pytest.mark.parametrize("sharing", ["none", "fifo", "fair"])
def test_an_outage_stalls_a_transfer_and_does_not_lose_it(sharing: Any) -> None:
    world = World(link(capacity=Piecewise([0, 1, 3], [10, 0, 5]), sharing=sharing)).send(0, 1, 20).play()
    assert world.delivered == near(r1=5)


@pytest.mark.parametrize("sharing", ["none", "fifo", "fair"])
def test_an_empty_message_takes_the_latency_only(sharing: Any) -> None:
    world = World(link(latency=2, capacity=0, sharing=sharing)).send(1, 1, 0).play()
    assert world.delivered == {1: 3}


@pytest.mark.parametrize("sharing", ["none", "fifo", "fair"])
def test_an_unlimited_link_that_charges_is_still_booked(sharing: Any) -> None:
    world = World(link(latency=2, capacity=math.inf, sharing=sharing, joules_per_byte=1)).send(1, 1, 50).play()
    assert world.rows == [(1, 0, 50, 1, 1, 1, 3)]


def test_a_path_stores_and_forwards_from_link_to_link() -> None:
    world = World(link(latency=1), link("back", 2, 50, b="c", a="b")).send(0, 1, 100, "a", "c").play()
    assert world.delivered == near(r1=1 + 1 + 2 + 2)
    assert [row[3:] for row in world.rows] == [(0, 0, 1, 2), (2, 2, 4, 6)]


def test_consecutive_fair_links_are_one_fluid() -> None:
    fair = {"sharing": "fair"}
    world = World(link(latency=1, **fair), link("back", 2, 50, a="b", b="c", **fair)).send(0, 1, 100, "a", "c").play()
    assert world.delivered == near(r1=2 + 3)
    assert [row[3:] for row in world.rows] == [(0, 0, 2, 3), (0, 0, 2, 5)]


def test_a_long_flow_yields_only_what_its_bottleneck_leaves() -> None:
    fair = {"sharing": "fair"}
    world = World(link(**fair), link("back", 0, 30, a="b", b="c", **fair))
    world.send(0, 1, 300, "a", "c").send(0, 2, 300, "b", "c").send(0, 3, 425, "a", "b").play()
    # 1 and 2 have 15 each on `back`, 3 has the other 85 of `up`; it ends at 5, the others at 20.
    assert world.delivered == near(r1=20, r2=20, r3=5)


def test_max_min_rates_by_hand() -> None:
    """Three media of 10, 6 and 4; flows over {0}, {0, 1}, {1, 2}, {2}: 2 each on medium 2, then 4 on 1, then 6 on 0."""
    assert max_min([1, 1, 1, 1], [[0], [0, 1], [1, 2], [2]], [10, 6, 4]) == [6, 4, 2, 2]
    assert max_min([2, 1], [[0], [0]], [9]) == [3, 3]
    assert max_min([1, 1], [[0, 0], [0]], [9]) == [3, 3]  # the first crosses the medium twice: 3 + 3 + 3
    assert max_min([1], [[0]], [0]) == [0]
    assert max_min([1], [[]], []) == [math.inf]


def test_links_of_one_medium_share_its_capacity() -> None:
    for sharing, times in {"fifo": near(r1=1, r2=2), "fair": near(r1=2, r2=2), "none": near(r1=1, r2=1)}.items():
        cell = {"medium": "cell", "sharing": sharing}
        world = World(link("one", a="x", **cell), link("two", a="y", **cell))
        assert world.send(0, 1, 100, "x", "b").send(0, 2, 100, "y", "b").play().delivered == times


def test_a_flow_twice_over_one_medium_takes_it_twice() -> None:
    cell = {"medium": "cell", "sharing": "fair"}
    world = World(link("up", b="ap", **cell), link("down", a="ap", **cell))
    assert world.send(0, 1, 100).play().delivered == near(r1=2)


def test_jitter_never_reorders_a_fifo_link() -> None:
    waits = iter([3.0, 0.0, 0.0])

    def jitter(_: Any, size: int) -> Any:
        return np.array([next(waits, 0.0) for _ in range(size)])

    spec = {"latency": 1, "jitter": jitter}
    assert World(link(**spec)).send(0, 0, 100).send(0, 1, 100).send(4, 2, 100).play().delivered == near(
        r0=5, r1=5, r2=6
    )
    waits = iter([3.0, 0.0, 0.0])
    assert World(link(sharing="none", **spec)).send(0, 0, 100).send(0, 1, 100).play().delivered == near(r0=5, r1=2)


def test_the_same_request_meets_the_same_jitter_in_whatever_order() -> None:
    def times(order: list[int]) -> Any:
        world = World(link(capacity=math.inf, jitter=lambda rng, size: rng.exponential(1, size), sharing="none"))
        for request in order:
            world.send(0, request, 1)
        return world.play().delivered

    assert times([1, 2, 3]) == times([3, 1, 2])


@pytest.mark.parametrize("sharing", ["none", "fifo", "fair"])
def test_a_message_lost_for_good_is_reported_when_its_last_byte_has_left(sharing: Any) -> None:
    world = World(link(latency=5, sharing=sharing, loss=1)).send(0, 1, 100).play()
    assert (world.delivered, world.lost) == ({}, near(r1=1))
    assert world.rows == [(1, 0, 100, 0, 0, 1, pytest.approx(math.nan, nan_ok=True))]


@pytest.mark.parametrize("sharing", ["none", "fifo", "fair"])
def test_a_lost_message_is_sent_again(sharing: Any) -> None:
    world = World(link(latency=5, sharing=sharing, loss=0.5, retransmit_after_s=3))
    for request in range(50):
        world.send(100 * request, request, 100)
    world.play(10_000)
    attempts = [sum(row[0] == request for row in world.rows) for request in range(50)]
    assert max(attempts) > 1
    expected = {r: pytest.approx(100 * r + n * 1 + (n - 1) * 3 + 5) for r, n in enumerate(attempts)}
    assert world.delivered == expected


def test_a_message_lost_on_the_second_link_is_reported_to_its_sender() -> None:
    world = World(link(latency=1), link("back", 0, 100, a="b", b="c", loss=1)).send(0, 1, 100, "a", "c").play()
    assert world.lost == near(r1=3)


def test_a_lossy_fair_link_takes_in_the_whole_message_first() -> None:
    world = World(
        link(sharing="fair"), link("back", a="b", b="c", sharing="fair", loss=1e-12, retransmit_after_s=1)
    ).send(0, 1, 100, "a", "c")
    assert world.play().delivered == near(r1=2)


def test_delivery_is_never_at_once() -> None:
    world = World(link(capacity=math.inf), link("fair", a="c", b="d", capacity=math.inf, sharing="fair", loss=1))
    for a, b in [("a", "a"), ("a", "b"), ("c", "d")]:
        world.network.path(a, b).send(0, 0, 0, world.deliver, (a, b), world.lose)
    assert (world.delivered, world.lost) == ({}, {})
    world.play()
    assert world.delivered == {("a", "a"): 0, ("a", "b"): 0}
    assert world.lost == {("c", "d"): 0}


def test_a_deliverer_may_send_again() -> None:
    world = World(link(sharing="fair"))
    path = world.network.path("a", "b")

    def again(left: int) -> None:
        world.deliver(left)
        if left:
            path.send(0, 0, 100, again, left - 1, world.lose)

    path.send(0, 0, 100, again, 3, world.lose)
    world.play()
    assert world.delivered == near(r3=1, r2=2, r1=3, r0=4)


def test_a_delay_only_path_is_one_entry_in_the_heap_and_no_row() -> None:
    world = World(link(latency=1, capacity=math.inf), link("back", 2, math.inf, "fair", a="b", b="c"))
    path = world.network.path("a", "c")
    assert path.delay_only
    path.send(0, 0, 5, world.deliver, 0, world.lose)
    assert len(world.clock.heap) == 1
    world.play()
    assert (world.delivered, world.rows) == ({0: 3}, [])


def test_what_is_not_delivered_at_the_end_is_booked_with_the_bytes_that_left() -> None:
    for sharing, expected in {
        # The second is half through, the third has not begun.
        "fifo": [(1, 0, 100, 0, 0, 1), (2, 0, 50, 0, 1, 1.5), (3, 0, 100, 0, math.nan, math.nan)],
        "none": [(1, 0, 100, 0, 0, 1), (2, 0, 100, 0, 0, 1), (3, 0, 100, 0, 0, 1)],
        "fair": [(1, 0, 50, 0, 0, 1.5), (2, 0, 50, 0, 0, 1.5), (3, 0, 50, 0, 0, 1.5)],
    }.items():
        world = World(link(latency=5, sharing=sharing)).send(0, 1, 100).send(0, 2, 100).send(0, 3, 100).play(1.5)
        assert world.rows == []
        world.network.close()
        assert [row[:-1] for row in world.rows] == [pytest.approx(row, nan_ok=True) for row in expected]
        assert all(math.isnan(row[-1]) for row in world.rows)


def test_a_dead_link_keeps_what_it_was_given() -> None:
    for sharing in ("none", "fifo", "fair"):
        world = World(link(capacity=Piecewise([0, 1], [10, 0]), sharing=sharing)).send(0, 1, 50).play()
        live = world.network.links["up"]
        assert (world.delivered, live.active, live.backlog_bytes) == ({}, 1, pytest.approx(40))
        world.network.close()
        assert world.rows[0][2] == pytest.approx(10)


def test_a_link_shows_its_queue() -> None:
    def seen(sharing: Any) -> Any:
        world = World(link(latency=9, sharing=sharing)).send(0, 1, 100).send(0, 2, 50).send(0, 3, 0)
        live, shown = world.network.links["up"], []
        for t in (0.25, 1.25, 3):
            world.clock.call_at(t, lambda _: shown.append((live.queued, live.active, live.backlog_bytes)))
        world.play()
        return shown

    assert seen("fifo") == [(2, 1, 125), (1, 1, 25), (0, 0, 0)]
    assert seen("none") == [(0, 2, 75 + 25), (0, 0, 0), (0, 0, 0)]
    assert seen("fair") == [(0, 2, 125), (0, 1, pytest.approx(25)), (0, 0, 0)]


def test_a_shared_medium_shows_each_link_its_own_messages() -> None:
    for sharing in ("fifo", "fair"):
        cell = {"medium": "cell", "sharing": sharing}
        world = World(link("one", a="x", **cell), link("two", a="y", **cell))
        world.send(0, 1, 100, "x").send(0, 2, 60, "y").play(0.5)
        counts = [live.queued + live.active for live in world.network.links.values()]
        assert counts == [1, 1]
        total = sum(live.backlog_bytes for live in world.network.links.values())
        assert total == pytest.approx(110)


def test_the_share_counts_those_present() -> None:
    world = World(link(sharing="fair"), link("back", 0, 30, "fair", a="b", b="c"))
    up, through = world.network.path("a", "b"), world.network.path("a", "c")
    assert (up.share_bytes_per_s(), through.share_bytes_per_s(), through.rate_bytes_per_s()) == (100, 30, 30)
    world.send(0, 1, 1e6, "a", "c").play(1)
    assert (up.share_bytes_per_s(), through.share_bytes_per_s()) == (70, 15)
    queue = World(link()).send(0, 1, 1e6).send(0, 2, 1e6).play(1)
    assert queue.network.path("a", "b").share_bytes_per_s() == pytest.approx(100 / 3)
    assert queue.network.path("a", "a").share_bytes_per_s() == math.inf


@pytest.mark.parametrize("sharing", ["none", "fifo", "fair"])
@pytest.mark.parametrize("nbytes", [-1, math.nan])
def test_a_size_that_is_no_size_is_refused(sharing: Any, nbytes: float) -> None:
    path = World(link(sharing=sharing)).network.path("a", "b")
    with pytest.raises(SimulationError, match=f"link 'up' was given {nbytes} bytes for request 7"):
        path.send(0, 7, nbytes, print, None, print)
