"""Random numbers: one named stream per purpose, all from one seed.

A stream's numbers depend on the seed, the replication and its own name only, so adding a component never shifts another's.
Nothing else in simtier may create a generator.

Draws that belong to requests are read by the request's number, in any order, from a counter-based generator (Philox: Salmon et al.,
"Parallel random numbers: as easy as 1, 2, 3", SC 2011): a block of draws is made from its number alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
from numpy.random import Generator, Philox, SeedSequence
from numpy.typing import NDArray

Sampler = Callable[[Generator, int], NDArray[np.float64]]
Key = NDArray[np.uint64]

BLOCK_BITS = 7
BLOCK_MASK = (1 << BLOCK_BITS) - 1
SOURCE_BITS = 32
"""A request's number is its source's number, shifted by this, plus its count within the source."""

_BLOCKS_OF_SOURCE = SOURCE_BITS - BLOCK_BITS
_KEPT_BLOCKS = 512


class Streams:
    """All random numbers of one replication of one run.

    Args:
        seed: the scenario's seed, a non-negative integer.
        replication: which independent repetition, from 0.
    """

    def __init__(self, seed: int, replication: int = 0) -> None:
        self.seed = seed
        self.replication = replication
        self._open: dict[str, Generator] = {}
        self._sources: list[str] = []

    def stream(self, name: str) -> Generator:
        """Return the generator of `name`, for example "workload/cameras/arrivals"; the same one each time it is asked for."""
        if name not in self._open:
            self._open[name] = np.random.default_rng(self._sequence(name))
        return self._open[name]

    def source(self, name: str) -> int:
        """Register a source of requests and return the number of its first request; the others follow."""
        self._sources.append(name)
        return (len(self._sources) - 1) << SOURCE_BITS

    def draws(self, name: str, sample: Sampler) -> Draws:
        """Return numbers by index, from 0: draw `i` is the same whoever asks for it and when."""
        return Draws(lambda _: self._key(name), sample)

    def request_draws(self, name: str, sample: Sampler) -> Draws:
        """Return numbers by request: they depend on the request's source, by name, and its count there, and on nothing else.

        So all policies face the same world (common random numbers: Law, Simulation Modeling and Analysis, section 11.2), and so
        does a scenario that has more in it.
        """
        return Draws(lambda source: self._key(f"{name}\n{self._name_of(source)}"), sample)

    def _name_of(self, source: int) -> str:
        """Return a source's name; its number if nobody registered it, as for messages that belong to no workload."""
        return self._sources[source] if source < len(self._sources) else f"source {source}"

    def _key(self, name: str) -> Key:
        return self._sequence(name).generate_state(2, np.uint64).astype(np.uint64)

    def _sequence(self, name: str) -> SeedSequence:
        digest = hashlib.blake2b(name.encode(), digest_size=16).digest()
        words = np.frombuffer(digest, dtype="<u4").tolist()
        return SeedSequence(self.seed, spawn_key=(self.replication, *words))


class Draws:
    """Random numbers by index, made in blocks as they are needed.

    Attributes:
        block: number of the block at hand.
        values: its draws; draw `i` is `values[i & BLOCK_MASK]` if `i >> BLOCK_BITS == block`.
    """

    __slots__ = ("_blocks", "_generator", "_key", "_keys", "_philox", "_sample", "_state", "block", "values")

    def __init__(self, key: Callable[[int], Key], sample: Sampler) -> None:
        self._key = key
        self._keys: dict[int, Key] = {}
        self._sample = sample
        self._philox = Philox(0)
        self._generator = Generator(self._philox)
        self._state = self._philox.state
        self._blocks: dict[int, list[float]] = {}
        self.block = -1
        self.values: list[float] = []

    def __call__(self, index: int) -> float:
        """Return the number at `index` >= 0."""
        if index >> BLOCK_BITS != self.block:
            self.load(index >> BLOCK_BITS)
        return self.values[index & BLOCK_MASK]

    def load(self, block: int) -> None:
        """Make `values` those of `block`."""
        values = self._blocks.get(block)
        if values is None:
            if len(self._blocks) >= max(_KEPT_BLOCKS, 2 * len(self._keys)):
                del self._blocks[next(iter(self._blocks))]  # the oldest; it can be made again
            values = self._blocks[block] = self._make(block)
        self.block, self.values = block, values

    def _make(self, block: int) -> list[float]:
        source, within = block >> _BLOCKS_OF_SOURCE, block & ((1 << _BLOCKS_OF_SOURCE) - 1)
        if source not in self._keys:
            self._keys[source] = self._key(source)
        # Setting the state of one generator is four times as fast as making a new one.
        self._state["state"] = {"counter": np.array([0, 0, 0, within], dtype=np.uint64), "key": self._keys[source]}
        self._state["buffer_pos"], self._state["has_uint32"] = 4, 0
        self._philox.state = self._state
        drawn: list[float] = self._sample(self._generator, 1 << BLOCK_BITS).tolist()
        return drawn
