"""How evenly tokens are spread over accelerators."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]


@dataclass(frozen=True)
class Balance:
    """What a placement did in one window.

    Attributes:
        balancedness: mean load of an accelerator over that of the busiest, mean over layers; 1 is even.
        worst: the same in the worst layer.
        moved: copies of experts that an accelerator got and did not have before, all layers together.
    """

    balancedness: float
    worst: float
    moved: int


def loads(tokens: Floats, placed: Whole, accelerators: int) -> Floats:
    """Return the tokens by layer and accelerator; an expert's are divided evenly among its copies.

    Args:
        tokens: by layer and expert.
        placed: the expert by layer and slot, slots accelerator by accelerator.
        accelerators: a divisor of the number of slots.
    """
    layers = len(tokens)
    shares = np.take_along_axis(tokens / np.maximum(1, copies(placed, tokens.shape[1])), placed, axis=1)
    return np.asarray(shares.reshape(layers, accelerators, -1).sum(axis=2), dtype=np.float64)


def copies(placed: Whole, experts: int) -> Whole:
    """Return how many copies each expert has, by layer."""
    layers = len(placed)
    numbers = placed + experts * np.arange(layers)[:, None]
    return np.bincount(numbers.ravel(), minlength=layers * experts).reshape(layers, experts)


def balance(of_accelerators: Floats) -> Floats:
    """Return mean over busiest by layer; 1 where nothing is to do."""
    busiest = of_accelerators.max(axis=1)
    even = np.ones(len(busiest))
    np.divide(of_accelerators.mean(axis=1), busiest, out=even, where=busiest > 0)
    return even


def moved(before: Whole, after: Whole, accelerators: int, experts: int) -> int:
    """Return how many copies must come to an accelerator that has none of that expert yet, or fewer."""
    new = _held(after, accelerators, experts) - _held(before, accelerators, experts)
    return int(np.maximum(new, 0).sum())


def _held(placed: Whole, accelerators: int, experts: int) -> Whole:
    """Return the number of copies by layer and accelerator (in one), and expert."""
    return copies(placed.reshape(len(placed) * accelerators, -1), experts)


def best_possible(tokens: Floats, slots: int, accelerators: int) -> Floats:
    """Return by layer a balancedness that no placement exceeds.

    The busiest accelerator has no less than the mean, and no less than the busiest copy. That is least if copies are given one by one
    to the expert whose copies have most (each step is needed to bring the largest load down).
    """
    numbers = np.ones(tokens.shape, dtype=np.int64)
    rows = np.arange(len(tokens))
    for _ in range(slots - tokens.shape[1]):
        numbers[rows, (tokens / numbers).argmax(axis=1)] += 1
    mean = tokens.sum(axis=1) / accelerators
    busiest = np.maximum(mean, (tokens / numbers).max(axis=1))
    bound = np.ones(len(mean))
    np.divide(mean, busiest, out=bound, where=busiest > 0)
    return bound
