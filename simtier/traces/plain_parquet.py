"""Parquet files of a user's own, read in blocks and as strictly as text: what a column's values are not is said with column and row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from simtier.errors import TraceError
from simtier.traces.columns import Duration, Fault, Kind, bad_rows, told
from simtier.traces.ledger import Ledger, refuse
from simtier.traces.mapping import BLOCKS, NOT_BLOCKS, Blocks
from simtier.traces.ordering import ROWS_AT_ONCE
from simtier.traces.shown import shown
from simtier.traces.source import Source
from simtier.traces.times import NS, Seconds, Stamp

_UNITS_S = {"s": 1.0, "ms": 0.001, "us": 1e-6, "ns": 1e-9}


def opened(source: Source) -> Any:
    """Return the file; raises TraceError if it is none, or lies in an archive."""
    if source.member is not None or source.path.suffix != ".parquet":
        raise TraceError(f"{source.label}: Parquet is read in place only; unpack it")
    try:
        return pq.ParquetFile(source.path)
    except (pa.ArrowException, OSError) as error:
        raise TraceError(f"{source.label}: not a Parquet file, or cut short ({error})") from error


def column_names(source: Source) -> list[str]:
    """Return the names of the file's columns."""
    with opened(source) as file:
        return list(file.schema_arrow.names)


def parquet_rows(source: Source, ledger: Ledger, columns: Mapping[str, Kind]) -> Iterator[dict[str, Any]]:
    """Yield the rows in blocks: arrays by the names of `columns`, as `csv_rows` does.

    Every value is looked at as text, so that a number is the same number, and the same fault, whether a file of text or Parquet holds
    it; a duration counts in the unit of its own type. Lists of whole numbers are taken as they are.
    Raises TraceError for a doubled column, a type that cannot be read, and (unless the ledger is tolerant) for the first bad row.
    """
    with opened(source) as file:
        names = file.schema_arrow.names
        for name in columns:
            if names.count(name) > 1:
                raise TraceError(f"{source.label}: two columns {shown(name)}")
        try:
            for part in file.iter_batches(ROWS_AT_ONCE, columns=list(columns)):
                yield _typed(source.label, part, columns, ledger)
        except (pa.ArrowException, OSError) as error:
            raise TraceError(f"{source.label}: damaged or cut short ({error})") from error


def _typed(label: str, part: Any, kinds: Mapping[str, Kind], ledger: Ledger) -> dict[str, Any]:
    first_row, rows = ledger.rows_read, part.num_rows
    typed: dict[str, Any] = {}
    faults: list[tuple[str, str, Any]] = []
    for name, kind in kinds.items():
        typed[name], found = _values(label, name, part.column(name), kind)
        faults += [(name, reason, mask) for reason, mask in found if pc.any(mask).as_py()]
    if faults and not ledger.tolerant:
        _refuse_first(label, first_row, part, faults)
    ledger.rows_read += rows
    good = np.ones(rows, dtype=bool)
    for reason, mask in bad_rows([(f"{name}: {reason}", mask) for name, reason, mask in faults], rows):
        ledger.drop(reason, int(mask.sum()))
        good &= ~mask
    return {name: values.filter(pa.array(good)) for name, values in typed.items()} if faults else typed


def _values(label: str, name: str, column: Any, kind: Kind) -> tuple[Any, list[Fault]]:
    try:
        if isinstance(kind, Blocks):
            return _lists(label, name, column)
        if kind == Seconds() and pa.types.is_timestamp(column.type):
            kind = Stamp()  # date-times need no unit to be told from seconds
        if pa.types.is_duration(column.type):
            column, kind = column.cast(pa.int64()), _in_own_unit(label, name, column.type, kind)
        if pa.types.is_time(column.type) or pa.types.is_date(column.type):
            part = "times of day" if pa.types.is_time(column.type) else "days"
            raise TraceError(
                f"{label}, column {shown(name)}: {column.type} holds {part} only: store date-times, or numbers with a unit"
            )
        return kind.values(pc.fill_null(column.cast(pa.string()), ""))
    except pa.ArrowException as error:
        raise TraceError(
            f"{label}, column {shown(name)}: {column.type} cannot be read as what it stands for"
        ) from error


def _in_own_unit(label: str, name: str, stored: Any, kind: Kind) -> Kind:
    """Return what a duration's numbers are read as; raises TraceError where no seconds stand, or in another unit than the type's."""
    if kind == Seconds():
        return Seconds(round(_UNITS_S[stored.unit] * NS))
    if isinstance(kind, Duration) and kind.scale == 1:
        return Duration(_UNITS_S[stored.unit], blank=kind.blank)
    raise TraceError(
        f"{label}, column {shown(name)}: {stored} says itself what its numbers are: it can stand for seconds only, without a unit"
    )


def _lists(label: str, name: str, lists: Any) -> tuple[Any, list[Fault]]:
    """Return lists of whole numbers, and the fault of those in which one is null."""
    kind = getattr(lists.type, "value_type", lists.type)
    if not (pa.types.is_integer(kind) or pa.types.is_null(kind)):
        raise TraceError(f"{label}, column {shown(name)}: {lists.type} cannot be read as what it stands for")
    lists = lists.cast(BLOCKS)
    gaps = pc.is_null(pc.list_flatten(lists))
    if not pc.any(gaps).as_py():
        return lists, []
    bad = np.zeros(len(lists), dtype=bool)
    bad[pc.list_parent_indices(lists).filter(gaps).to_numpy()] = True
    return lists, [(NOT_BLOCKS, pa.array(bad))]


def _refuse_first(label: str, first_row: int, part: Any, faults: list[tuple[str, str, Any]]) -> None:
    """Raise the TraceError for the first bad row of a block; rows count from 1."""
    row, name, reason = min(
        (int(np.argmax(mask.fill_null(False).to_numpy(zero_copy_only=False))), name, reason)
        for name, reason, mask in faults
    )
    value = part.column(name)[row].as_py()
    what = told(value, reason)
    refuse(f"{label}, row {first_row + row + 1}", None, shown(name), what)
