"""The kind of policy that says how long instances of functions stay, and when they are started ahead of need."""

from __future__ import annotations

from typing import ClassVar

from simtier.contract.function_views import FunctionView, InstanceView, PoolView
from simtier.contract.policy import Policy


class KeepAlive(Policy):
    """How long an idle instance stays, which one goes first when memory is needed, and what is started ahead of need.

    One object serves a cell of a platform (all of it, a region, a node): it sees the instances of all functions there.
    """

    kind: ClassVar[str] = "keep_alive"
    layered: ClassVar[bool] = False
    """True: an instance whose time has run out loses its topmost layer instead of ending (user, then language, then bare), and
    `idle_for` is asked again; a bare one ends."""

    def idle_for(self, instance: InstanceView) -> float:
        """Return for how many seconds an instance may stay idle: 0 to end it at once, infinity to keep it until memory is needed.

        Asked each time an instance falls idle: when its last request ended and nobody waits, when it became ready and nobody
        waited for it (`instance.uses` is 0), and, if `layered`, when it has lost a layer.
        """
        raise NotImplementedError

    def prewarm(self, function: FunctionView) -> float | None:  # noqa: ARG002 - most policies start nothing ahead
        """Return in how many seconds an instance is to be started ahead of need, or None for none.

        Asked right after `idle_for` (not after the loss of a layer). A new answer takes the place of the one before. When the time
        comes an instance is started, unless the function has one, ready or starting.
        """
        return None

    def worth(self, instance: InstanceView) -> float:
        """Return how much an idle instance is worth: when memory is needed on a node, the lowest goes first, of equals the longest idle.

        Asked when the instance falls idle, and again before it is evicted: an instance that has gained worth meanwhile is saved. The default
        is the time since which it is idle (least recently used).
        """
        return instance.idle_since_s

    def ended(self, instance: InstanceView, how: str) -> None:
        """Hear that an instance goes: "expired" (its time ran out, or fewer are wanted), "evicted" (its memory is needed) or "reused".

        Called just before, for each instance that has started.
        """

    def pool_size(self, pool: PoolView) -> int | None:  # noqa: ARG002 - most policies leave pools as they are
        """Return to how many instances a pool is to be filled up, or None for the size it has.

        Asked at the start, and every `pool_every_s` seconds if that is finite.
        """
        return None

    @property
    def pool_every_s(self) -> float:
        """How often `pool_size` is asked; infinity for only at the start."""
        return float("inf")
