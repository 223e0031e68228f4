"""The traces a scenario names: read once where they are small, as a stream where they are not, and remembered for the result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from simtier.errors import TraceError
from simtier.traces import Found, Reading, Trace, find_all, open_trace, read, search_directories
from simtier.traces.in_a_row import in_a_row
from simtier.traces.ledger import Ledger, OnError
from simtier.traces.tables import Family

HELD_ROWS = 200_000
"""A trace of no more rows is kept, as many sources and replications may replay it."""


class Reel:
    """One or several traces in a row, to be read from the start as often as somebody asks.

    Attributes:
        family: what its rows are.
        left_out: invocations that expanding its counts left out, by reason, for all sources in all replications.
    """

    def __init__(self, files: Sequence[Found], on_error: OnError) -> None:
        self._files = files
        self._on_error = on_error
        self._held: list[Any] | None = None
        self._long = False
        self._begun: dict[str, list[Reading]] = {}
        self._tables: list[tuple[Found, Ledger]] | None = None
        self._functions: Any = None
        self.left_out = Ledger()
        self.family: Family = files[0].family

    def batches(self) -> Iterator[Any]:
        """Return the record batches, in order of time from zero; see `simtier.traces.reading.Reading.batches`."""
        if self._held is None and not self._long:
            self._hold()
        return self._stream() if self._held is None else iter(self._held)

    def functions(self) -> Any:
        """Return the tables of functions that lie beside the traces as one, or None; of a function in several the first holds."""
        if self._tables is None:
            self._tables = []
            tables = [table for found in self._files if (table := self._table(found)) is not None]
            # Whoever looks a function up by name finds the last row of that name.
            self._functions = pa.concat_tables(reversed(tables)).unify_dictionaries() if tables else None
        return self._functions

    def tables(self) -> list[tuple[Found, Ledger]]:
        """Return the tables of functions that were read, with the account of each."""
        return self._tables or []

    def _table(self, found: Found) -> Any:
        ledger = Ledger(self._on_error)
        table = found.functions(ledger)
        if table is not None and self._tables is not None:
            self._tables.append((found, ledger))
        return table

    def readings(self) -> list[Reading]:
        """Return of each trace that was begun the reading that came furthest."""
        return [max(begun, key=lambda reading: reading.ledger.rows_read) for begun in self._begun.values()]

    def _hold(self) -> None:
        """Keep the rows if they are few."""
        held, rows = [], 0
        for part in self._stream():
            held.append(part)
            rows += part.num_rows
            if rows > HELD_ROWS:
                self._long = True
                return
        self._held = held

    def _stream(self) -> Iterator[Any]:
        return in_a_row(map(self._begin, self._files))

    def _begin(self, found: Found) -> Reading:
        reading = open_trace(found, self._on_error)
        self._begun.setdefault(found.label, []).append(reading)
        return reading


@dataclass
class TraceShelf:
    """Finds and reads traces by name.

    Attributes:
        base: the scenario's folder, for files of one's own.
        directories: searched before SIMTIER_TRACES and the traces shipped with simtier.
    """

    directories: Sequence[Path] = ()
    base: Path = Path()
    _whole: dict[str, Trace] = field(default_factory=dict)
    _reels: dict[tuple[tuple[str, ...], OnError], Reel] = field(default_factory=dict)

    def get(self, name: str, family: str) -> Trace:
        """Return the trace `name`, whole; raises TraceError if it is missing, malformed or not of `family`."""
        if name not in self._whole:
            found = self._find(name)
            if len(found) != 1:
                raise TraceError(f"trace {name!r} stands for {len(found)} traces, where one is needed")
            self._whole[name] = read(found[0])
        trace = self._whole[name]
        if trace.family != family:
            raise TraceError(f"trace {name!r} holds {trace.family}, where {family} is needed")
        return trace

    def reel(self, names: Sequence[str], on_error: OnError) -> Reel:
        """Return the traces of these names in a row; raises TraceError if one is missing."""
        key = (tuple(names), on_error)
        if key not in self._reels:
            files = [found for name in names for found in self._find(name)]
            self._reels[key] = Reel(files, on_error)
        return self._reels[key]

    def _find(self, name: str) -> list[Found]:
        return find_all(name, search_directories(self.directories), self.base)

    def used(self) -> list[dict[str, object]]:
        """Return name, file, hash, counts, facts and notes of every trace used, for the result."""
        whole = [
            _told(trace.found, trace.sha256, trace.rows_read, trace.dropped, trace.notes, trace.facts, ended=True)
            for trace in self._whole.values()
        ]
        streamed = [
            _told(
                reading.found,
                reading.sha256,
                reading.ledger.rows_read,
                reading.ledger.dropped,
                reading.notes,
                reading.ledger.facts,
                ended=reading.ledger.ended,
            )
            for reel in self._reels.values()
            for reading in reel.readings()
        ]
        tables = [
            _told(
                found, "", ledger.rows_read, ledger.dropped, ledger.notes, ledger.facts, ended=True, what=" (functions)"
            )
            for reel in self._reels.values()
            for found, ledger in reel.tables()
        ]
        once = {repr(each): each for each in [*whole, *streamed, *tables]}  # a trace may be in several rows of traces
        return sorted(once.values(), key=lambda each: str(each["name"]))

    def left_out(self) -> dict[str, dict[str, int]]:
        """Return the invocations that expanding counts left out, by trace and reason."""
        told: dict[str, Counter[str]] = {}
        for (names, _), reel in self._reels.items():
            if reel.left_out.dropped:
                told.setdefault(" ".join(names), Counter()).update(reel.left_out.dropped)
        return {names: dict(reasons) for names, reasons in told.items()}


def _told(
    found: Found,
    sha256: str,
    rows: int,
    dropped: Any,
    notes: Sequence[str],
    facts: Any,
    *,
    ended: bool,
    what: str = "",
) -> dict[str, object]:
    return {
        "name": found.name + what,
        "file": found.label,
        "sha256": sha256,
        "rows": rows,
        "dropped": dict(dropped),
        "facts": dict(facts),
        "notes": list(notes) if ended else [*notes, f"read up to row {rows}: the run needed no more"],
    }
