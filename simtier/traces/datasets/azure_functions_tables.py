"""The join of Azure Functions 2019: durations, triggers and memory of a day, one row a function; see azure_functions_2019."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from simtier.traces.columns import Count, Kind, Number, Text
from simtier.traces.csv_rows import csv_rows
from simtier.traces.ledger import Ledger
from simtier.traces.source import Source
from simtier.traces.tables import DURATION_PERCENTILES, MEMORY_PERCENTILES, SCHEMAS, batch
from simtier.units import parse as quantity

MS_PER_S, MB = 1 / quantity("1 ms", "time"), quantity("1 MiB", "data")
IDS: dict[str, Kind] = {"HashOwner": Text(), "HashApp": Text(), "HashFunction": Text()}
OWNERS = ("HashOwner", "HashApp")
DURATIONS = {
    "Average": "duration_mean_s",
    **{f"percentile_Average_{p}": f"duration_p{p}_s" for p in DURATION_PERCENTILES},
}
MEMORY = {
    "AverageAllocatedMb": "memory_bytes",
    **{f"AverageAllocatedMb_pct{p}": f"memory_p{p}_bytes" for p in MEMORY_PERCENTILES},
}
_NAMES = (
    (
        "invocations_per_function_md.anon.{}.csv",
        "function_durations_percentiles.anon.{}.csv",
        "app_memory_percentiles.anon.{}.csv",
    ),
    ("invocations{}.csv", "durations{}.csv", "memory{}.csv"),
    (
        "exp_openwhisk_invocation_traces_{}.csv",
        "exp_openwhisk_duration_traces_{}.csv",
        "exp_openwhisk_memory_traces_{}.csv",
    ),
)
"""How the three tables of a day are called; {} is the day."""


@dataclass(frozen=True)
class Beside:
    """The three tables of a day; None: it is not there."""

    invocations: Source | None
    durations: Source | None
    memory: Source | None


def beside(source: Source) -> Beside:
    """Return the tables that belong to one of them."""
    for names in _NAMES:
        for name in names:
            match = re.fullmatch(re.escape(name).replace(r"\{\}", "(.*)"), source.name)
            if match:
                return Beside(*(source.sibling(re.escape(each.format(match[1]))) for each in names))
    return Beside(None, source, None)


def names(ids: Any) -> Any:
    """Return what each function is called: its HashFunction, with owner and application before it where that is not unique."""
    short = ids.column("HashFunction").combine_chunks()
    if "HashApp" not in ids.column_names or "HashOwner" not in ids.column_names:
        return short
    whole = _key(ids)
    # A function that merely has two rows keeps its short name.
    counted = pc.value_counts(_first(ids, whole).column("HashFunction").combine_chunks())
    shared = counted.field("values").filter(pc.greater(counted.field("counts"), 1))
    return pc.if_else(pc.is_in(short, value_set=shared), whole, short)


def _key(ids: Any, columns: tuple[str, ...] = tuple(IDS)) -> Any:
    """Return what rows are joined by: those of `columns` that there are, as one text."""
    there = [ids.column(name).combine_chunks() for name in columns if name in ids.column_names]
    return pc.binary_join_element_wise(*there, "/")


def joined(durations: Source, ledger: Ledger) -> Any:
    """Return the table of functions of a day: first those with durations as the file lies, then those only invoked.

    It holds them all at once, some 20 MB a day. The tables of invocations and memory are taken from beside `durations`.
    """
    found = beside(durations)
    told = _durations(durations, ledger)
    nobody = told.slice(0, 0).append_column("Trigger", pa.array([], pa.string()))
    called = nobody if found.invocations is None else _invoked(found.invocations, ledger)
    ids = [name for name in IDS if name in called.column_names]
    unmeasured = called.filter(pc.invert(pc.is_in(_key(called), value_set=_key(told))))
    every = pa.concat_tables([told, unmeasured.select(ids)], promote_options="default").combine_chunks()
    row = pc.index_in(_key(every), value_set=_key(called))
    if found.invocations is None:
        ledger.note("no table of invocations lies beside it: triggers are not known")
    else:
        ledger.note(
            f"{row.null_count} functions have durations and no minutes, {unmeasured.num_rows} have minutes and no durations"
        )
    columns = {
        "function": pa.array(_named(every, called), pa.string()),
        "trigger": called.column("Trigger").combine_chunks().take(row),
        "owner": every.column("HashOwner") if "HashOwner" in every.column_names else None,
        "app": every.column("HashApp") if "HashApp" in every.column_names else None,
        **{name: every.column(name) for name in (*DURATIONS.values(), "invocations")},
        **_memory(found.memory, ledger, every),
    }
    known = {name: values for name, values in columns.items() if values is not None}
    return pa.Table.from_batches([batch("functions", known, every.num_rows)], SCHEMAS["functions"])


def _named(every: Any, called: Any) -> list[str]:
    """Return each function's name: as in the rates, or, where it was not invoked, short unless that is taken."""
    named = dict(zip(_key(called).to_pylist(), names(called).to_pylist(), strict=True))
    taken = set(named.values())
    for key, short in zip(_key(every).to_pylist(), every.column("HashFunction").to_pylist(), strict=True):
        if key not in named:
            named[key] = key if short in taken else short
            taken.add(named[key])
    return [named[key] for key in _key(every).to_pylist()]


