"""The clock: order, handles, the feed, and SimPy beside it. The slow twin is in tests/slow_twins."""

from __future__ import annotations

import math
from typing import Any

import pytest
import simpy

from simtier.clock import ARRIVAL, DECIDE, NORMAL, OBSERVE, URGENT, Clock


def test_time_then_priority_then_the_order_of_calls() -> None:
    clock = Clock()
    seen: list[Any] = []
    for time, priority, name in [
        (2.0, NORMAL, "later"),
        (1.0, OBSERVE, "sample"),
        (1.0, DECIDE, "decide"),
        (1.0, NORMAL, "first"),
        (1.0, NORMAL, "second"),
        (1.0, URGENT, "urgent"),
    ]:
        clock.call_at(time, seen.append, name, priority)
    clock.feed([(1.0, seen.append, "arrival")])
    clock.play(3.0)
    assert seen == ["urgent", "first", "second", "arrival", "decide", "sample", "later"]
    assert URGENT < NORMAL < ARRIVAL < DECIDE < OBSERVE


def test_what_is_called_for_now_happens_in_this_instant() -> None:
    clock = Clock()
    seen: list[Any] = []
    clock.call_at(1.0, lambda _: clock.call_in(0.0, lambda _: seen.append(clock.now)))
    clock.play(2.0)
    assert seen == [1.0]


@pytest.mark.parametrize("time", [0.5, math.nan, -1.0])
def test_the_past_is_over(time: float) -> None:
    clock = Clock()
    clock.call_at(1.0, lambda _: None)
    clock.play(1.5)
    with pytest.raises(ValueError, match=r"it is 1.5 s already"):
        clock.call_at(time, print)
    with pytest.raises(ValueError, match="must be later"):
        clock.play(1.5)


def test_a_cancelled_entry_does_nothing_and_the_others_stay() -> None:
    clock = Clock()
    seen: list[Any] = []
    entries = [clock.call_at(1.0, seen.append, k) for k in range(4)]
    clock.cancel(entries[1])
    clock.call_at(0.5, lambda _: clock.cancel(entries[2]))
    clock.play(2.0)
    assert seen == [0, 3]


def test_a_clock_has_one_feed() -> None:
    clock = Clock()
    clock.feed([(1.0, print, None)])
    with pytest.raises(ValueError, match="one feed"):
        clock.feed([(2.0, print, None)])


def test_a_feed_may_be_endless_and_its_handlers_may_call_back() -> None:
    clock = Clock()
    seen: list[Any] = []

    def arrivals() -> Any:
        time = 0.0
        while True:
            time += 0.25
            yield time, lambda k: clock.call_in(0.1, seen.append, k), time

    clock.feed(arrivals())
    clock.play(1.2)
    assert seen == [0.25, 0.5, 0.75, 1.0]


def test_simpy_processes_resources_and_interrupts_run_beside_callbacks() -> None:
    clock = Clock()
    seen: list[Any] = []
    server = simpy.Resource(clock, 1)

    def work(name: str, seconds: float) -> Any:
        with server.request() as turn:
            yield turn
            try:
                yield clock.timeout(seconds)
                seen.append((name, clock.now))
            except simpy.Interrupt:
                seen.append((f"{name} interrupted", clock.now))

    first = clock.process(work("a", 5.0))
    clock.process(work("b", 1.0))
    clock.call_at(2.0, lambda _: first.interrupt())
    clock.play(10.0)
    assert seen == [("a interrupted", 2.0), ("b", 3.0)]


def test_the_pulse_stops_the_run_and_it_can_go_on() -> None:
    clock = Clock()
    seen: list[Any] = []
    clock.feed((float(k), seen.append, k) for k in range(50_000))
    stops = iter([False, True])
    assert not clock.play(1e9, lambda: next(stops))
    assert 0 < len(seen) < 50_000
    assert clock.play(1e9)
    assert seen == list(range(50_000))


def test_peek_sees_the_heap_and_the_feed() -> None:
    clock = Clock()
    assert clock.peek() == math.inf
    clock.call_at(3.0, print)
    assert clock.peek() == 3.0
    clock.feed([(2.0, print, None)])
    assert clock.peek() == 2.0


def test_an_error_in_a_callback_leaves_the_clock_where_it_happened_and_usable() -> None:
    clock = Clock()
    seen: list[Any] = []

    def fail(_: object) -> None:
        raise RuntimeError("broken")

    clock.call_at(1.0, fail)
    clock.feed([(0.5, seen.append, "a"), (1.5, seen.append, "b")])
    with pytest.raises(RuntimeError, match="broken"):
        clock.play(2.0)
    assert (clock.now, seen) == (1.0, ["a"])
