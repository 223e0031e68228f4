"""Counts to expand, a strategy that draws them, and what comes of an expansion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

from simtier.traces.expansion import Expansion, expand
from simtier.traces.tables import DURATION_PERCENTILES, SCHEMAS, batch

KEY = 20_231_116
UNIFORM, EVEN = Expansion("uniform", None, 1.0), Expansion("even", None, 1.0)
POISSON, GAMMA = Expansion("poisson", None, 1.0), Expansion("gamma", 2.5, 1.0)
EXACT = [UNIFORM, EVEN, GAMMA, Expansion("gamma", 0.3, 1.0)]
Row = tuple[float, float, str, float]


def rates(rows: list[Row]) -> Any:
    starts, lengths, series, values = (list(column) for column in zip(*rows, strict=True))
    columns = {
        "time_s": pa.array(starts, pa.float64()),
        "length_s": pa.array(lengths, pa.float64()),
        "series": pa.array(series).dictionary_encode(),
        "value": pa.array(values, pa.float64()),
    }
    return batch("rates", columns, len(rows))


def functions_table(quantiles: Mapping[str, list[float] | None], mean: float | None = None) -> Any:
    told: list[list[Any]] = [values or [None] * len(DURATION_PERCENTILES) for values in quantiles.values()]
    columns = {
        f"duration_p{p}_s": pa.array(column, pa.float64())
        for p, column in zip(DURATION_PERCENTILES, zip(*told, strict=True), strict=True)
    }
    columns |= {
        "function": pa.array(list(quantiles)),
        "app": pa.array([f"app of {name}" for name in quantiles]),
        "trigger": pa.array(["timer"] * len(told)),
        "memory_bytes": pa.array([128e6] * len(told)),
        "duration_mean_s": pa.array([mean] * len(told), pa.float64()),
    }
    return pa.Table.from_batches([batch("functions", columns, len(told))])


def expanded(rows: list[Row], how: Expansion, size: int = 10_000, **told: Any) -> list[dict[str, Any]]:
    batches = [rates(rows[first : first + size]) for first in range(0, len(rows), size)]
    parts = list(expand(iter(batches), how, told.pop("key", KEY), told.pop("functions", None), **told))
    assert all(part.schema.equals(SCHEMAS["invocations"], check_metadata=True) and part.num_rows for part in parts)
    return [row for part in parts for row in part.to_pylist()]


def times_of(rows: list[dict[str, Any]]) -> np.ndarray:
    return np.array([row["arrival_s"] for row in rows])


@st.composite
def counts(draw: Any, most: int = 12) -> list[Row]:
    """A few series; starts that repeat, intervals of different lengths that may overlap, one row for each start of a series."""
    starts = sorted(draw(st.lists(st.integers(0, 20), min_size=1, max_size=8, unique=True)))
    rows = []
    for start in starts:
        for series in sorted(draw(st.sets(st.sampled_from(["f", "g", "h"]), min_size=1))):
            length = draw(st.sampled_from([0.5, 1.0, 7.25, 60.0]))
            rows.append((start * 1.1, length, series, float(draw(st.integers(0, most)))))
    return rows
