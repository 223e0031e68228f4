"""The traces a scenario names, read once and remembered with their file and hash."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from simtier.errors import TraceError
from simtier.traces import Trace, find, read, search_directories


@dataclass
class TraceShelf:
    """Finds and reads traces by name.

    Attributes:
        base: the scenario's folder, for files of one's own.
        directories: searched before SIMTIER_TRACES and the traces shipped with simtier.
        read_so_far: what was used, by name.
    """

    directories: Sequence[Path] = ()
    base: Path = Path()
    read_so_far: dict[str, Trace] = field(default_factory=dict)

    def get(self, name: str, family: str) -> Trace:
        """Return the trace `name`; raises TraceError if it is missing, malformed or not of `family`."""
        if name not in self.read_so_far:
            self.read_so_far[name] = read(find(name, search_directories(self.directories), self.base))
        trace = self.read_so_far[name]
        if trace.family != family:
            raise TraceError(f"trace {name!r} holds {trace.family}, where {family} is needed")
        return trace

    def used(self) -> list[dict[str, object]]:
        """Return name, file, hash, size and notes of every trace used, for the result."""
        return [
            {
                "name": name,
                "file": trace.found.label,
                "sha256": trace.sha256,
                "rows": trace.rows_read,
                "dropped": dict(trace.dropped),
                "notes": list(trace.notes),
            }
            for name, trace in sorted(self.read_so_far.items())
        ]
