"""A rectangle without holes: the cells and replications of which a metric is known throughout."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simtier.study.effects.measured import Floats

Flags = NDArray[np.bool_]

_ROUNDING = 1e-12


@dataclass(frozen=True)
class Complete:
    """A metric of some cells in some replications, each known.

    Attributes:
        values: (cells kept, replications kept).
        kept: which cells are kept (cells,).
        numbers: which replications are kept (replications,).
        cells_left_out, replications_left_out: how many are not.
    """

    values: Floats
    kept: Flags
    numbers: Flags
    cells_left_out: int
    replications_left_out: int

    @property
    def replications(self) -> int:
        """How many replications are kept."""
        return int(self.values.shape[1])

    @property
    def means(self) -> Floats:
        """The mean of each cell over replications (cells kept,)."""
        means: Floats = self.values.mean(axis=1)
        return means

    @property
    def constant(self) -> bool:
        """Whether nothing varies but for rounding."""
        return bool(np.ptp(self.values) <= _ROUNDING * np.abs(self.values).max())


def complete(values: Floats) -> Complete | None:
    """Return the largest of two rectangles: all replications of the cells that have all, or the replications that all cells with any have.

    Averages over cells within a replication are only comparable between replications if they are over the same cells. `values` (cells,
    replications) is NaN where there is none. None if there is no such rectangle.
    """
    known = np.isfinite(values)
    whole: Flags = np.asarray(known.all(axis=1))
    some: Flags = np.asarray(known.any(axis=1))
    choices: list[tuple[Flags, Flags]] = [(whole, np.ones(values.shape[1], dtype=np.bool_))]
    if some.any():
        choices.append((some, np.asarray(known[some].all(axis=0))))
    cells, replications = max(choices, key=lambda each: int(each[0].sum() * each[1].sum()))
    if not cells.any() or not replications.any():
        return None
    rectangle = values[np.ix_(cells, replications)]
    return Complete(rectangle, cells, replications, int((~cells).sum()), int((~replications).sum()))
