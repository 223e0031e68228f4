"""Where the weights of language models are in a run: on accelerators that serve, on idle ones that had them last, in hosts' memory.

Hosts keep weights that were read from disk until others need the room, the least recently used go first (the checkpoint cache of Fu et al.,
"ServerlessLLM", OSDI 2024, section 4.1, without its tiers below memory). Assumptions: weights are kept whole or not at all; what is kept is the
same for every way to divide it among accelerators; weights of idle accelerators stay until another replica takes one of these.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simtier.clock import Clock
from simtier.models.capacity import Constant
from simtier.models.fair import Medium, Sharing
from simtier.models.node import Gang

if TYPE_CHECKING:
    from simtier.models.replica import Replica


@dataclass(frozen=True, slots=True)
class Weights:
    """The weights of a model.

    Attributes:
        name: model and precision: whoever has this can give them away.
        parts: how they are divided among the accelerators of a replica: only who divides alike can take them over where they lie.
        nbytes: of all of them.
    """

    name: str
    parts: str
    nbytes: float


class HostMemory:
    """Weights kept in the memory of a node, the least recently used leaving first.

    Args:
        room_bytes: for all of them.
    """

    def __init__(self, room_bytes: float) -> None:
        self.room_bytes = room_bytes
        self._kept: OrderedDict[str, float] = OrderedDict()

    def __contains__(self, name: str) -> bool:
        return name in self._kept

    def use(self, weights: Weights) -> None:
        """Have these as the last used; what is larger than the whole room is not kept."""
        self._kept.pop(weights.name, None)
        if weights.nbytes > self.room_bytes:
            return
        while sum(self._kept.values()) + weights.nbytes > self.room_bytes:
            self._kept.popitem(last=False)
        self._kept[weights.name] = weights.nbytes


class WeightPlaces:
    """All places of one run, and what copies between them share.

    Args:
        clock: of the run.

    Attributes:
        sharing: copies under way: those on one disk, or from one replica, have equal shares of its rate.
    """

    def __init__(self, clock: Clock) -> None:
        self.sharing = Sharing(clock)
        self._hosts: dict[str, HostMemory] = {}
        self._ready: dict[str, dict[Replica, None]] = {}
        self._media: dict[str, Medium] = {}

    def set_room(self, node: str, room_bytes: float) -> None:
        """Give a node's memory so much room for weights."""
        self._hosts[node] = HostMemory(room_bytes)

    def host(self, node: str) -> HostMemory:
        """Return what a node's memory keeps; nothing if it was given no room."""
        return self._hosts.setdefault(node, HostMemory(0.0))

    def medium(self, name: str, bytes_per_s: float) -> tuple[Medium, ...]:
        """Return what is shared under this name, made when first asked for; nothing if it is without limit."""
        if bytes_per_s == float("inf"):
            return ()
        return (self._media.setdefault(name, Medium(name, Constant(bytes_per_s))),)

    def ready(self, name: str) -> Sequence[Replica]:
        """Return the replicas that serve with these weights, in the order in which they became ready."""
        return tuple(self._ready.get(name, ()))

    def arrived(self, weights: Weights, replica: Replica) -> None:
        """Note that a replica is ready with these."""
        self._ready.setdefault(weights.name, {})[replica] = None

    def left(self, weights: Weights, replica: Replica) -> None:
        """Note that a replica has ended, and what its accelerators still hold."""
        self._ready.get(weights.name, {}).pop(replica, None)
        if isinstance(replica.device, Gang):
            replica.device.leave(f"{weights.name}/{weights.parts}")
