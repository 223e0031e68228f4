"""Instances that have lost layers and wait to become one of any function that can use what they still hold.

Source: Yu et al., "RainbowCake: Mitigating Cold-starts in Serverless with Layer-wise Container Caching and Sharing", ASPLOS 2024.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import TYPE_CHECKING

from simtier.models.cold_starts.rows import key

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

    def of_use_for(self, function: FunctionSpec) -> Iterator[Instance]:
        """Yield the instances that spare `function` part of a start, the most of it first: of its runtime, then bare ones.

        Functions of which nobody said the runtime share only bare ones.
        """
        if function.runtime:
            yield from reversed(self._held.get(("language", key(function.runtime)), {}))
        yield from reversed(self._held.get(("bare", ""), {}))

    def close(self, record: Callable[[Instance, str], None]) -> None:
        """Record the present state of those left at the end of the run."""
        for instance in self:
            record(instance, instance.state)


def _key(instance: Instance) -> tuple[str, str]:
    return (instance.layer, key(instance.function.spec.runtime) if instance.layer == "language" else "")
