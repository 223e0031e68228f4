"""How many instances pools hold: the keep-alive policy is asked, and the pools are filled up to its answer."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from numbers import Integral
from typing import Any, Protocol

from simtier.clock import DECIDE, Clock
from simtier.contract import Asker, KeepAlive, PoolView

MOST = 1_000_000


class Pool(Protocol):
    """A pool of a cold-start model."""

    @property
    def view(self) -> PoolView:
        """What the policy sees of it."""

    def resize(self, size: int, now_s: float) -> None:
        """Fill up to `size` instances from now on."""


class PoolSizes:
    """Asks for the size of each pool at time zero, and then at k times the policy's period if that is finite."""

    def __init__(self, clock: Clock, asker: Asker, pools: Sequence[Pool]) -> None:
        policy = asker.policy
        assert isinstance(policy, KeepAlive)
        self._clock = clock
        self._asker = asker
        self._policy = policy
        self._pools = pools
        self._ticks = count(1)
        self.owner = ("platform", asker.owner.partition("/")[0])
        """Whose it is: all that it does follows from that, and concerns nothing else."""
        if pools and type(policy).pool_size is not KeepAlive.pool_size:
            clock.call_at(0.0, self._ask, None, DECIDE)

    def _ask(self, _: object) -> None:
        for pool in self._pools:
            answer: Any = self._asker.ask(self._policy.pool_size, pool.view)
            if answer is None:
                continue
            if isinstance(answer, bool) or not isinstance(answer, Integral) or not 0 <= int(answer) <= MOST:
                raise self._asker.wrong(answer, f"a number of instances from 0 to {MOST:,}, or None")
            pool.resize(int(answer), self._clock.now)
        every_s = self._policy.pool_every_s
        if every_s < float("inf"):
            self._clock.call_at(next(self._ticks) * every_s, self._ask, None, DECIDE)
