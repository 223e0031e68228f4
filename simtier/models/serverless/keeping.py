"""How long idle instances stay: the keep-alive policy is asked when one falls idle, and what it answers is carried out.

An instance's time runs out lazily: the clock holds one entry an instance at most for it, which looks again later if the instance was
used meanwhile, so that an instance used a thousand times costs one entry in the heap and nothing is ever scanned.
"""

from __future__ import annotations

import math
from numbers import Real
from typing import TYPE_CHECKING, Any

from simtier.contract import Asker, KeepAlive

if TYPE_CHECKING:
    from simtier.models.serverless.cell import Cell
    from simtier.models.serverless.function import Function
    from simtier.models.serverless.instance import Instance

NEVER = float("inf")


class Keeping:
    """Idle instances of one cell."""

    def __init__(self, cell: Cell, asker: Asker) -> None:
        policy = asker.policy
        assert isinstance(policy, KeepAlive)
        self._cell = cell
        self._clock = cell.clock
        self._asker = asker
        self._policy = policy
        self._idle_for = policy.idle_for
        self.ranks = type(policy).worth is not KeepAlive.worth
        """Whether the policy has an order of its own for evictions."""
        self._hears_of_ends = type(policy).ended is not KeepAlive.ended
        self._prewarms = type(policy).prewarm is not KeepAlive.prewarm

    def fall_idle(self, instance: Instance) -> None:
        """Ask how long an instance stays that has nothing to do, and keep it for so long."""
        cell, function = self._cell, instance.function
        cell.change_state(instance, "idle")
        if instance.stays:
            function.idle[instance] = None
            return
        keep_s = self._keep_s(instance)
        if self._prewarms:
            self._plan_prewarm(function)
        if keep_s == 0.0:
            self._run_out(instance)
        else:
            self._keep(instance, keep_s)

    def pick_up(self, instance: Instance) -> None:
        """Take an idle instance into use."""
        function = instance.function
        function.idle.pop(instance, None)
        if instance.listed:
            self._cell.evictions.discard(instance)
        self._cell.change_state(instance, "busy")

    def end(self, instance: Instance, how: str) -> None:
        """End an instance: it is "expired", "evicted" or "reused"."""
        cell = self._cell
        if self._hears_of_ends and instance.starting is None:
            self._asker.tell(self._policy.ended, instance.view, how)
        self._unlist(instance)
        instance.function.gone(instance)
        cell.change_state(instance, how)
        cell.record_end(instance)
        instance.node.give_back(instance.post.claim, None)

    def worth(self, instance: Instance) -> float:
        """Return what an idle instance is worth now."""
        answer: Any = self._asker.ask(self._policy.worth, instance.view)
        if not isinstance(answer, Real) or isinstance(answer, bool) or math.isnan(answer):
            raise self._asker.wrong(answer, "a number that is not NaN")
        return float(answer)

    def _keep(self, instance: Instance, keep_s: float) -> None:
        """Let an instance be idle: it can be used, and evicted."""
        cell = self._cell
        if instance.layer == "user":
            instance.function.idle[instance] = None
        else:
            cell.layers.add(instance)
        cell.evictions.add(instance)
        expires_s = instance.expires_s = self._clock.now + keep_s
        if expires_s < instance.timer_s:
            instance.timer_s = expires_s
            self._clock.call_at(expires_s, self._look, instance)
        cell.starts.became_evictable()

    def _look(self, instance: Instance) -> None:
        """See whether an idle instance's time has run out (called by the clock)."""
        now = self._clock.now
        if instance.timer_s != now:
            return  # another entry looks earlier
        instance.timer_s = NEVER
        if instance.state != "idle":
            return
        if instance.expires_s <= now:
            self._run_out(instance)
        elif instance.expires_s < NEVER:
            instance.timer_s = instance.expires_s
            self._clock.call_at(instance.timer_s, self._look, instance)

    def _run_out(self, instance: Instance) -> None:
        """End an instance, or its topmost layer."""
        if self._policy.layered and instance.layer != "bare":
            self._strip(instance)
        else:
            self.end(instance, "expired")

    def _strip(self, instance: Instance) -> None:
        """Take away the topmost layer, and ask again."""
        cell = self._cell
        self._unlist(instance)
        cell.strip(instance)
        keep_s = self._keep_s(instance)
        if keep_s == 0.0:
            self._run_out(instance)
        else:
            self._keep(instance, keep_s)

    def _unlist(self, instance: Instance) -> None:
        instance.function.idle.pop(instance, None)
        self._cell.layers.discard(instance)
        self._cell.evictions.discard(instance)

    def _keep_s(self, instance: Instance) -> float:
        answer: Any = self._asker.ask(self._idle_for, instance.view)
        if type(answer) is float and answer >= 0.0:
            return answer  # nearly always, and found out much faster
        if not isinstance(answer, Real) or isinstance(answer, bool) or not float(answer) >= 0:
            raise self._asker.wrong(answer, "seconds, 0 or more, or infinity")
        return float(answer)

    # -- starts ahead of need

    def _plan_prewarm(self, function: Function) -> None:
        answer: Any = self._asker.ask(self._policy.prewarm, function.view)
        if function.prewarm is not None:  # it has not happened yet: that would have cleared it
            self._clock.cancel(function.prewarm)
            function.prewarm = None
        if answer is None:
            return
        if not isinstance(answer, Real) or isinstance(answer, bool) or not float(answer) >= 0:
            raise self._asker.wrong(answer, "seconds, 0 or more, or None")
        at_s = self._clock.now + float(answer)
        if at_s < NEVER:
            function.prewarm = self._clock.call_at(at_s, self._prewarm, function)

    def _prewarm(self, function: Function) -> None:
        """Start an instance ahead of need, unless one is there (called by the clock)."""
        function.prewarm = None
        if not function.ready and not function.starting:
            self._cell.starts.start(function, ahead=True)
