"""An additive fit: what each field does with the others held fixed, where the combinations of levels are not all there equally often.

Where a cell failed, or points are listed or drawn, the cells at one level of a field have other levels of the other fields than the cells at the next one, so plain means mix the fields. Here every cell
is the sum of a part for each field, by least squares: a level's mean is that of a cell at this level whose other fields are at the average of their levels, and a
field's share of the variance is what it adds to a fit of the others. In a full grid both are the plain ones. Fields that vary together cannot be held fixed for
each other, and are not.

Source: Searle, Speed and Milliken, "Population marginal means in the linear model", The American Statistician 34, 1980; sums of squares of type II.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from simtier.study.effects.complete import Complete
from simtier.study.effects.measured import Codes, Field, Floats


class Additive:
    """The fields, in the cells that are kept, and a metric."""

    def __init__(self, fields: Sequence[Field], found: Complete) -> None:
        self._fields, self._values = fields, found.values

    def level_means(self, field: Field) -> Floats | None:
        """Return the mean at each level of `field` that is there (levels, replications); None if the other fields cannot be held fixed."""
        return self._means(_levels(field.codes), [self._column(other) for other in self._others(field)])

    def adds(self, field: Field) -> float:
        """Return the sum of squares that `field` adds to a fit of the others."""
        others = [self._column(other) for other in self._others(field)]
        return max(self._left(others) - self._left([*others, _levels(field.codes)]), 0.0)

    def pair_means(self, one: Field, other: Field) -> tuple[Floats | None, float]:
        """Return the mean at each pair of levels that is there, in order of `one`'s (pairs,), and the sum of squares beyond both fields' parts.

        The means are None if the other fields cannot be held fixed.
        """
        fixed = [
            self._column(each)
            for each in self._others(one)
            if each.name != other.name and not together(each.codes, other.codes)
        ]
        joint = _levels(one.codes * len(other.levels) + other.codes)
        means = self._means(joint, fixed)
        beyond = self._left([_levels(one.codes), _levels(other.codes), *fixed]) - self._left([joint, *fixed])
        return None if means is None else np.asarray(means.mean(axis=1)), max(beyond, 0.0)

    def _means(self, mine: Floats, others: Sequence[Floats]) -> Floats | None:
        """Return the coefficients of the columns `mine`, with `others` at their averages."""
        coefficients, _, rank, _ = np.linalg.lstsq(np.hstack([mine, *others]), self._values, rcond=None)
        free = sum(max(other.shape[1] - 1, 1) for other in others)
        return (
            np.asarray(coefficients[: mine.shape[1]], dtype=np.float64) if int(rank) == mine.shape[1] + free else None
        )

    def _others(self, field: Field) -> list[Field]:
        return [other for other in self._fields if other.name != field.name and not together(other.codes, field.codes)]

    def _column(self, field: Field) -> Floats:
        """Return a field's columns, 0 at the average of its levels, or of its values if they were drawn."""
        if field.drawn:
            return standard(field.positions)[:, None]
        dummies = _levels(field.codes)
        return np.asarray(dummies - 1 / dummies.shape[1], dtype=np.float64)

    def _left(self, blocks: Sequence[Floats]) -> float:
        """Return the sum of squares of the cells' means about a fit, times the replications."""
        means = self._values.mean(axis=1)
        centred = means - means.mean()
        design = np.hstack([*blocks, np.ones((len(means), 1))])
        coefficients, _, _, _ = np.linalg.lstsq(design, centred, rcond=None)
        left = centred - design @ coefficients
        return float(left @ left) * int(self._values.shape[1])


def together(one: Codes, other: Codes) -> bool:
    """Return whether the level of one field tells that of the other."""
    pairs = len(np.unique(np.stack([one, other]), axis=1).T)
    return pairs <= max(len(np.unique(one)), len(np.unique(other)))


def standard(values: Floats) -> Floats:
    """Return values less their mean, in standard deviations."""
    return np.asarray((values - values.mean()) / values.std(), dtype=np.float64)


def _levels(codes: Codes) -> Floats:
    """Return a column for each level that is there, 1 in its cells."""
    seen, place = np.unique(codes, return_inverse=True)
    made: Floats = np.eye(len(seen))[place]
    return made
