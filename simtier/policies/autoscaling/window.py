"""What autoscaling policies remember of the recent past, and how they count."""

from __future__ import annotations

import math
from collections import deque

from simtier.contract import ServiceView


def ceil(number: float) -> int:
    """Return `number` rounded up; 0.9 / 0.3 is a little over 3 in floating point: that is no 4."""
    return math.ceil(round(number, 9))


class Recent:
    """Numbers of the last `window_s` seconds; one exactly that old is forgotten, of two at one instant the later counts."""

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._seen: deque[tuple[float, float]] = deque()

    def add(self, now_s: float, number: float) -> None:
        """Keep `number`, seen at `now_s`, and forget what is too old."""
        seen = self._seen
        if seen and seen[-1][0] == now_s:
            seen.pop()
        seen.append((now_s, number))
        while len(seen) > 1 and now_s - seen[0][0] >= self._window_s:
            seen.popleft()

    def mean(self) -> float:
        """Return the mean of those there are; at least one must have been added."""
        return sum(number for _, number in self._seen) / len(self._seen)


class Stabilizer:
    """Shrinks to the highest number wanted during the last `window_s` seconds, and grows at once.

    The "stabilization window" of the Kubernetes Horizontal Pod Autoscaler (`pkg/controller/podautoscaler/horizontal.go`,
    stabilizeRecommendationWithBehaviors); the number of replicas at the first question counts as wanted then.
    """

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._wanted: deque[tuple[float, int]] = deque()

    def stabilize(self, now_s: float, wanted: int, current: int) -> int:
        """Return the number to go to from `current`, when `wanted` would do now."""
        if not self._wanted:
            self._wanted.append((now_s, current))
        while self._wanted and now_s - self._wanted[0][0] >= self._window_s:
            self._wanted.popleft()
        self._wanted.append((now_s, wanted))
        highest = max(number for _, number in self._wanted)
        return min(max(current, wanted), highest)


class Demand:
    """Slots a service needs: those in use on average since the last question, and one for each request waiting now.

    What is in use is measured, not sampled, so that short requests between two questions are not missed. A batch uses one slot.
    """

    def __init__(self, now_s: float) -> None:
        self._asked_s = now_s
        self._busy_slot_s = 0.0
        self._mean = 0.0

    def measure(self, service: ServiceView, now_s: float) -> float:
        """Return the demand at `now_s`, in slots."""
        if now_s > self._asked_s:
            self._mean = (service.busy_slot_s - self._busy_slot_s) / (now_s - self._asked_s)
            self._asked_s, self._busy_slot_s = now_s, service.busy_slot_s
        return self._mean + service.queued


def replicas_for(demand: float, service: ServiceView) -> int:
    """Return how many replicas have `demand` slots: at least one if a request is there."""
    return max(ceil(demand / service.concurrency), 1 if service.in_flight or service.queued else 0)
