"""How many instances a function has: its autoscaling policy is asked, and instances are started or stopped."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from numbers import Integral
from typing import TYPE_CHECKING, Any

from simtier.clock import DECIDE
from simtier.contract import Asker, Autoscaling
from simtier.models.serverless.limits import Bucket

if TYPE_CHECKING:
    from simtier.models.serverless.cell import Cell
    from simtier.models.serverless.function import Function


class Scaler:
    """What scales one function: a policy of its own, bounds, and how fast it may grow."""

    __slots__ = ("asked_soon", "asker", "bucket", "policy")

    def __init__(self, asker: Asker, bucket: Bucket | None) -> None:
        policy = asker.policy
        assert isinstance(policy, Autoscaling)
        self.asker = asker
        self.policy = policy
        self.bucket = bucket
        self.asked_soon = False

    def put_back(self) -> None:
        """Give back the right to a start that found no room."""
        if self.bucket is not None:
            self.bucket.put_back()


class Scaling:
    """The scaling of all functions of a cell.

    Functions without instances and requests are not asked about at the regular times, unless their policy looks ahead (`foresees`).

    Args:
        make: makes what scales a function.
        most: most instances of a function; a policy that asks for more gets these, and it is recorded.
        rejects: whether a request is turned away that finds no room for a start, instead of waiting for room.
    """

    def __init__(self, cell: Cell, make: Callable[[Function], Scaler], most: int, *, rejects: bool = False) -> None:
        self.scaler = make
        self._cell = cell
        self._clock = cell.clock
        self._most = most
        self._rejects = rejects
        self._awake: dict[Function, None] = {}
        self._ticks = count(1)
        self._every_s = 0.0
        self.owner = ("platform", cell.name)
        """Whose it is: all that it does follows from that, and concerns nothing else."""

    def needed(self, function: Function) -> None:
        """Hear that a request found no free slot: ask, once all that falls on this instant has happened."""
        self.watch(function)
        scaler = function.scaler
        if (scaler.policy.at_once or not (function.ready or function.starting)) and not scaler.asked_soon:
            scaler.asked_soon = True
            self._clock.call_at(self._clock.now, self._ask_now, function, DECIDE)

    def watch(self, function: Function) -> None:
        """Ask about a function at the regular times from now on, unless its policy is asked at once when it is needed."""
        if function.scaler.policy.at_once:
            return
        self._awake[function] = None
        if not self._every_s:
            self._every_s = function.scaler.policy.every
            self._ticks = count(int(self._clock.now // self._every_s) + 1)
            self._next_tick()

    def ask(self, function: Function) -> None:
        """Ask how many instances a function should have, and start or stop the difference."""
        target = self._target(function)
        have = len(function.ready) + len(function.starting)
        self._start(function, target - have)
        for _ in range(have - target):
            if not self._stop_one(function):
                break

    def _start(self, function: Function, number: int) -> None:
        """Start so many instances, or as many as may be and there is room for; for the others requests are turned away, if so wished."""
        for started in range(number):
            if not self._may_grow(function):
                return
            if not self._cell.starts.start(function):
                function.scaler.put_back()
                if self._rejects:
                    self._turn_away(function, number - started)
                return

    def _turn_away(self, function: Function, starts: int) -> None:
        """Turn requests away that wait for so many starts that found no room."""
        places = len(function.starting) * function.spec.concurrency
        for _ in range(starts * function.spec.concurrency):
            # Counted anew each time: with a request go its other branches that wait here.
            if len(function.waiting) <= places:
                return
            function.turn_away()

    def _target(self, function: Function) -> int:
        asker = function.scaler.asker
        answer: Any = asker.ask(function.scaler.policy.target, function.view)
        if isinstance(answer, bool) or not isinstance(answer, Integral) or int(answer) < 0:
            raise asker.wrong(answer, "a number of replicas, 0 or more")
        target = int(answer)
        if target > self._most:
            self._cell.record_capped(function)
        return min(target, self._most)

    def _ask_now(self, function: Function) -> None:
        function.scaler.asked_soon = False
        self.ask(function)

    def _next_tick(self) -> None:
        self._clock.call_at(next(self._ticks) * self._every_s, self._tick, None, DECIDE)

    def _tick(self, _: object) -> None:
        for function in list(self._awake):
            self.ask(function)
            asleep = not (function.ready or function.starting or function.waiting or function.draining)
            if asleep and not function.scaler.policy.foresees:
                del self._awake[function]
        self._next_tick()

    def _may_grow(self, function: Function) -> bool:
        """Return whether the function may start an instance now; if not, it is asked again when it may."""
        bucket = function.scaler.bucket
        if bucket is None:
            return True
        at_s = bucket.take(self._clock.now)
        if at_s <= self._clock.now:
            return True
        if not function.scaler.asked_soon:
            function.scaler.asked_soon = True
            self._clock.call_at(at_s, self._ask_now, function, DECIDE)
        return False

    def _stop_one(self, function: Function) -> bool:
        """Have one instance less; return False if all that are left are provisioned.

        The one that began to start last goes first, then the longest idle; then the least busy ends when it has served what it has.
        """
        if function.starting:
            self._cell.starts.call_off(next(reversed(function.starting)))
            return True
        idle = next((instance for instance in function.idle if not instance.stays), None)
        if idle is not None:
            self._cell.keeping.end(idle, "expired")
            return True
        busy = [instance for instance in function.ready if not instance.stays]
        if not busy:
            return False
        instance = min(busy, key=lambda each: (each.in_flight, -each.id))
        function.drain(instance)
        return True