def _read(source: Source, ledger: Ledger, columns: dict[str, Kind], optional: tuple[str, ...]) -> Any:
    """Return a table, whole."""
    blocks = [pa.table(block) for block in csv_rows(source, ledger, columns, optional=optional)]
    return (
        pa.concat_tables(blocks).combine_chunks()
        if blocks
        else pa.table({name: pa.array([], pa.string()) for name in columns})
    )


def _first(table: Any, key: Any) -> Any:
    """Return the rows of `table` that are the first of their key."""
    _, first = np.unique(key.dictionary_encode().indices.to_numpy(), return_index=True)
    return table.take(pa.array(np.sort(first)))


def _durations(source: Source, ledger: Ledger) -> Any:
    """Return ids, executions and durations in seconds."""
    kinds = {**IDS, "Count": Count(), **dict.fromkeys(DURATIONS, Number(least=None, blank=True))}
    table = _read(source, ledger, kinds, OWNERS)
    first = _first(table, _key(table))
    ledger.drop("second row of a function", table.num_rows - first.num_rows)
    negative = 0
    for column, name in DURATIONS.items():
        values = pc.divide(first.column(column).cast(pa.float64()), MS_PER_S)
        below = pc.fill_null(pc.less(values, 0.0), fill_value=False)
        negative += pc.sum(below).as_py() or 0
        first = first.append_column(name, pc.if_else(below, pa.scalar(None, pa.float64()), values)).drop_columns(column)
    if negative:
        ledger.note(f"{negative} negative durations, a known fault of the release, are null")
    count = first.column("Count").cast(pa.float64()).cast(pa.int64())
    return first.append_column("invocations", count).drop_columns("Count")


def _invoked(source: Source, ledger: Ledger) -> Any:
    """Return ids and trigger of the functions that were invoked."""
    table = _read(source, ledger, {**IDS, "Trigger": Text()}, OWNERS)
    return _first(table, _key(table))


def _memory(source: Source | None, ledger: Ledger, every: Any) -> dict[str, Any]:
    """Return the columns of memory in bytes: those of the application, or, where none is named, of the function."""
    if source is None:
        ledger.note("no table of memory lies beside it (d13 and d14 have none): memory is not known")
        return {}
    table = _read(source, ledger, {**IDS, **dict.fromkeys(MEMORY, Number(scale=MB, blank=True))}, tuple(IDS))
    per = OWNERS if "HashApp" in table.column_names else ("HashFunction",)
    table = _first(table, _key(table, per))
    row = pc.index_in(_key(every, per), value_set=_key(table, per))
    return {name: table.column(column).combine_chunks().take(row) for column, name in MEMORY.items()}
