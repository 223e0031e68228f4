"""Iteration times from measured tables: microseconds of each kernel, interpolated.

The tables are those of vLLM profiles as LLMServingSim writes them (Cho et al., IISWC 2024; version 2.0): `dense` by tokens, `attention` by new
tokens of prompts, tokens before them, decoding sequences and their mean context, `per_sequence` by sequences. Kernels of a layer count
`layers` times, those of `ONCE` once.

Between points times are interpolated linearly (attention: in each of its four numbers); beyond the last point the line goes on through it and the
last point of half as much or less (kernels take steps, and neighbours may lie on one), and `beyond` counts such look-ups. Below the first point the first holds. Assumptions: several pieces of prompts of one iteration are one piece of
their total length behind the mean of what came before them; decodes of unequal contexts take what those of their mean do.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from simtier.models.llm.work import Chunk, Floats

ONCE = ("embedding", "final_layernorm")
"""Kernels of `dense` that run once an iteration, not once a layer."""


@dataclass(frozen=True)
class Profile:
    """Measured times, in seconds.

    Attributes:
        tokens, dense: points of tokens, and what all kernels of an iteration take there that depend on tokens alone, all layers together.
        axes: points of new tokens, tokens before, decodes and mean context; each begins with 0.
        attention: what attention takes in all layers, by the four of them.
        sequences, per_sequence: points of sequences, and what output and sampling take there.
    """

    tokens: Floats
    dense: Floats
    axes: tuple[Floats, Floats, Floats, Floats]
    attention: Floats
    sequences: Floats
    per_sequence: Floats


class Profiled:
    """Iteration times of one profile; see the module.

    Attributes:
        beyond: look-ups so far that went beyond the last point of a table, by table.
    """

    def __init__(self, profile: Profile, *, overhead_s: float = 0.0) -> None:
        self._profile = profile
        self._overhead_s = overhead_s
        self._axes = tuple(axis.tolist() for axis in profile.axes)
        self._dense: dict[int, float] = {}
        self._sequences: dict[int, float] = {}
        self.beyond: dict[str, int] = {}

    def seconds(self, chunks: Sequence[Chunk], decodes: int, contexts: float) -> float:
        """Return what an iteration takes; see `IterationCost`."""
        new = sum(tokens for tokens, _ in chunks)
        before = sum(tokens * held for tokens, held in chunks) / new if new else 0.0
        point = (new, before, decodes, contexts / decodes if decodes else 0.0)
        return self._fixed_s(new + decodes, len(chunks) + decodes) + self._attention_s(point)

    def line(self, decodes: int) -> None:
        """Return None: times bend at every point of the table."""

    def times(self, decodes: int, contexts: float, iterations: int) -> Floats:
        """Return what iterations take one after the other."""
        means = np.asarray(contexts / decodes + np.arange(iterations), dtype=np.float64)
        along = self._along_contexts(decodes)
        axis = self._profile.axes[3]
        self._count("attention", int((means > axis[-1]).sum()) if decodes <= self._axes[2][-1] else iterations)
        return self._fixed_s(decodes, decodes) + _on_line(means, axis, along)

    def _fixed_s(self, tokens: int, sequences: int) -> float:
        dense = self._dense.get(tokens)
        if dense is None:
            dense = self._dense[tokens] = self._look_up("dense", tokens, self._profile.tokens, self._profile.dense)
        output = self._sequences.get(sequences)
        if output is None:
            table = self._profile.sequences, self._profile.per_sequence
            output = self._sequences[sequences] = self._look_up("per_sequence", sequences, *table)
        return dense + output + self._overhead_s

    def _look_up(self, name: str, at: float, points: Floats, values: Floats) -> float:
        self._count(name, int(at > points[-1]))
        return float(_on_line(np.array([at]), points, values)[0])

    def _attention_s(self, point: tuple[float, float, float, float]) -> float:
        """Return the multilinear interpolation at a point."""
        table = self._profile.attention
        for axis, value in zip(self._axes, point, strict=True):
            place = min(max(bisect_right(axis, value) - 1, 0), len(axis) - 2)
            share = max(0.0, (value - axis[place]) / (axis[place + 1] - axis[place]))
            if value > axis[-1]:
                self._count("attention", 1)
            table = table[place] * (1 - share) + table[place + 1] * share
        return float(table)

    def _along_contexts(self, decodes: int) -> Floats:
        """Return attention at every point of the contexts' axis, for so many decodes and no prompts."""
        axis = self._axes[2]
        place = min(max(bisect_right(axis, decodes) - 1, 0), len(axis) - 2)
        share = (decodes - axis[place]) / (axis[place + 1] - axis[place])
        table = self._profile.attention[0, 0]
        return np.asarray(table[place] * (1 - share) + table[place + 1] * share)

    def _count(self, table: str, number: int) -> None:
        if number:
            self.beyond[table] = self.beyond.get(table, 0) + number


def _on_line(at: Floats, points: Floats, values: Floats) -> Floats:
    """Return values at `at`: linear between points, the first below them, beyond the line through the last and that of half as much."""
    half = max(int(np.searchsorted(points, points[-1] / 2, side="right")) - 1, 0)
    slope = (values[-1] - values[half]) / (points[-1] - points[half])
    beyond = np.maximum(at - points[-1], 0.0) * slope
    return np.asarray(np.interp(at, points, values) + beyond)


def profile(
    dense: Mapping[str, Mapping[int, float]],
    attention: Mapping[tuple[int, int, int, int], float],
    per_sequence: Mapping[str, Mapping[int, float]],
    layers: int,
) -> Profile:
    """Return a profile from measured times in seconds, by kernel and point.

    Points of attention that were not measured are filled: without new tokens what is before them does not matter, nor do contexts without decodes;
    decodes of no context are those of the least context measured.
    """
    tokens = sorted(set.intersection(*(set(points) for points in dense.values())))
    of_tokens = [sum(points[at] * (1 if name in ONCE else layers) for name, points in dense.items()) for at in tokens]
    sequences = sorted(set.intersection(*(set(points) for points in per_sequence.values())))
    of_sequences = [sum(points[at] for points in per_sequence.values()) for at in sequences]
    axes = [sorted({0, *(key[place] for key in attention)}) for place in range(4)]
    grid = np.full([len(axis) for axis in axes], np.nan)
    for key, seconds in attention.items():
        grid[tuple(axis.index(at) for axis, at in zip(axes, key, strict=True))] = seconds * layers
    _fill(grid)
    floats = [np.array(axis, dtype=np.float64) for axis in axes]
    return Profile(
        np.array(tokens, dtype=np.float64),
        np.array(of_tokens),
        (floats[0], floats[1], floats[2], floats[3]),
        grid,
        np.array(sequences, dtype=np.float64),
        np.array(of_sequences),
    )


def _fill(grid: Floats) -> None:
    """Fill what was not measured, in place."""
    grid[0, 0, 0, 0] = 0.0
    grid[:, :, 0, 1:] = grid[:, :, :1, 0]
    grid[0, 1:] = grid[0, 0]
    for _ in range(2):  # a hole takes its neighbour's value: of the next context, else of fewer decodes
        for place in range(grid.shape[3] - 2, -1, -1):
            here, there = grid[..., place], grid[..., place + 1]
            here[np.isnan(here)] = there[np.isnan(here)]
        for place in range(1, grid.shape[2]):
            here, there = grid[:, :, place], grid[:, :, place - 1]
            here[np.isnan(here)] = there[np.isnan(here)]
