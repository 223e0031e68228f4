"""What two fields of a study do together, beyond what each does by itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from simtier.statistics import holm
from simtier.study.effects.additive import Additive, together
from simtier.study.effects.complete import Complete
from simtier.study.effects.levels import readable
from simtier.study.effects.measured import Field, Floats
from simtier.study.effects.squares import Squares, known, p_value

_BINS = 3
"""Parts in which a field drawn from a range is cut."""


@dataclass(frozen=True)
class Pair:
    """What two fields do together.

    Attributes:
        one, other: their paths.
        rows, columns: levels of the one and of the other.
        means: the mean of the cells at each pair of levels, the other fields held fixed (rows, columns); NaN where there is none.
        share: of the variance that is beyond the sum of both fields' effects; None if nothing varies.
        p_value: of that share, corrected for the number of pairs (Holm); None if not to be known, and outside a full grid.
    """

    one: str
    other: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    means: Floats
    share: float | None
    p_value: float | None


def pairs(fields: Sequence[Field], found: Complete, squares: Squares, *, crossed: bool) -> tuple[Pair, ...]:
    """Return the pairs of fields of which neither tells the other's level, the most interacting first.

    Args:
        fields: all that vary, in the cells that are kept.
        found: the metric.
        squares: its sums of squares.
        crossed: whether every combination of levels is there equally often; otherwise the other fields are held fixed by an additive fit.
    """
    drawn = {field.name for field in fields if field.drawn}
    fit = Additive(fields, found)
    made = []
    for one, other in combinations([field.binned(_BINS) if field.drawn else field for field in fields], 2):
        sparse = len(one.codes) < 2 * len(one.levels) * len(other.levels)
        if together(one.codes, other.codes) or (sparse and {one.name, other.name} & drawn):
            continue  # too few cells were drawn for each pair of parts
        made.append(_plain(one, other, found, squares) if crossed else _held(one, other, found, squares, fit))
    p_values = holm({place: p_value for place, (_, p_value) in enumerate(made)})
    tested = [replace(pair, p_value=known(p_values[place])) for place, (pair, _) in enumerate(made)]
    return tuple(sorted(tested, key=lambda pair: -(pair.share or 0.0)))


def _plain(one: Field, other: Field, found: Complete, squares: Squares) -> tuple[Pair, float]:
    """Return a pair of a full grid, and its p-value."""
    means = _pair_means(one, other, found.means).reshape(len(one.levels), -1)
    there = means[np.unique(one.codes)][:, np.unique(other.codes)]
    beyond = there - there.mean(axis=0) - there.mean(axis=1)[:, None] + there.mean()
    total = float((beyond**2).sum()) * found.values.size / there.size
    freedom = (there.shape[0] - 1) * (there.shape[1] - 1)
    chance = math.nan if found.constant else p_value(_beyond(one, other, found.values), freedom)
    return _pair(one, other, means, squares.share(total)), chance


def _beyond(one: Field, other: Field, values: Floats) -> Floats:
    """Return what is beyond the sum of both fields' parts at each pair of levels, in each replication (pairs, replications)."""
    by_number = [_pair_means(one, other, each).reshape(len(one.levels), -1) for each in values.T]
    there = np.stack([each[np.unique(one.codes)][:, np.unique(other.codes)] for each in by_number], axis=-1)
    rows, columns = there.mean(axis=1, keepdims=True), there.mean(axis=0, keepdims=True)
    beyond: Floats = there - rows - columns + there.mean(axis=(0, 1))
    return beyond.reshape(-1, values.shape[1])


def _held(one: Field, other: Field, found: Complete, squares: Squares, fit: Additive) -> tuple[Pair, float]:
    """Return a pair with the other fields held fixed; its p-value is not to be known, for what the fit misses is not chance."""
    means, beyond = fit.pair_means(one, other)
    table = _pair_means(one, other, found.means)
    if means is not None:
        table[np.unique(one.codes * len(other.levels) + other.codes)] = means
    return _pair(one, other, table.reshape(len(one.levels), -1), squares.share(beyond)), math.nan


def _pair_means(one: Field, other: Field, means: Floats) -> Floats:
    """Return the plain mean of the cells at each pair of levels (pairs,); NaN where there is none."""
    width = len(other.levels)
    joint = one.codes * width + other.codes
    sizes = np.bincount(joint, minlength=len(one.levels) * width)
    sums = np.bincount(joint, means, minlength=len(sizes))
    return np.where(sizes > 0, sums / np.maximum(sizes, 1), np.nan)


def _pair(one: Field, other: Field, means: Floats, share: float | None) -> Pair:
    return Pair(
        one.name, other.name, tuple(map(readable, one.levels)), tuple(map(readable, other.levels)), means, share, None
    )
