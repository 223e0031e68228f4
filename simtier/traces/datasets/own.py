"""Files of a user's own, CSV or Parquet, with or without a mapping; `own/NAME` is such a file, converted.

`own:./my.csv` and `own:./my.parquet`: the columns carry the names of a family (`simtier.traces.tables`), which they tell. Other names and
units are said by a mapping (`own:./my.yaml`, see `simtier.traces.mapping_file`) or by options of `simtier traces import`; there too, a
column that carries a family's name needs no word. Times may start anywhere and be out of order; rows are sorted and rebased.

What nothing says is assumed so: a request has not failed; a rate, or a number of instances, holds to the next row, the last one for a mean
step, so that the period is rows x mean step; of equal stamps of such a level the last row counts. Numbers by interval are what their column
says, and an interval without a row is unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from simtier.traces import plain_parquet
from simtier.traces.csv_rows import csv_rows, header
from simtier.traces.dataset import CONVERTED, About, Dataset, Place
from simtier.traces.imported import provenance
from simtier.traces.ledger import Ledger
from simtier.traces.mapping import ColumnMapping, completed, family_named, family_of_columns, from_options, has_time
from simtier.traces.mapping_file import read_mapping
from simtier.traces.ordering import in_order
from simtier.traces.shown import listed
from simtier.traces.source import Source, sole
from simtier.traces.tables import SCHEMAS, Family, batch

_LEVELS: tuple[Family, ...] = ("bandwidth", "availability")
"""Families whose rows hold until the next."""


def recognised(source: Source) -> tuple[Source, Place]:
    """Return the file that `source`, a table or a mapping, is about, and how it is read; raises TraceError if nothing tells."""
    if source.name.endswith((".yaml", ".yml")):
        told = read_mapping(source)
        names = _names(told.file, told.delimiter)
        return told.file, _place(completed(told.file.label, told.family, told.columns, names, told.delimiter))
    if _is_parquet(source) and provenance(source):
        return source, CONVERTED
    names = _names(source, ",")
    return source, _place(completed(source.label, family_of_columns(source.label, names), {}, names, ","))


def mapping_from_options(family: str | None, file: Path, options: Sequence[str]) -> ColumnMapping:
    """Return the mapping of `file` that options such as "arrival_s=ts:ms" describe; without a family the columns tell it.

    Raises TraceError for an unknown family, and for an option that does not fit it or the file.
    """
    source = sole(file)
    names = _names(source, ",")
    ours = [option.partition("=")[0] for option in options]
    of = family_named(family) if family else family_of_columns(source.label, [*names, *ours])
    return from_options(source.label, of, names, options)


def place_with(family: str | None, file: Path, options: Sequence[str]) -> tuple[Source, Place]:
    """Return the file and how it is read, for the options of `simtier traces import`; raises as `mapping_from_options`."""
    return sole(file), _place(mapping_from_options(family, file, options))


def read_mapped(mapping: ColumnMapping, source: Source, ledger: Ledger) -> Iterator[Any]:
    """Yield the rows of a file as its mapping reads them.

    Raises TraceError with line and column (Parquet: row and column) for a bad row, or drops and counts it if the ledger is tolerant.
    """
    if mapping.unused:
        ledger.note(f"columns not used: {listed(mapping.unused)}")
    if mapping.told():
        ledger.facts["mapping"] = mapping.told()
    kinds = mapping.kinds()
    blocks = (
        plain_parquet.parquet_rows(source, ledger, kinds)
        if _is_parquet(source)
        else csv_rows(source, ledger, kinds, delimiter=mapping.delimiter)
    )
    rows = (_columns(mapping, block) for block in blocks)
    if not has_time(mapping.family):
        tables = (batch(mapping.family, columns, len(columns["function"])) for columns in rows)
        yield from (part for part in tables if part.num_rows)
        return
    time = SCHEMAS[mapping.family].names[0]
    ordered = in_order(source.label, mapping.family, ((columns.pop(time), columns) for columns in rows), ledger)
    if mapping.family == "rates":
        theirs = mapping.columns["value"].column
        ledger.facts |= {"metric": theirs if theirs and theirs != "value" else "count", "absent": "unknown"}
    yield from _levels(ordered, ledger) if mapping.family in _LEVELS else ordered


def _columns(mapping: ColumnMapping, block: dict[str, Any]) -> dict[str, Any]:
    """Return a block's columns by the family's names."""
    rows = len(next(iter(block.values())))
    columns: dict[str, Any] = {}
    for name, each in mapping.columns.items():
        if each.column is not None:
            columns[name] = block[each.column]
        else:
            columns[name], _ = mapping.kind(name).values(pa.repeat(each.constant, rows))
    if mapping.family == "llm_requests":
        columns.setdefault("failed", np.zeros(rows, dtype=bool))
    return columns


def _levels(parts: Iterable[Any], ledger: Ledger) -> Iterator[Any]:
    """Yield the parts with strictly rising times, and write down the period; one row is held back until the next is seen."""
    rows, last, held = 0, 0.0, None
    for part in parts:
        table = pa.Table.from_batches([part] if held is None else [held, part]).combine_chunks().to_batches()[0]
        times = table.column(0).to_numpy()
        rising = np.append(times[1:] > times[:-1], True)
        ledger.drop("equal stamp", int((~rising).sum()))
        kept = table.filter(pa.array(rising))
        held, last = kept.slice(kept.num_rows - 1), float(times[-1])
        rows += kept.num_rows - 1
        if kept.num_rows > 1:
            yield kept.slice(0, kept.num_rows - 1)
    if held is not None:
        ledger.facts["period_s"] = repr(last * (rows + 1) / rows if rows else 1.0)
        if not rows:
            ledger.note("one stamp only: a constant level")
        yield held


def _place(mapping: ColumnMapping) -> Place:
    return Place("", "", partial(read_mapped, mapping), mapping.family)


def _is_parquet(source: Source) -> bool:
    return source.name.endswith(".parquet")


def _names(source: Source, delimiter: str) -> list[str]:
    """Return the names of a file's columns."""
    if _is_parquet(source):
        return plain_parquet.column_names(source)
    with source.opened() as stream:
        return header(source, stream, delimiter)


OWN = Dataset(
    name="own",
    about=About(
        title="files of your own, CSV or Parquet",
        licence="yours",
        cite="",
        obtain="own:PATH names a file, or a mapping; `simtier traces import PATH --as own/NAME` converts one",
    ),
    folders=("own",),
    places=(),
    recognised=recognised,
)
