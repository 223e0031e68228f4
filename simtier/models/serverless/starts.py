"""Starts of instances: where there is room, what is evicted for it, how long it takes, and what has to wait.

Assumptions: a start takes what the cold-start model says, whatever else the node does; its memory is taken from its beginning on; it
cannot fail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simtier.clock import DECIDE
from simtier.errors import SimulationError
from simtier.models.node import ROUNDING
from simtier.models.serverless.instance import Instance, StartUp
from simtier.models.serverless.spec import COMPONENTS, LAYERS, Start, Times

if TYPE_CHECKING:
    from simtier.models.node import Node
    from simtier.models.serverless.cell import Cell
    from simtier.models.serverless.function import Function
    from simtier.models.serverless.instance import Post


NAN = float("nan")
_MORE_AT_ONCE = 1000


class Starts:
    """The starts of one cell.

    Attributes:
        under_way: how many there are now.
    """

    def __init__(self, cell: Cell) -> None:
        self.under_way = 0
        self._cell = cell
        self._clock = cell.clock
        self._starved: dict[Function, None] = {}
        self._retrying = self._again = False
        self._at_once: dict[Function, int] = {}
        self._last_s = -1.0

    def start(self, function: Function, *, ahead: bool = False) -> bool:
        """Start one more instance of `function`; return False if there is no room.

        A start that finds no room is tried again as soon as there may be some if a request needs it; if none does it is left to the next
        time that the autoscaling policy is asked, for instances that nobody waits for could drive each other out without end.
        """
        post, held = self._find_room(function)
        if post is None:
            if not ahead:
                if not self._again:  # one that is tried again has been recorded
                    self._cell.record_unplaced(function)
                if len(function.waiting) > len(function.starting):
                    self._starved[function] = None
            return False
        self._begin(function, post, held)
        return True

    def begin_ready(self, function: Function) -> bool:
        """Have one instance more that is ready at once and stays; return False if there is no room. For time zero."""
        node = self._cell.room.find(function)
        if node is None:
            return False
        post = function.post_on(node)
        node.take(post.claim)
        instance = Instance(self._cell.next_number(), post, self._clock.now)
        instance.stays = True
        function.became_ready(instance)
        return True

    def call_off(self, instance: Instance) -> None:
        """End a start before it is done."""
        assert instance.starting is not None
        self._clock.cancel(instance.starting.entry)
        self._finish(instance, -1, NAN)
        self._cell.keeping.end(instance, "expired")

    def room_freed(self, node: Node) -> None:
        """Hear that memory of `node` is free again."""
        self._cell.room.freed(node)
        self._retry_soon()

    def became_evictable(self) -> None:
        """Hear that one more instance is idle, whose memory can be had."""
        if self._starved:
            self._retry_soon()

    def close(self) -> None:
        """Record the starts under way at the end of the run."""
        for function in self._cell.functions.values():
            self.close_one(function)

    def close_one(self, function: Function) -> None:
        """Record one function's starts under way."""
        for instance in function.starting:
            self._record(instance, -1, NAN)

    def _find_room(self, function: Function) -> tuple[Post | None, str]:
        """Return where an instance goes, and the topmost layer that is there already: "" for none."""
        cell = self._cell
        for shared in cell.layers.of_use_for(function.spec):
            post, layer = function.post_on(shared.node), shared.layer
            if _fits_in_place_of(shared, post):
                cell.keeping.end(shared, "reused")
                return post, layer
        node = cell.room.find(function)
        return (None, "") if node is None else (function.post_on(node), "")

    def _begin(self, function: Function, post: Post, held: str) -> None:
        cell, now = self._cell, self._clock.now
        self._count(function)
        post.node.take(post.claim)
        instance = Instance(cell.next_number(), post, now)
        times = cell.spec.cold_start.times(
            Start(function.spec, function.next_start(), post.node.name, now, self.under_way, held)
        )
        times = _without(times, held)
        self.under_way += 1
        instance.starting = StartUp(times, held, now, self._clock.call_in(sum(times), self._ready, instance))
        function.starting[instance] = None
        self._starved.pop(function, None)

    def _count(self, function: Function) -> None:
        """Count the starts of one instant: without end they would stop the clock."""
        if self._last_s != self._clock.now:
            self._last_s = self._clock.now
            self._at_once.clear()
        number = self._at_once[function] = self._at_once.get(function, 0) + 1
        if number > 2 * self._cell.spec.most + _MORE_AT_ONCE:
            raise SimulationError(
                f"function {function.name!r} of platform {self._cell.name!r} has started {number} instances at {self._last_s:.6g} s, "
                "and no time passes: its keep-alive policy ends them at once and starts them again; let cold starts take time"
            )

    def _ready(self, instance: Instance) -> None:
        """Let an instance serve that has started (called by the clock)."""
        function = instance.function
        assert instance.starting is not None
        if not instance.starting.held:
            function.start_times.learn(instance.starting.times)
        self._finish(instance, function.first_waiting(), self._clock.now)
        del function.starting[instance]
        function.became_ready(instance)

    def _finish(self, instance: Instance, request: int, ready_s: float) -> None:
        self._record(instance, request, ready_s)
        self.under_way -= 1
        instance.starting = None
        instance.since_s = self._clock.now

    def _record(self, instance: Instance, request: int, ready_s: float) -> None:
        """Append a start, as a whole and component by component as states of the instance up to now."""
        start, cell, now = instance.starting, self._cell, self._clock.now
        assert start is not None
        cell.record_start(instance, request, ready_s)
        begin_s = start.began_s
        for name, seconds in zip(COMPONENTS, start.times, strict=True):
            if seconds > 0.0 and begin_s < now:
                cell.record_component(instance, name, begin_s, min(begin_s + seconds, now))
            begin_s += seconds

    # -- starts that wait for room

    def _retry_soon(self) -> None:
        if self._starved and not self._retrying:
            self._retrying = True
            self._clock.call_at(self._clock.now, self._retry, None, DECIDE)

    def _retry(self, _: object) -> None:
        """Try again for the functions that found no room, in order."""
        self._retrying, self._again = False, True
        for function in list(self._starved):
            del self._starved[function]
            self._cell.scaling.ask(function)
        self._again = False


def _fits_in_place_of(shared: Instance, post: Post) -> bool:
    """Return whether an instance has room on its node once `shared` is gone from there."""
    node, claim, freed = post.node, post.claim, shared.post.claim
    cores_fit = claim.cores <= node.cores_free + freed.cores + ROUNDING * node.cores
    return cores_fit and claim.memory_bytes <= node.memory_free_bytes + freed.memory_bytes


def _without(times: Times, held: str) -> Times:
    """Return the times without the components of the layers up to `held`."""
    if not held:
        return times
    spared = set(LAYERS["bare"]) | (set(LAYERS["language"]) if held == "language" else set())
    kept = [0.0 if name in spared else t for name, t in zip(COMPONENTS, times, strict=True)]
    return (kept[0], kept[1], kept[2], kept[3], kept[4], kept[5])
