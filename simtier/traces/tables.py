"""The typed tables that traces are read into, one schema per family; every field carries its unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pyarrow as pa

Family = Literal["bandwidth", "llm_requests"]


def _field(name: str, kind: Any, unit: str) -> Any:
    return pa.field(name, kind, nullable=False, metadata={"unit": unit})


BANDWIDTH = pa.schema(
    [_field("time_s", pa.float64(), "s"), _field("rate_bytes_per_s", pa.float64(), "B/s")],
    metadata={"family": "bandwidth"},
)
"""A link's rate: `rate_bytes_per_s` holds from its `time_s` (strictly increasing, from 0) to the next one. The schema's
metadata carries `period_s`, after which the trace starts again."""

LLM_REQUESTS = pa.schema(
    [
        _field("arrival_s", pa.float64(), "s"),
        _field("input_tokens", pa.int64(), "token"),
        _field("output_tokens", pa.int64(), "token"),
    ],
    metadata={"family": "llm_requests"},
)
"""Requests to a language model, in order of `arrival_s` (from 0; equal stamps keep the file's order)."""


@dataclass(frozen=True)
class Parsed:
    """What a dataset's parser made of one file; `rows_read` = rows of `table` + the sum of `dropped`.

    Attributes:
        table: the rows kept, in the schema of the dataset's family.
        rows_read: data rows in the file, without header and blank lines.
        dropped: rows left out, counted by reason.
        notes: what the reader changed or assumed, one sentence each.
    """

    table: Any
    rows_read: int
    dropped: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
