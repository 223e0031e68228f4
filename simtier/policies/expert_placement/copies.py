"""Copies of busy experts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]


def with_copies(tokens: Floats, slots: int) -> tuple[Whole, Floats]:
    """Return for each layer the expert in each of `slots` copies, in the order of their numbers, and the tokens of each copy.

    One more copy, again and again, of the expert whose copies have most to do; that makes the busiest copy as little busy as can be.
    """
    layers, experts = tokens.shape
    numbers = np.ones((layers, experts), dtype=np.int64)
    each = tokens.astype(np.float64)
    rows = np.arange(layers)
    for _ in range(slots - experts):
        busiest = each.argmax(axis=1)
        numbers[rows, busiest] += 1
        each[rows, busiest] = tokens[rows, busiest] / numbers[rows, busiest]
    which = np.repeat(np.tile(np.arange(experts), layers), numbers.ravel()).reshape(layers, slots)
    return which, np.take_along_axis(each, which, axis=1)
