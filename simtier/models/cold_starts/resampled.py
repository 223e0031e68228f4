"""Cold starts drawn from the rows of a table, such as a trace."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simtier.models.serverless.spec import Times

Floats = NDArray[np.float64]


class ResampledRows:
    """Rows of a table, drawn with replacement: the components of a start are those of one row, so they go together as they did.

    Assumptions: starts are independent; what was not seen cannot happen, so tails need many rows.

    Args:
        seconds: of each component, (rows, components), at least one row, none negative.
    """

    def __init__(self, seconds: Floats) -> None:
        self._seconds = seconds
        a, b, c, d, e, f = (float(mean) for mean in np.mean(seconds, axis=0))
        self.means: Times = (a, b, c, d, e, f)

    def rows(self, uniforms: Floats) -> Floats:
        """Return rows of the table, (starts, components), from uniform numbers, (starts, 8)."""
        picked = (uniforms[:, 0] * len(self._seconds)).astype(np.int64)
        return np.asarray(self._seconds[np.minimum(picked, len(self._seconds) - 1)], dtype=np.float64)
