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

    def look(self, sequence: LlmSequence) -> None:
        """Tell a waiting sequence how much of it is there; at least one token is always computed.

        One whose blocks lie in the host's memory has all of its own, and looks for none.
        """
        if sequence.swapped:
            return
        whole = (sequence.prompt + sequence.generated - 1) // self.tokens
        found = 0
        while found < whole and self._key(sequence, found) in self._holders:
            found += 1
        sequence.computed = found * self.tokens

    def needed(self, sequence: LlmSequence, tokens: int) -> int:
        more = super().needed(sequence, tokens)
        # It waits: what it finds and somebody holds costs nothing.
        if not sequence.blocks and sequence.computed and not sequence.swapped:
            found = (self._key(sequence, place) for place in range(sequence.computed // self.tokens))
            more -= sum(1 for key in found if self._holders[key])
        return more

    def admit(self, sequence: LlmSequence) -> None:
        """Give a waiting sequence the blocks that were found."""
        for place in range(sequence.computed // self.tokens):
            key = self._key(sequence, place)
            if not self._holders[key]:
                del self._unheld[key]
                self.free -= 1
            self._holders[key] += 1
            sequence.keys.append(key)
        sequence.blocks = len(sequence.keys)

    def back(self, sequences: Collection[LlmSequence]) -> int:
        losing = Counter(key for sequence in sequences for key in sequence.keys if key is not None)
        shared = sum(number for key, number in losing.items() if number < self._holders[key])
        twice = sum(number - 1 for key, number in losing.items() if number == self._holders[key])
        return super().back(sequences) - shared - twice

    def take(self, sequence: LlmSequence, tokens: int) -> None:
        more = Blocks.needed(self, sequence, tokens)
        sequence.blocks += more
        self.free -= more
        for _ in range(more):
            if self._fresh:
                self._fresh -= 1
            else:
                self._holders.pop(self._unheld.popitem(last=False)[0], None)
        for place in range(len(sequence.keys), (sequence.computed + tokens) // self.tokens):
            key: Key | None = self._key(sequence, place)
            if key in self._holders:
                key = None
            else:
                self._holders[key] = 1  # type: ignore[index]  # not None here
            sequence.keys.append(key)

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

    def _free_unknown(self) -> None:
        self._unheld[(0, -next(self._nobody))] = None
        self.free += 1

    def _key(self, sequence: LlmSequence, place: int) -> Key:
        number = place // self._each
        if number < len(sequence.prefix) and (place + 1) * self.tokens <= sequence.prompt:
            return (sequence.prefix[number], place % self._each)
        return (-1 - sequence.id, place)
