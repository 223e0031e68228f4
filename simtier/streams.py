"""Random numbers: one named stream per purpose, all from one seed.

A stream's numbers depend on the seed, the replication and its own name only, so adding a component never shifts another's
(SeedSequence and its spawn keys: O'Neill, PCG, 2014; NumPy's "Parallel random number generation"). Nothing else in simtier may
create a generator.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
from numpy.random import Generator, SeedSequence
from numpy.typing import NDArray

Sampler = Callable[[Generator, int], NDArray[np.float64]]

BLOCK_BITS = 10
BLOCK_MASK = (1 << BLOCK_BITS) - 1
_KEPT_BLOCKS = 128


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

    def stream(self, name: str) -> Generator:
        """Return the generator of `name`, for example "workload/cameras/arrivals"; the same one each time it is asked for."""
        if name not in self._open:
            self._open[name] = np.random.default_rng(self._sequence(name))
        return self._open[name]

    def draws(self, name: str, sample: Sampler) -> Draws:
        """Return numbers that can be read in any order: draw `i` is the same whoever asks for it and when."""
        return Draws(lambda block: np.random.default_rng(self._sequence(name, block)), sample)

    def _sequence(self, name: str, *more: int) -> SeedSequence:
        digest = hashlib.blake2b(name.encode(), digest_size=16).digest()
        words = np.frombuffer(digest, dtype="<u4").tolist()
        return SeedSequence(self.seed, spawn_key=(self.replication, *words, *more))


class Draws:
    """Random numbers by index, made in blocks as they are needed.

    A request carries its index from its arrival on, so all policies face the same world (common random numbers: Law, Simulation
    Modeling and Analysis, section 11.2), whatever order they serve requests in.
    """

    __slots__ = ("_blocks", "_generator", "_sample", "block", "values")

    def __init__(self, generator: Callable[[int], Generator], sample: Sampler) -> None:
        self._generator = generator
        self._sample = sample
        self._blocks: dict[int, list[float]] = {}
        self.block = -1
        self.values: list[float] = []

    def __call__(self, index: int) -> float:
        """Return the number at `index` >= 0."""
        if index >> BLOCK_BITS != self.block:
            self.load(index >> BLOCK_BITS)
        return self.values[index & BLOCK_MASK]

    def load(self, block: int) -> None:
        """Make `values` those of one block: draws block * BLOCK to (block + 1) * BLOCK - 1."""
        values = self._blocks.get(block)
        if values is None:
            if len(self._blocks) >= _KEPT_BLOCKS:
                del self._blocks[next(iter(self._blocks))]  # the oldest; it can be made again
            values = self._blocks[block] = self._sample(self._generator(block), 1 << BLOCK_BITS).tolist()
        self.block, self.values = block, values
