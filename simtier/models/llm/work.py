"""What one iteration of an engine computes, and how long that takes by a cost model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Chunk = tuple[int, int]
"""A piece of a prompt: how many tokens are computed, and how many of the sequence were before."""
Floats = NDArray[np.float64]


class IterationCost(Protocol):
    """How long iterations take, in seconds.

    A decode computes one token of a sequence; its context is the tokens it attends to, itself included. `contexts` is their sum over
    all decodes of the iteration.
    """

    def seconds(self, chunks: Sequence[Chunk], decodes: int, contexts: float) -> float:
        """Return what an iteration takes that computes `chunks`, and `decodes` sequences' next token."""

    def line(self, decodes: int) -> tuple[float, float] | None:
        """Return (a, b) if an iteration of only `decodes` decodes takes a + b contexts, whatever the contexts; else None."""

    def times(self, decodes: int, contexts: float, iterations: int) -> Floats:
        """Return what each of `iterations` iterations takes in which the same sequences decode one after the other.

        `contexts` holds for the first; each adds one to every context.
        """
