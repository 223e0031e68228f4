"""The autoscaler: asks its policy how many replicas a service should have, and starts or stops the difference."""

from __future__ import annotations

from itertools import count
from numbers import Integral
from typing import Any

from simtier.clock import DECIDE
from simtier.contract import Asker, Autoscaling
from simtier.models.service import Service


class Autoscaler:
    """Asks at k times the policy's period, and at once when a request finds neither a ready nor a starting replica.

    Args:
        service: whose replicas.
        asker: the autoscaling policy.
        least, most: bounds of the service.
    """

    def __init__(self, service: Service, asker: Asker, least: int, most: int) -> None:
        policy = asker.policy
        assert isinstance(policy, Autoscaling)
        self._service = service
        self._asker = asker
        self._policy = policy
        self._least = least
        self._most = most
        self._ticks = count(1)
        self.owner = ("service", service.name)
        """Whose it is: all that it does follows from that, and concerns nothing else."""
        if not asker.skip:
            service.on_none_ready = self._ask_soon
            self._asked_soon = False
            self._next_tick()

    def _next_tick(self) -> None:
        self._service.clock.call_at(next(self._ticks) * self._policy.every, self._tick, None, DECIDE)

    def _tick(self, _: object) -> None:
        self._ask()
        self._next_tick()

    def _ask_soon(self) -> None:
        """Ask once, when all requests of this instant are there."""
        if not self._asked_soon:
            self._asked_soon = True
            clock = self._service.clock
            clock.call_at(clock.now, self._ask_now, None, DECIDE)

    def _ask_now(self, _: object) -> None:
        self._asked_soon = False
        self._ask()

    def _ask(self) -> None:
        service = self._service
        answer: Any = self._asker.ask(self._policy.target, service.view)
        if isinstance(answer, bool) or not isinstance(answer, Integral) or answer < 0:
            raise self._asker.wrong(answer, "a number of replicas, 0 or more")
        target = min(max(int(answer), self._least), self._most)
        fleet = service.fleet
        have = len(fleet.ready) + len(fleet.starting)
        for _ in range(target - have):
            if not fleet.start():
                break
        for _ in range(have - target):
            fleet.stop()
