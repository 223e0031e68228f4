"""`Clock.play` against SimPy's own `run`, which takes one event at a time, on random programs."""

from __future__ import annotations

from typing import Any

import pytest
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st

from simtier.clock import ARRIVAL, DECIDE, NORMAL, OBSERVE, URGENT, Clock

twins = settings(derandomize=True, deadline=None, max_examples=300, database=None)
# Few different times, so that many things fall on one instant.
delays = st.sampled_from([0.0, 0.0, 0.5, 1.0, 1.0, 2.5, 1e-12])
priorities = st.sampled_from([URGENT, NORMAL, NORMAL, ARRIVAL, DECIDE, OBSERVE])
program = st.recursive(
    st.one_of(
        st.tuples(st.just("note")),
        st.tuples(st.just("cancel"), st.integers(0, 30)),
        st.tuples(st.just("process"), st.lists(delays, max_size=4)),
        st.tuples(st.just("acquire"), delays),
    ),
    lambda inner: st.tuples(st.just("later"), delays, priorities, st.lists(inner, max_size=3)),
    max_leaves=12,
)
programs = st.lists(st.tuples(st.just("later"), delays, priorities, st.lists(program, max_size=4)), max_size=6)
feeds = st.lists(st.tuples(delays, program), max_size=8)


class Run:
    """One execution of a program, with a log of what happened when and in which order."""

    def __init__(self, begin: Any, feed: Any, *, quick: bool, until: float) -> None:
        self.clock = Clock()
        self.log: list[tuple[float, Any]] = []
        self.handles: list[Any] = []
        self.done: set[int] = set()
        self.server = simpy.Resource(self.clock, 1)
        for act in begin:
            self.do(act)
        time, arrivals = 0.0, []
        for gap, act in feed:
            time += gap
            arrivals.append((time, self.do, act))
        self.clock.feed(arrivals)
        if quick:
            self.finished = self.clock.play(until)
        else:
            self.clock.run(until)

    def do(self, act: Any) -> None:
        kind, *rest = act
        self.log.append((self.clock.now, kind))
        if kind == "later":
            delay, priority, inner = rest
            number = len(self.handles)
            entry = self.clock.call_in(delay, lambda _: self.happen(number, inner), None, priority)
            self.handles.append(entry)
        elif kind == "cancel":
            place = rest[0]
            if place < len(self.handles) and place not in self.done:
                self.done.add(place)
                self.clock.cancel(self.handles[place])
        elif kind == "process":
            self.clock.process(self.wait(rest[0]))
        elif kind == "acquire":
            self.clock.process(self.hold(rest[0]))

    def happen(self, number: int, inner: Any) -> None:
        self.done.add(number)
        self.log.append((self.clock.now, number))
        for act in inner:
            self.do(act)

    def wait(self, gaps: Any) -> Any:
        for gap in gaps:
            yield self.clock.timeout(gap)
            self.log.append((self.clock.now, "woke"))

    def hold(self, time: float) -> Any:
        with self.server.request() as turn:
            yield turn
            self.log.append((self.clock.now, "got it"))
            yield self.clock.timeout(time)
        self.log.append((self.clock.now, "gave it back"))


@twins
@given(programs, feeds, st.sampled_from([0.3, 1.1, 3.2, 100.0]))
def test_play_does_what_simpys_run_does(begin: Any, feed: Any, until: float) -> None:
    quick, slow = (Run(begin, feed, quick=quick, until=until) for quick in (True, False))
    assert quick.log == slow.log
    assert quick.clock.now == slow.clock.now == until


@twins
@given(programs, feeds, st.lists(st.sampled_from([0.31, 0.73, 1.17]), min_size=1, max_size=5))
def test_a_run_may_be_played_in_pieces(begin: Any, feed: Any, pieces: list[float]) -> None:
    whole = Run(begin, feed, quick=True, until=sum(pieces))
    parts = Run(begin, feed, quick=True, until=pieces[0])
    time = pieces[0]
    for piece in pieces[1:]:
        time += piece
        parts.clock.play(time)
    assert parts.log == whole.log


@pytest.mark.parametrize("priority", [NORMAL, ARRIVAL, DECIDE, OBSERVE])
def test_what_happens_at_the_end_is_left_for_the_next_piece(priority: int) -> None:
    clock = Clock()
    seen: list[Any] = []
    clock.call_at(1.0, seen.append, "entry", priority)
    clock.feed([(1.0, seen.append, "arrival")])
    clock.play(1.0)
    assert seen == []
    clock.play(2.0)
    assert sorted(seen) == ["arrival", "entry"]


def test_a_failed_process_that_nobody_waits_for_stops_both_ways_of_running() -> None:
    def fail(clock: Clock) -> Any:
        yield clock.timeout(1.0)
        raise RuntimeError("broken")

    for way in ("play", "run"):
        clock = Clock()
        clock.process(fail(clock))
        with pytest.raises(RuntimeError, match="broken"):
            getattr(clock, way)(5.0)
        assert clock.now == 1.0
