"""Converted traces: Parquet in a family's own schema, with where it came from, as `simtier traces import` writes it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq

from simtier.errors import TraceError
from simtier.traces.ledger import Ledger
from simtier.traces.ordering import ROWS_AT_ONCE
from simtier.traces.shown import shown
from simtier.traces.source import Source
from simtier.traces.tables import SCHEMAS, Family
from simtier.traces.text import BadJsonError, parsed_json

PROVENANCE = b"simtier.provenance"
"""The key of the file's metadata under which a JSON object lies: source, sha256, reader version, counts, notes, facts."""


def _opened(source: Source) -> Any:
    try:
        return pq.ParquetFile(source.path, page_checksum_verification=True)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise TraceError(f"{source.label}: not a Parquet file, or cut short ({error})") from error


def family_of(source: Source) -> Family:
    """Return the family a Parquet file declares; raises TraceError if it declares none."""
    with _opened(source) as file:
        declared = (file.schema_arrow.metadata or {}).get(b"family", b"").decode(errors="replace")
    if declared not in SCHEMAS:
        raise TraceError(
            f"{source.label}: no trace converted by `simtier traces import`; a Parquet file of your own is named own:PATH"
        )
    return cast("Family", declared)


def provenance(source: Source) -> dict[str, Any]:
    """Return what the file says of where it came from; empty if it says nothing.

    Raises TraceError if that is damaged: no JSON, or not what `simtier traces import` writes.
    """
    with _opened(source) as file:
        told = (file.metadata.metadata or {}).get(PROVENANCE, b"{}")
    try:
        found = parsed_json(told.decode())
    except (BadJsonError, UnicodeDecodeError) as error:
        raise TraceError(
            f"{source.label}: damaged (where it came from is no JSON: {error}); convert it again"
        ) from error
    wrong = _odd(found)
    if wrong:
        raise TraceError(f"{source.label}: damaged (where it came from: {wrong}); convert it again")
    return cast("dict[str, Any]", found)


def _odd(told: Any) -> str | None:
    """Return what in a provenance is not as it is written, or None."""
    if not isinstance(told, dict):
        return f"expected an object, not {shown(told)}"
    for key, (expected, fits) in _SHAPE.items():
        if key in told and not fits(told[key]):
            return f"{key}: expected {expected}, not {shown(told[key])}"
    facts = told.get("facts", {})
    for fact, least in (("origin_s", -math.inf), ("period_s", 0.0)):
        if fact in facts and not least < _number(facts[fact]) < math.inf:
            return f"facts.{fact}: expected seconds, not {shown(facts[fact])}"
    return None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_text(value: object) -> bool:
    return isinstance(value, str)


_SHAPE: Mapping[str, tuple[str, Callable[[Any], bool]]] = MappingProxyType(
    {
        "source": ("text", _is_text),
        "sha256": ("text", _is_text),
        "generated": ("true or false", lambda value: isinstance(value, bool)),
        "rows_read": ("a count of rows", _is_count),
        "dropped": (
            "counts of rows by reason",
            lambda value: isinstance(value, dict) and all(map(_is_count, value.values())),
        ),
        "notes": ("a list of texts", lambda value: isinstance(value, list) and all(map(_is_text, value))),
        "facts": ("texts by name", lambda value: isinstance(value, dict) and all(map(_is_text, value.values()))),
    }
)


def functions_beside(source: Source, ledger: Ledger) -> Any | None:
    """Return the table of functions that was converted with a trace of counts, `NAME-functions.parquet`, or None."""
    beside = source.path.with_name(f"{source.path.stem}-functions.parquet")
    if not beside.is_file():
        return None
    return pa.Table.from_batches(list(read_imported(Source(beside), ledger)), SCHEMAS["functions"])


def read_imported(source: Source, ledger: Ledger) -> Iterator[Any]:
    """Yield the batches of a converted trace; its rows were sorted and checked when it was converted."""
    family = family_of(source)
    schema = SCHEMAS[family]
    with _opened(source) as file:
        if file.schema_arrow.remove_metadata() != schema.remove_metadata():
            raise TraceError(f"{source.label}: its columns are not those of {family} in this version; convert it again")
        told = provenance(source)
        ledger.facts.update(told.get("facts", {}))
        for reason, rows in sorted(told.get("dropped", {}).items()):
            ledger.note(f"{rows} of {told.get('rows_read')} rows were dropped when it was converted: {reason}")
        for note in told.get("notes", []):
            ledger.note(note)
        left: int = file.metadata.num_rows
        try:
            for part in file.iter_batches(ROWS_AT_ONCE):
                ledger.rows_read += part.num_rows
                left -= part.num_rows
                yield pa.RecordBatch.from_arrays(part.columns, schema=schema)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise TraceError(f"{source.label}: damaged or cut short ({error}); convert it again") from error
        if left:  # checksums are of what is in the pages, not of how many there are
            raise TraceError(f"{source.label}: damaged or cut short ({left} rows are missing); convert it again")
