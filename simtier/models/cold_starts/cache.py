"""What a node keeps of the code and the dependencies it has fetched."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable


class LruCache:
    """Things up to a number of bytes; the least recently used go first.

    Assumption: a thing is there from when it is first asked for, so a start that begins while another fetches it finds it. A thing
    larger than the cache is not kept.

    Attributes:
        bytes: what it holds now; never more than its size.
    """

    def __init__(self, size_bytes: float) -> None:
        self.bytes = 0.0
        self._size = size_bytes
        self._held: OrderedDict[Hashable, float] = OrderedDict()

    def hit(self, thing: Hashable, size_bytes: float) -> bool:
        """Return whether `thing` is there; from now on it is, unless it is too large."""
        if thing in self._held:
            self._held.move_to_end(thing)
            return True
        if size_bytes <= self._size:
            self._held[thing] = size_bytes
            self.bytes += size_bytes
            while self.bytes > self._size:
                self.bytes -= self._held.popitem(last=False)[1]
        return False
