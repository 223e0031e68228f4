"""Cold-start models that make the times of a start as one row, whose components go together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from simtier.models.serverless.spec import COMPONENTS, FunctionSpec, Start, Times
from simtier.streams import Draws, Sampler

Floats = NDArray[np.float64]
MakeDraws = Callable[[str, Sampler], Draws]
"""Makes the numbers of a platform's function: what they are called ("resize/cold_start"), and what samples them."""

WIDTH = 8
"""Uniform numbers of one start; start k has the numbers from 8 k on."""


class Rows(Protocol):
    """How the times of starts are made of uniform numbers."""

    @property
    def means(self) -> Times:
        """Mean seconds of each component."""

    def rows(self, uniforms: Floats) -> Floats:
        """Return the seconds of each component, (starts, components), from uniform numbers, (starts, `WIDTH`)."""


class RowModel:
    """Times of starts drawn row by row; the k-th start of a function takes the same whatever policies do.

    Assumptions: starts are independent of each other, of the node and of the time; only if there is a `demand_slope`, scheduling
    takes (1 + demand_slope x starts under way) times as long.

    Args:
        rows_of: how the rows of a function are made.
        draws: makes a function's random numbers.
        demand_slope: see above; 0 for none.
    """

    def __init__(self, rows_of: Callable[[FunctionSpec], Rows], draws: MakeDraws, demand_slope: float = 0.0) -> None:
        self._rows_of = rows_of
        self._make_draws = draws
        self._demand_slope = demand_slope
        self._draws: dict[str, Draws] = {}

    def times(self, start: Start) -> Times:
        draws = self._draws.get(start.function.name)
        if draws is None:
            sample = _sampler(self._rows_of(start.function))
            draws = self._draws[start.function.name] = self._make_draws(f"{start.function.name}/cold_start", sample)
        first = start.number * WIDTH
        scheduling_s = draws(first) * (1.0 + self._demand_slope * start.under_way)
        return (scheduling_s, draws(first + 1), draws(first + 2), draws(first + 3), draws(first + 4), draws(first + 5))

    def expected(self, function: FunctionSpec) -> Times:
        return self._rows_of(function).means


def _sampler(rows: Rows) -> Sampler:
    """Return what fills a block of numbers with rows of times, each padded to the uniform numbers it was made of."""

    def sample(rng: Generator, number: int) -> Floats:
        block = np.zeros((number // WIDTH, WIDTH))
        block[:, : len(COMPONENTS)] = rows.rows(rng.random(number).reshape(-1, WIDTH))
        return block.ravel()

    return sample


def key(runtime: str) -> str:
    """Return a runtime's name as it is compared: "Node.js" is "nodejs", and "C#" is not "C"."""
    return "".join(letter for letter in runtime.lower() if letter.isalnum() or letter in "#+")
