"""Blocks that are kept after use, so that sequences with the same beginning need not compute it again.

A full block is known by what stands in it and before it: within a prompt whose beginning the request tells (`LlmSequence.prefix`, one number
for so many tokens, as traces have it), by that; else by the sequence and the place in it, so that a preempted sequence finds its own
blocks again, as long as they are there. Blocks that nobody holds stay, and give way when blocks are needed: the least recently freed
first, of one sequence the last ones first.

Source: automatic prefix caching of vLLM's version 1 (`vllm/v1/core/kv_cache_manager.py`, `block_pool.py`). Assumption: a block that is being
computed is found from the begin of the iteration on; two sequences that compute the same at once each keep a copy, and one is found.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Collection
from itertools import count

from simtier.models.llm.blocks import Blocks
from simtier.models.llm.sequence import Key, LlmSequence


class PrefixBlocks(Blocks):
    """Blocks with a cache of prefixes.

    Args:
        total, tokens: as for Blocks.
        prefix_tokens: tokens that each number of `LlmSequence.prefix` stands for; a multiple of `tokens`.
    """

    def __init__(self, total: int, tokens: int, prefix_tokens: int = 512) -> None:
        super().__init__(total, tokens)
        self._each = prefix_tokens // tokens
        self._holders: dict[Key, int] = {}
        """How many sequences hold each block whose content is known."""
        self._unheld: OrderedDict[Key, None] = OrderedDict()
        """Used blocks that nobody holds, the least recently freed first; those of unknown content have a key of their own."""
        self._fresh = total  # never used
        self._nobody = count(1)

    def grow(self, number: int) -> None:
        super().grow(number)
        self._fresh += max(0, number)
        for _ in range(-number):
            self._use_one()

    def _use_one(self) -> None:
        """Take a block that nobody holds: one that was never used, else the one freed longest ago, whose content is then gone."""
        if self._fresh:
            self._fresh -= 1
        else:
            key = self._unheld.popitem(last=False)[0]
            if self._holders.pop(key, None) is not None:
                self._gives_way(key)

    def _gives_way(self, key: Key) -> None:
        """Hear that a block of known content is needed for something else."""

    def look(self, sequence: LlmSequence) -> None:
        """Tell a waiting sequence how much of it is there; at least one token is always computed.

        One whose blocks lie in the host's memory has all of its own, and looks for none.
        """
        if sequence.swapped:
            return
        whole = (sequence.prompt + sequence.generated - 1) // self.tokens
        found = 0
        while found < whole and self._there(self._key(sequence, found)):
            found += 1
        sequence.computed = found * self.tokens

    def needed(self, sequence: LlmSequence, tokens: int) -> int:
        more = super().needed(sequence, tokens)
        # It waits: what it finds and somebody holds costs nothing.
        if not sequence.blocks and sequence.computed and not sequence.swapped:
            found = (self._key(sequence, place) for place in range(sequence.computed // self.tokens))
            more -= sum(1 for key in found if self._holders.get(key))
        return more

    def admit(self, sequence: LlmSequence) -> None:
        """Give a waiting sequence the blocks that were found."""
        for place in range(sequence.computed // self.tokens):
            key = self._key(sequence, place)
            self._hold(key)
            sequence.keys.append(key)
        sequence.blocks = len(sequence.keys)

    def _there(self, key: Key) -> bool:
        """Return whether a block of that content can be found."""
        return key in self._holders

    def _hold(self, key: Key) -> None:
        """Hold a block that is here."""
        if not self._holders[key]:
            del self._unheld[key]
            self.free -= 1
        self._holders[key] += 1

    def back(self, sequences: Collection[LlmSequence]) -> int:
        losing = Counter(key for sequence in sequences for key in sequence.keys if key is not None)
        shared = sum(number for key, number in losing.items() if number < self._holders[key])
        twice = sum(number - 1 for key, number in losing.items() if number == self._holders[key])
        return super().back(sequences) - shared - twice

    def take(self, sequence: LlmSequence, tokens: int) -> None:
        self._take_blocks(sequence, tokens)
        for place in range(len(sequence.keys), (sequence.computed + tokens) // self.tokens):
            sequence.keys.append(self._claim(sequence, place))

    def take_unknown(self, sequence: LlmSequence, tokens: int) -> None:
        self._take_blocks(sequence, tokens)
        new = (sequence.computed + tokens) // self.tokens - len(sequence.keys)
        sequence.keys.extend([None] * new)

    def know(self, sequence: LlmSequence) -> None:
        for place, key in enumerate(sequence.keys):
            if key is None:
                sequence.keys[place] = self._claim(sequence, place)

    def _take_blocks(self, sequence: LlmSequence, tokens: int) -> None:
        more = Blocks.needed(self, sequence, tokens)
        sequence.blocks += more
        self.free -= more
        for _ in range(more):
            self._use_one()

    def _claim(self, sequence: LlmSequence, place: int) -> Key | None:
        """Return what a block is found by from now on; None if another one is found by that already."""
        key = self._key(sequence, place)
        if key in self._holders:
            return None
        self._holders[key] = 1
        return key

    def release(self, sequence: LlmSequence) -> None:
        for _ in range(sequence.blocks - len(sequence.keys)):
            self._free_unknown()
        for key in reversed(sequence.keys):
            if key is None:
                self._free_unknown()
                continue
            self._holders[key] -= 1
            if not self._holders[key]:
                self._unheld[key] = None
                self.free += 1
        sequence.keys.clear()
        sequence.blocks = 0

    def plant(self, sequence: LlmSequence, tokens: int) -> None:
        keys = [self._key(sequence, place) for place in range(tokens // self.tokens)]
        there = [key for key in keys if key in self._unheld]
        new = [key for key in keys if key not in self._holders][: self.free - len(there)]
        for key in there:
            self._unheld.move_to_end(key)  # those below make others give way
        for key in new:
            self._use_one()
            self._holders[key] = 0
            self._unheld[key] = None
        for key in reversed(keys):  # the last ones give way first
            if key in self._unheld:
                self._unheld.move_to_end(key)

    def _free_unknown(self) -> None:
        self._unheld[(0, -next(self._nobody))] = None
        self.free += 1

    def _key(self, sequence: LlmSequence, place: int) -> Key:
        number = place // self._each
        if number < len(sequence.prefix) and (place + 1) * self.tokens <= sequence.shared:
            return (sequence.prefix[number], place % self._each)
        return (-1 - sequence.id, place + (sequence.part << 32))
