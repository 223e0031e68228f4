"""A platform as plainly as it can be told: one node, a list of instances, and from instant to instant everything looked at anew.

Fixed keep-alive, starts on demand, the instance used last first, the one idle longest evicted first. No request is ever given up, and
all times are numbers given beforehand.
"""

from __future__ import annotations

from dataclasses import dataclass, field

NEVER = float("inf")


@dataclass
class Call:
    """A request: when it comes, for which function, how long it runs; and what becomes of it."""

    number: int
    at_s: float
    function: str
    work_s: float
    started_s: float = NEVER
    cold: bool = False
    instance: int = -1


@dataclass
class Box:
    """An instance: when it is ready, what it runs, since when it is idle, and when and how it ended."""

    number: int
    function: str
    memory: float
    began_s: float
    ready_s: float
    running: list[tuple[float, int]] = field(default_factory=list)
    used: int = -1
    idle_s: float = NEVER
    since: int = 0
    end_s: float = NEVER
    how: str = ""


class Twin:
    """Plays `calls` to their end.

    Args:
        memories: memory of each function.
        slots: requests that an instance serves at a time.
        room: memory of the node.
        cold_s: what a start takes, the same for all.
        keep_s: how long an idle instance stays.
        rejects: turn away who finds no room, in place of letting wait.
    """

    def __init__(
        self,
        calls: list[Call],
        memories: dict[str, float],
        *,
        slots: int,
        room: float,
        cold_s: float,
        keep_s: float,
        rejects: bool,
    ) -> None:
        self.calls = calls
        self.memories = memories
        self.slots = slots
        self.room = room
        self.cold_s = cold_s
        self.keep_s = keep_s
        self.rejects = rejects
        self.boxes: list[Box] = []
        self.waiting: list[Call] = []
        self.rejected: list[int] = []
        self.starved: list[str] = []
        self.asked: list[str] = []
        self.freed = False
        self.clock = 0

    def play(self) -> None:
        """Go from instant to instant: what ends, what becomes ready, what runs out of time, who arrives, who gets a start."""
        coming = sorted(self.calls, key=lambda call: call.at_s)
        while True:
            now = min([self._next(), *(call.at_s for call in coming[:1])])
            if now == NEVER:
                return
            self._executions_end(now)
            self._starts_end(now)
            for box in self._living():
                if box.idle_s + self.keep_s <= now:
                    self._end(box, now, "expired")
            if coming and coming[0].at_s == now:
                self._arrives(coming.pop(0), now)
            self._decide(now)

    def _executions_end(self, now: float) -> None:
        for box in self._living():
            for end_s, number in sorted(box.running):
                if end_s == now:
                    box.running.remove((end_s, number))
                    self._freed(box, now)

    def _starts_end(self, now: float) -> None:
        for box in self._living():
            if box.ready_s == now and box.used < 0 and box.idle_s == NEVER:
                for call in [call for call in self.waiting if call.function == box.function][: self.slots]:
                    self._run(call, box, now, cold=True)
                if not box.running:
                    self._idles(box, now)

    def _living(self) -> list[Box]:
        return [box for box in self.boxes if not box.how]

    def _next(self) -> float:
        times = [NEVER]
        for box in self._living():
            times += [end_s for end_s, _ in box.running]
            if box.used < 0 and not box.running and box.idle_s == NEVER:
                times.append(box.ready_s)
            times.append(box.idle_s + self.keep_s)
        return min(times)

    def _arrives(self, call: Call, now: float) -> None:
        mine = [box for box in self._living() if box.function == call.function and box.ready_s <= now]
        partly = [box for box in mine if 0 < len(box.running) < self.slots]
        idle = [box for box in mine if not box.running]
        for free in (partly, idle):
            if free:
                self._run(call, max(free, key=lambda box: box.since), now, cold=False)
                return
        self.waiting.append(call)
        self.asked.append(call.function)

    def _run(self, call: Call, box: Box, now: float, *, cold: bool) -> None:
        if call in self.waiting:
            self.waiting.remove(call)
        call.started_s, call.cold, call.instance = now, cold, box.number
        box.running.append((now + call.work_s, call.number))
        box.idle_s = NEVER
        box.used = call.number
        self._touch(box)

    def _touch(self, box: Box) -> None:
        self.clock += 1
        box.since = self.clock

    def _freed(self, box: Box, now: float) -> None:
        mine = [call for call in self.waiting if call.function == box.function]
        if mine:
            self._run(mine[0], box, now, cold=False)
        elif box.running:
            self._touch(box)
        else:
            self._idles(box, now)

    def _idles(self, box: Box, now: float) -> None:
        box.idle_s = now
        self.freed = True
        self._touch(box)
        if self.keep_s == 0:
            self._end(box, now, "expired")

    def _end(self, box: Box, now: float, how: str) -> None:
        box.end_s, box.how = now, how
        self.freed = True

    def _decide(self, now: float) -> None:
        """Try again for who found no room, if there is more now, in order; then for who has just found no free slot."""
        while self.freed or self.asked:
            again = self.starved if self.freed else []
            functions, self.asked, self.freed = [*again, *self.asked], [], False
            self.starved = [function for function in self.starved if function not in again]
            for function in functions:
                self._start(function, now)

    def _start(self, function: str, now: float) -> None:
        """Start an instance for each waiting request that none is starting for; without room evict; without any wait, or go."""
        while self._lacks(function, now) > 0 and self._fits(function, now):
            self.boxes.append(Box(len(self.boxes), function, self.memories[function], now, now + self.cold_s))
            self.starved = [each for each in self.starved if each != function]
        if self._lacks(function, now) > 0:
            if function not in self.starved:
                self.starved.append(function)
            if self.rejects:
                self._turn_away(function, now)

    def _starting(self, function: str, now: float) -> int:
        return sum(box.function == function and box.ready_s > now for box in self._living())

    def _lacks(self, function: str, now: float) -> int:
        return sum(call.function == function for call in self.waiting) - self._starting(function, now)

    def _turn_away(self, function: str, now: float) -> None:
        places = self._starting(function, now) * self.slots
        for call in [call for call in self.waiting if call.function == function][places:]:
            self.waiting.remove(call)
            self.rejected.append(call.number)

    def _fits(self, function: str, now: float) -> bool:
        """Make room, the longest idle first, if there can be enough."""
        idle = sorted((box for box in self._living() if box.idle_s < NEVER), key=lambda box: box.since)
        free = self.room - sum(box.memory for box in self._living())
        if free + sum(box.memory for box in idle) < self.memories[function]:
            return False
        while free < self.memories[function]:
            free += idle[0].memory
            self._end(idle.pop(0), now, "evicted")
        return True
