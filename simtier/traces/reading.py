"""Reading a trace: as a stream of record batches, or whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa

from simtier.errors import SimulationError, TraceError
from simtier.traces.find import Found
from simtier.traces.imported import provenance
from simtier.traces.ledger import Ledger, OnError
from simtier.traces.manifest import MANIFEST
from simtier.traces.tables import SCHEMAS, Family


class Reading:
    """One pass over a trace, with what it found on the way.

    Attributes:
        found: where the trace lies.
        family: which schema its rows are in.
        ledger: rows, drops, notes and facts; complete once `batches` has ended.
    """

    def __init__(self, found: Found, ledger: Ledger) -> None:
        self.found = found
        self.family: Family = found.family
        self.ledger = ledger

    def batches(self) -> Iterator[Any]:
        """Yield the rows, once: record batches in the family's schema, in order of time from zero.

        Raises TraceError with file, line and column for a bad row (unless they are dropped), and for a trace without a row.
        """
        emitted = 0
        for part in self.found.place.read(self.found.source, self.ledger):
            emitted += part.num_rows
            yield part
        if not emitted:
            dropped = "" if not self.ledger.dropped else f": all {self.ledger.rows_read} were dropped"
            raise TraceError(f"{self.found.label}: the file has a header and no rows{dropped}")
        missing = self.ledger.rows_read + self.ledger.unfolded - emitted - sum(self.ledger.dropped.values())
        if missing:
            raise SimulationError(f"{self.found.label}: {missing} rows unaccounted for, a fault of simtier's reader")
        self.ledger.ended = True

    @cached_property
    def sha256(self) -> str:
        """The hash of the file's unpacked bytes; for a converted trace that of the file it was made of."""
        told = provenance(self.found.source).get("sha256") if self.found.place.family is None else None
        return str(told) if told else self.found.source.sha256()

    @cached_property
    def converted_from(self) -> str | None:
        """What `sha256` is of, if that is not the file itself: what a converted trace was made of, as that was called."""
        told = provenance(self.found.source) if self.found.place.family is None else {}
        return str(told.get("source", "another file")) if told.get("sha256") else None

    @cached_property
    def generated(self) -> bool:
        """Whether the file is a look-alike: by the list of hashes that lies beside those, or because a converted file says so."""
        if self.found.place.family is None:
            return bool(provenance(self.found.source).get("generated"))
        manifest = self.found.directory / MANIFEST
        return manifest.is_file() and self.sha256 in manifest.read_text(encoding="utf-8", errors="replace")

    @property
    def notes(self) -> tuple[str, ...]:
        """What was changed or assumed so far, and whether the trace is a look-alike."""
        said = ["a generated look-alike, not the published data"] if self.generated else []
        if self.ledger.inversions:
            said.append(
                f"{self.ledger.inversions} rows lay before the row above them; sorted by time, equal times in file order"
            )
        return tuple(dict.fromkeys((*said, *self.ledger.notes)))  # a converted trace may have kept the first


@dataclass(frozen=True)
class Trace:
    """A trace, read whole.

    Attributes:
        table: a pyarrow.Table in the schema of its family (`simtier.traces.tables`); units are in the fields' metadata.
        family: which schema that is.
        found: where it came from.
        sha256: of the unpacked bytes of the file, so that a gzipped copy and a plain one agree.
        rows_read: data rows in the file; `table.num_rows` plus the sum of `dropped`, unless a row of the file makes several.
        dropped: rows left out, counted by reason.
        notes: what the reader changed or assumed, and whether the trace is a generated look-alike.
        facts: what the file says of itself beyond its rows: `origin_s`, `period_s`, `metric`, ...
    """

    table: Any
    family: Family
    found: Found
    sha256: str
    rows_read: int
    dropped: Mapping[str, int]
    notes: tuple[str, ...]
    facts: Mapping[str, str]

    @property
    def period_s(self) -> float:
        """Seconds after which a bandwidth trace starts again; raises TraceError for a trace of another family."""
        if "period_s" not in self.facts:
            raise TraceError(f"{self.found.name!r} holds {self.family}, where a bandwidth trace is needed")
        return float(self.facts["period_s"])


def open_trace(found: Found, on_error: OnError = "fail") -> Reading:
    """Return a reading of the trace at `found`, not begun; raises TraceError for a Parquet file that is no converted trace."""
    return Reading(found, Ledger(on_error))


def read(found: Found, on_error: OnError = "fail") -> Trace:
    """Return the trace at `found`, whole; raises TraceError with file, line and column if it is damaged or malformed."""
    reading = open_trace(found, on_error)
    table = pa.Table.from_batches(list(reading.batches()), schema=SCHEMAS[reading.family]).unify_dictionaries()
    ledger = reading.ledger
    return Trace(
        table,
        reading.family,
        found,
        reading.sha256,
        ledger.rows_read,
        dict(ledger.dropped),
        reading.notes,
        dict(ledger.facts),
    )
