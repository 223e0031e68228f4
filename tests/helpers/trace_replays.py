"""Rows of traces to replay, strategies that draw them, and what comes of a replay."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

from simtier.traces.replay import Replay
from simtier.traces.tables import SCHEMAS, batch


def requests(times: Any, sessions: Any = None) -> Any:
    """Requests whose input_tokens are their numbers in the trace."""
    rows = len(times)
    return batch(
        "llm_requests",
        {
            "arrival_s": np.asarray(times, dtype=np.float64),
            "input_tokens": np.arange(rows),
            "output_tokens": np.ones(rows, dtype=np.int64),
            "failed": np.zeros(rows, dtype=bool),
            "session": pa.array([None] * rows if sessions is None else sessions, pa.string()),
            "model": pa.array([f"m{number % 3}" for number in range(rows)]),
        },
        rows,
    )


def minutes(starts: list[float]) -> Any:
    rows = len(starts)
    return batch(
        "rates",
        {"time_s": starts, "length_s": [60.0] * rows, "series": pa.array(["f"] * rows), "value": [1.0] * rows},
        rows,
    )


def _cut(rows: Any, size: int) -> list[Any]:
    """Batches of `size`, each with a dictionary of its own."""
    pieces = []
    for first in range(0, rows.num_rows, size):
        piece = rows.slice(first, size)
        at = piece.schema.get_field_index("model")
        own = pa.array(piece.column(at).to_pylist()).dictionary_encode()
        pieces.append(piece.set_column(at, piece.schema.field(at), own))
    return pieces


def replayed(replay: Replay, rows: Any, size: int = 1000) -> list[dict[str, Any]]:
    out = list(replay.apply(iter(_cut(rows, size)), "llm_requests"))
    assert all(part.schema.equals(SCHEMAS["llm_requests"], check_metadata=True) and part.num_rows for part in out)
    return [row for part in out for row in part.to_pylist()]


def numbers_of(rows: list[dict[str, Any]]) -> list[int]:
    return [row["input_tokens"] for row in rows]


def times_of(rows: list[dict[str, Any]]) -> list[float]:
    return [row["arrival_s"] for row in rows]


GAPS = st.one_of(st.just(0.0), st.floats(1e-9, 1e4))
TIMES = st.lists(GAPS, min_size=1, max_size=40).map(lambda gaps: np.cumsum(gaps) - gaps[0])
SIZES = st.integers(1, 50)
SHARES = st.floats(0.01, 1.0)
RATES = st.one_of(st.floats(0.05, 5.0), st.integers(1, 5).map(float))


@st.composite
def traces(draw: Any) -> Any:
    times = draw(TIMES)
    names = st.one_of(st.none(), st.sampled_from(["a", "b", "ü", ""]))
    return requests(times, draw(st.lists(names, min_size=len(times), max_size=len(times))))


REPLAYS = st.builds(
    Replay,
    share=SHARES,
    share_by=st.sampled_from([None, "session", "model"]),
    scale_rate=RATES,
    scale_time=st.floats(0.1, 10.0),
)
