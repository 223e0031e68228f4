"""The typed tables that traces are read into: one schema a family; every field carries its unit and meaning.

In every family but `functions` the first column is the time, in seconds from zero at the trace's first row, and rows are in its
order; equal times keep the file's order. A nullable field is null where the trace does not say; null is never zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

import pyarrow as pa

Family = Literal["llm_requests", "invocations", "cold_starts", "rates", "bandwidth", "availability", "functions"]

LABEL = pa.dictionary(pa.int32(), pa.string())
"""Text that repeats: functions, models, regions."""

DURATION_PERCENTILES = (0, 1, 25, 50, 75, 99, 100)
MEMORY_PERCENTILES = (1, 5, 25, 50, 75, 95, 99, 100)


def _field(name: str, kind: Any, unit: str, meaning: str, *, optional: bool = False) -> Any:
    return pa.field(name, kind, nullable=optional, metadata={"unit": unit, "meaning": meaning})


def _optional(name: str, kind: Any, unit: str, meaning: str) -> Any:
    return _field(name, kind, unit, meaning, optional=True)


def _schema(family: Family, *fields: Any) -> Any:
    return pa.schema(fields, metadata={"family": family})


LLM_REQUESTS = _schema(
    "llm_requests",
    _field("arrival_s", pa.float64(), "s", "when the request arrived"),
    _field("input_tokens", pa.int64(), "token", "tokens of the prompt"),
    _field("output_tokens", pa.int64(), "token", "tokens of the answer"),
    _field("failed", pa.bool_(), "", "whether it got no answer"),
    _optional("model", LABEL, "", "language model asked"),
    _optional("kind", LABEL, "", "how it came: conversation, API"),
    _optional("session", pa.string(), "", "conversation it belongs to"),
    _optional("elapsed_s", pa.float64(), "s", "from its arrival to the last token, on the system traced"),
    _optional("images", pa.int64(), "", "images in the prompt"),
    _optional(
        "blocks", pa.list_(pa.int64()), "", "ids of the prompt's prefix blocks; equal leading ids are a shared prefix"
    ),
)
"""Requests to a language model."""

INVOCATIONS = _schema(
    "invocations",
    _field("arrival_s", pa.float64(), "s", "when the invocation began"),
    _field("duration_s", pa.float64(), "s", "how long the function ran, without a cold start"),
    _field("function", LABEL, "", "function, unique in the trace"),
    _optional("app", LABEL, "", "application the function belongs to"),
    _optional("trigger", LABEL, "", "what called it"),
    _optional("pod", pa.string(), "", "instance it ran on"),
    _optional("memory_bytes", pa.float64(), "B", "memory in use"),
    _optional("cpu_cores", pa.float64(), "", "cores in use"),
    _optional("request_bytes", pa.float64(), "B", "size of the request"),
)
"""Invocations of functions."""

COLD_STARTS = _schema(
    "cold_starts",
    _field("time_s", pa.float64(), "s", "when the cold start began"),
    _field("total_s", pa.float64(), "s", "how long it took"),
    _field("pod_allocation_s", pa.float64(), "s", "finding a pod, in a pool or from scratch"),
    _field("deploy_code_s", pa.float64(), "s", "fetching and unpacking the code"),
    _field("deploy_dependency_s", pa.float64(), "s", "fetching and unpacking the layers it depends on; 0 without any"),
    _field("scheduling_s", pa.float64(), "s", "the scheduler's and the network's share"),
    _field("function", LABEL, "", "function"),
    _optional("region", LABEL, "", "region"),
    _optional("user", LABEL, "", "who owns the function"),
    _optional("runtime", LABEL, "", "language runtime"),
    _optional("cluster", LABEL, "", "cluster"),
    _optional("pod", pa.string(), "", "pod that started"),
    _optional("request", pa.string(), "", "request that caused it"),
)
"""Cold starts of function instances, with what they were spent on."""

RATES = _schema(
    "rates",
    _field("time_s", pa.float64(), "s", "when the interval began"),
    _field("length_s", pa.float64(), "s", "how long it lasted"),
    _field("series", LABEL, "", "function, or region, the number is about"),
    _field("value", pa.float64(), "", "the number: a count in the interval unless the metric says otherwise"),
)
"""Numbers by interval and function. The trace's facts name the `metric`, its `unit`, and what an `absent` row means: `zero`, or
`unknown`."""

BANDWIDTH = _schema(
    "bandwidth",
    _field("time_s", pa.float64(), "s", "when the rate began to hold"),
    _field("rate_bytes_per_s", pa.float64(), "B/s", "the rate, up to the next row's time"),
)
"""A link's rate; times rise strictly. The trace's fact `period_s` says after how long it starts again."""

AVAILABILITY = _schema(
    "availability",
    _field("time_s", pa.float64(), "s", "when the number began to hold"),
    _field("available", pa.int64(), "", "instances that can be had, up to the next row's time"),
)
"""Instances of a spot market; times rise strictly. The trace's fact `period_s` says how long it lasts."""

FUNCTIONS = _schema(
    "functions",
    _field("function", pa.string(), "", "function, as in the traces about it"),
    _optional("app", LABEL, "", "application it belongs to"),
    _optional("owner", LABEL, "", "who owns it"),
    _optional("trigger", LABEL, "", "what calls it"),
    _optional("runtime", LABEL, "", "language runtime"),
    _optional("pool", LABEL, "", "pool its pods are taken from"),
    _optional("cpu_cores", pa.float64(), "", "cores asked for"),
    _optional("memory_bytes", pa.float64(), "B", "mean memory of its application"),
    _optional("invocations", pa.int64(), "", "executions that its durations were measured on"),
    _optional("duration_mean_s", pa.float64(), "s", "mean duration"),
    *(
        _optional(f"duration_p{p}_s", pa.float64(), "s", f"percentile {p} of its durations")
        for p in DURATION_PERCENTILES
    ),
    *(_optional(f"memory_p{p}_bytes", pa.float64(), "B", f"percentile {p} of memory") for p in MEMORY_PERCENTILES),
)
"""What is known of each function; no times, one row a function."""

SCHEMAS: Mapping[Family, Any] = MappingProxyType(
    {
        "llm_requests": LLM_REQUESTS,
        "invocations": INVOCATIONS,
        "cold_starts": COLD_STARTS,
        "rates": RATES,
        "bandwidth": BANDWIDTH,
        "availability": AVAILABILITY,
        "functions": FUNCTIONS,
    }
)


def batch(family: Family, columns: Mapping[str, Any], rows: int) -> Any:
    """Return a record batch of `family` from `columns` (arrays by name); optional columns that are not given are null.

    Raises KeyError for a column the family does not have, or a required one that is missing.
    """
    schema = SCHEMAS[family]
    unknown = [name for name in columns if name not in schema.names]
    missing = [field.name for field in schema if not field.nullable and field.name not in columns]
    if unknown or missing:
        raise KeyError(f"{family}: unknown columns {unknown}, missing columns {missing}")
    arrays = [
        _as(columns[field.name], field.type) if field.name in columns else pa.nulls(rows, field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _as(values: Any, kind: Any) -> Any:
    """Return `values` as one Arrow array of type `kind`."""
    array = values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values)
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if array.type == kind:
        return array
    if pa.types.is_dictionary(kind) and not pa.types.is_dictionary(array.type):
        return array.cast(pa.string()).dictionary_encode()
    return array.cast(kind)
