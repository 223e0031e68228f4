"""The clock: simpy.Environment plus bare callbacks and a feed of sorted arrivals.

A SimPy event costs an object, a list of callbacks and a generator step. Requests here move by bare callbacks instead: tuples
`(time, priority, serial, function, argument)` in SimPy's own heap, so any ordinary SimPy process, timeout or resource works
beside them, unchanged. Order is always (time, priority, serial number); no minimum time step exists.

Arrivals are known in sorted order long before they happen, so they never enter the heap: the loop merges the next one with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from heapq import heapify, heappop, heappush
from itertools import repeat
from typing import Any

import simpy
from simpy.core import EmptySchedule, StopSimulation

URGENT = 0
"""SimPy's own priority for interrupts and process starts, and for the end of the run."""
NORMAL = 1
"""Completions and deliveries."""
ARRIVAL = 2
"""Requests entering from outside: after departures of the same instant, so that a slot freed now can be had now."""
DECIDE = 3
"""Policies asked once for all that fell on this instant."""
OBSERVE = 4
"""Samples, which see the instant after everything in it is settled."""

Callback = Callable[[Any], object]
Entry = tuple[float, int, int, Callback, Any]
"""One scheduled callback: time, priority, serial number, function, its argument. Also the handle to cancel it by."""
Arrival = tuple[float, Callback, Any]

_BEFORE_ALL = -1
_FEW = 256
_SLICE = 4096
_NEVER: Arrival = (float("inf"), lambda _: None, None)


class Clock(simpy.Environment):
    """Simulated time in seconds from 0, and everything scheduled to happen.

    `now` is a plain attribute instead of SimPy's property because models read it several times a request.
    `step` and SimPy's `run` are the obvious execution, one event after the other; `play` is the fast loop, in the same order.
    """

    now: float = 0.0

    def __init__(self) -> None:
        super().__init__(0.0)
        self._queue: list[Any]
        self._cancelled: set[int] = set()
        self._feed: Iterator[Arrival] = iter(())
        self._next_arrival: Arrival = _NEVER
        self.next_serial: Callable[[], int] = self._eid.__next__

    @property
    def _now(self) -> float:
        """The name under which SimPy's own code reads and sets the time."""
        return self.now

    @_now.setter
    def _now(self, value: float) -> None:
        self.now = value

    @property
    def heap(self) -> list[Any]:
        """SimPy's heap, for the few models that push an `Entry` themselves instead of calling `call_at`."""
        return self._queue

    def call_at(self, time: float, function: Callback, argument: Any = None, priority: int = NORMAL) -> Entry:
        """Call `function(argument)` at `time` seconds; returns the entry, by which `cancel` finds it.

        Raises ValueError for a time in the past or NaN.
        """
        if not time >= self.now:
            raise ValueError(f"cannot call {function!r} at {time!r} s: it is {self.now!r} s already")
        entry = (time, priority, self.next_serial(), function, argument)
        heappush(self._queue, entry)
        return entry

    def call_in(self, delay: float, function: Callback, argument: Any = None, priority: int = NORMAL) -> Entry:
        """Call `function(argument)` after `delay` seconds; see `call_at`."""
        return self.call_at(self.now + delay, function, argument, priority)

    def cancel(self, entry: Entry) -> None:
        """Make a scheduled entry do nothing; one that has already happened may not be cancelled."""
        self._cancelled.add(entry[2])
        if len(self._cancelled) > _FEW and 2 * len(self._cancelled) > len(self._queue):
            self._sweep()

    def _sweep(self) -> None:
        """Take cancelled entries out of the heap, in place, so that it does not grow with what never happens."""
        self._queue[:] = [entry for entry in self._queue if entry[2] not in self._cancelled]
        heapify(self._queue)
        self._cancelled.clear()

    def feed(self, arrivals: Iterable[Arrival]) -> None:
        """Merge `arrivals`, sorted by time, with the heap; they carry priority ARRIVAL. A clock has one feed.

        Raises ValueError if a feed is there already.
        """
        if self._next_arrival is not _NEVER:
            raise ValueError("a clock has one feed: merge the arrivals before")
        self._feed = iter(arrivals)
        self._next_arrival = next(self._feed, _NEVER)

    def schedule(self, event: simpy.Event, priority: Any = NORMAL, delay: float = 0) -> None:
        """Schedule an ordinary SimPy event (SimPy's own code calls this)."""
        heappush(self._queue, (self.now + delay, priority, self.next_serial(), self._process_event, event))

    def peek(self) -> float:
        """Return the time of what happens next; infinity if nothing does. Within `play`, arrivals are seen a slice late."""
        in_heap: float = self._queue[0][0] if self._queue else float("inf")
        return min(in_heap, self._next_arrival[0])

    def step(self) -> None:
        """Do the one next thing, as SimPy's `run` expects; raises simpy's EmptySchedule when nothing is left."""
        time, act, argument = self._next_arrival
        if self._queue and self._queue[0][:2] < (time, ARRIVAL):
            self.now, _, serial, act, argument = heappop(self._queue)
            if serial in self._cancelled:
                self._cancelled.discard(serial)
                return
        elif self._next_arrival is _NEVER:
            raise EmptySchedule
        else:
            self.now = time
            self._next_arrival = next(self._feed, _NEVER)
        act(argument)

    def play(self, until: float, pulse: Callable[[], bool] = lambda: False) -> bool:
        """Run up to, not including, what happens at `until` seconds; return False if `pulse` stopped it before.

        `pulse` is called every few thousand events, for housekeeping that must not show in simulated time: flushing tables,
        progress, interrupts. It stops the run by returning True.
        """
        if until <= self.now:
            raise ValueError(f"until ({until}) must be later than the current time ({self.now})")
        end = self.call_at(until, _stop, None, _BEFORE_ALL)
        try:
            while not pulse():
                self._play_slice()
        except StopSimulation:
            return True
        self.cancel(end)
        return False

    def _play_slice(self) -> None:
        """Do the next few thousand things; `step` in a loop, with everything in locals."""
        queue, cancelled, feed, pop = self._queue, self._cancelled, self._feed, heappop
        arrival_time, arrive, what = self._next_arrival
        try:
            for _ in repeat(None, _SLICE):
                time = queue[0][0]
                if time < arrival_time or (time == arrival_time and queue[0][1] < ARRIVAL):
                    self.now, _, serial, act, argument = pop(queue)
                    if cancelled and serial in cancelled:
                        cancelled.discard(serial)
                        continue
                    act(argument)
                else:
                    self.now = arrival_time
                    act, argument = arrive, what
                    arrival_time, arrive, what = next(feed, _NEVER)
                    act(argument)
        finally:
            self._next_arrival = _NEVER if arrive is _NEVER[1] else (arrival_time, arrive, what)

    def _process_event(self, event: Any) -> None:
        """Run a SimPy event's callbacks, as simpy.Environment.step does (SimPy 4.1)."""
        callbacks, event.callbacks = event.callbacks, None
        try:
            for callback in callbacks:
                callback(event)
        except StopSimulation:
            event.callbacks = callbacks[callbacks.index(callback) + 1 :]
            self.schedule(event, -1)
            raise
        if not event.ok and not event.defused:
            raise type(event.value)(*event.value.args) from event.value


def _stop(_: object) -> None:
    raise StopSimulation(None)
