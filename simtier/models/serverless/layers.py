"""Instances that have lost layers and wait to become one of any function that can use what they still hold.

Source: Yu et al., "RainbowCake: Mitigating Cold-starts in Serverless with Layer-wise Container Caching and Sharing", ASPLOS 2024.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simtier.models.serverless.instance import Instance
    from simtier.models.serverless.spec import FunctionSpec

BELOW = {"user": "language", "language": "bare"}
"""What is left when a layer goes."""


class SharedLayers:
    """Idle instances without a function, by what they hold: the one that fell idle last is used first."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, str], dict[Instance, None]] = {}

    def add(self, instance: Instance) -> None:
        """Note an idle instance that holds a language or a bare layer."""
        self._held.setdefault(_key(instance), {})[instance] = None

    def discard(self, instance: Instance) -> None:
        """Forget an instance; one that is not there is fine."""
        if instance.layer != "user":
            self._held.get(_key(instance), {}).pop(instance, None)

    def __iter__(self) -> Iterator[Instance]:
        return chain.from_iterable(self._held.values())

    def best_for(self, function: FunctionSpec) -> Instance | None:
        """Return the instance that spares `function` most of a start: one of its runtime, else a bare one; None if there is none."""
        for key in (("language", function.runtime), ("bare", "")):
            held = self._held.get(key)
            if held:
                return next(reversed(held))
        return None

    def close(self, record: Callable[[Instance, str], None]) -> None:
        """Record the present state of those left at the end of the run."""
        for instance in self:
            record(instance, instance.state)


def _key(instance: Instance) -> tuple[str, str]:
    return (instance.layer, instance.function.spec.runtime if instance.layer == "language" else "")
