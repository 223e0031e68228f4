"""A cache of prefixes in several memories: blocks that give way in the accelerators go to the host's memory, and from there to a disk.

A waiting sequence finds its beginning in any of them; what lies in the host or on the disk is read into blocks of the accelerators when the
sequence is admitted, and stays where it was too. The least recently used give way.

Source: the store of Mooncake (Qin et al., FAST 2025, section 5): a pool of host memory and disks behind the accelerators' own cache.
Assumptions: writing to the host and to the disk costs nothing, for it goes on beside the iterations; reading delays the next iteration by the whole
of it, as nothing of it is hidden behind computing; each replica has memories of its own; the disk is read at once into the accelerators.
"""

from __future__ import annotations

from collections import OrderedDict

from simtier.models.llm.offload import HostMemory
from simtier.models.llm.prefixes import PrefixBlocks
from simtier.models.llm.sequence import Key, LlmSequence


class TieredBlocks(PrefixBlocks):
    """Blocks with a cache of prefixes that goes on behind them.

    Args:
        total, tokens, prefix_tokens: as for PrefixBlocks.
        host_blocks, disk_blocks: how many find room there.

    Attributes:
        memory: what reading is booked with; to be set by who has the blocks.
    """

    memory: HostMemory

    def __init__(self, total: int, tokens: int, prefix_tokens: int, host_blocks: int, disk_blocks: int) -> None:
        super().__init__(total, tokens, prefix_tokens)
        self._host = _Shelf(host_blocks)
        self._disk = _Shelf(disk_blocks)

    def _gives_way(self, key: Key) -> None:
        gone = self._host.put(key)
        if gone is not None:
            self._disk.put(gone)

    def _there(self, key: Key) -> bool:
        return super()._there(key) or key in self._host.keys or key in self._disk.keys

    def admit(self, sequence: LlmSequence) -> None:
        """Give a waiting sequence the blocks that were found, and read those that are elsewhere."""
        keys = [self._key(sequence, place) for place in range(sequence.computed // self.tokens)]
        for key in keys:  # first what is here, so that it does not give way to what is read
            if key in self._holders:
                self._hold(key)
        for key in keys:
            if key not in self._holders:
                self._read(key)
        sequence.keys.extend(keys)
        sequence.blocks = len(keys)

    def _read(self, key: Key) -> None:
        """Read a block from where it is."""
        if self._host.touch(key):
            self.memory.moved += 1
        elif self._disk.touch(key):
            self.memory.from_disk += 1
        self._use_one()
        self.free -= 1
        self._holders[key] = 1


class _Shelf:
    """Blocks of one memory, the least recently used first."""

    def __init__(self, most: int) -> None:
        self.keys: OrderedDict[Key, None] = OrderedDict()
        self._most = most

    def put(self, key: Key) -> Key | None:
        """Keep a block; return the one that gives way, which is the same if none finds room."""
        self.keys[key] = None
        self.keys.move_to_end(key)
        return self.keys.popitem(last=False)[0] if len(self.keys) > self._most else None

    def touch(self, key: Key) -> bool:
        """Use a block; return False if it is not here."""
        if key in self.keys:
            self.keys.move_to_end(key)
            return True
        return False
