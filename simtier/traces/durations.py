"""How long a function's invocations run, drawn from what a table of functions tells of them.

The published tables hold a few percentiles. Between them the quantile function is taken to be straight in the logarithm of the duration
(straight in the duration itself where an end is 0). A function of which only the mean is known always takes that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from simtier.traces.hashing import Floats
from simtier.traces.tables import DURATION_PERCENTILES

_POINTS = np.array(DURATION_PERCENTILES) / 100.0
_ATTRIBUTES = ("app", "trigger", "memory_bytes")


class Durations:
    """Durations of functions by number; functions are added as they appear.

    Args:
        functions: table of the family functions, or None.
        default_s: for functions of which nothing is known; None: they are unknown.
    """

    def __init__(self, functions: Any, default_s: float | None) -> None:
        self._table = functions
        self._default_s = default_s
        names = [] if functions is None else functions.column("function").to_pylist()
        self._rows = {name: row for row, name in enumerate(names)}
        self._told = _quantiles(functions) if names else np.empty((0, len(_POINTS)))
        self._quantiles = np.empty((0, len(_POINTS)))
        self._row_of = np.empty(0, np.int64)

    def add(self, names: Sequence[str]) -> NDArray[np.bool_]:
        """Give the next numbers to these functions; return of which the durations are known."""
        rows = np.array([self._rows.get(name, -1) for name in names], dtype=np.int64)
        told = np.full((len(rows), len(_POINTS)), np.nan)
        told[rows >= 0] = self._told[rows[rows >= 0]]
        known: NDArray[np.bool_] = ~np.isnan(told[:, 0])
        if self._default_s is not None:
            told[~known] = self._default_s
            known[:] = True
        self._quantiles = np.concatenate([self._quantiles, told])
        self._row_of = np.concatenate([self._row_of, rows])
        return known

    def draw(self, functions: Any, uniforms: Floats) -> Floats:
        """Return a duration in seconds for each function number and uniform number."""
        segment = np.clip(np.searchsorted(_POINTS, uniforms, side="right") - 1, 0, len(_POINTS) - 2)
        low, high = self._quantiles[functions, segment], self._quantiles[functions, segment + 1]
        share = (uniforms - _POINTS[segment]) / (_POINTS[segment + 1] - _POINTS[segment])
        straight = low + share * (high - low)
        both = (low > 0) & (high > 0)
        safe_low, safe_high = np.where(both, low, 1.0), np.where(both, high, 1.0)
        return np.where(both, safe_low * (safe_high / safe_low) ** share, straight)

    def attributes(self, functions: Any) -> dict[str, Any]:
        """Return application, trigger and memory of each function number, null where not known."""
        if self._table is None:
            return {}
        rows = self._row_of[functions]
        place = pa.array(np.maximum(rows, 0), mask=rows < 0)
        return {name: self._table.column(name).combine_chunks().take(place) for name in _ATTRIBUTES}


def _quantiles(table: Any) -> Floats:
    """Return the percentiles of each function, rising; the mean where there are none; NaN where there is neither."""
    columns = [table.column(f"duration_p{p}_s").to_numpy().astype(np.float64) for p in DURATION_PERCENTILES]
    told = np.stack(columns, axis=1)
    mean = table.column("duration_mean_s").to_numpy().astype(np.float64)
    gaps = np.isnan(told).any(axis=1)
    told[gaps] = mean[gaps, None]
    return np.asarray(np.maximum.accumulate(told, axis=1))
