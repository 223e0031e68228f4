"""The memory of the host, and a disk behind it: where blocks go, and come back from.

Assumption: what is moved delays the next iteration by all of its time; nothing of it is hidden behind computing.
"""

from __future__ import annotations

from collections.abc import Iterable

from simtier.models.llm.blocks import Blocks
from simtier.models.llm.sequence import LlmSequence


class HostMemory:
    """Blocks on their way from or to the accelerators.

    Args:
        block_s: what one block takes to or from the host.
        disk_block_s: what one block takes from the disk.

    Attributes:
        moved: blocks that moved between the host and the accelerators since the last iteration began.
        from_disk: blocks that were read from the disk since then.
    """

    def __init__(self, block_s: float, disk_block_s: float = 0.0) -> None:
        self._block_s = block_s
        self._disk_block_s = disk_block_s
        self.moved = self.from_disk = 0

    def take_back(self, sequences: Iterable[LlmSequence], blocks: Blocks) -> None:
        """Give swapped sequences blocks again, and move what they had into them."""
        for sequence in sequences:
            blocks.take(sequence, 0)
            self.moved += sequence.blocks
            sequence.swapped = False

    def settle_s(self) -> float:
        """Return how long the next iteration waits for what was moved."""
        took_s = self.moved * self._block_s + self.from_disk * self._disk_block_s
        self.moved = self.from_disk = 0
        return took_s
