"""From a trace's place to its typed table."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simtier.errors import TraceError
from simtier.traces import stored
from simtier.traces.datasets import DATASETS
from simtier.traces.find import Found
from simtier.traces.lookalike import MANIFEST
from simtier.traces.tables import Family


@dataclass(frozen=True)
class Trace:
    """A trace, read and checked.

    Attributes:
        table: a pyarrow.Table in the schema of its family (`simtier.traces.tables`); units are in the fields' metadata.
        family: "bandwidth" or "llm_requests".
        found: where it came from.
        sha256: of the unpacked bytes of the file, so that a gzipped copy and a plain one agree.
        rows_read: data rows in the file; `table.num_rows` plus the sum of `dropped`.
        dropped: rows left out, counted by reason.
        notes: what the reader changed or assumed, and whether the trace is a generated look-alike.
    """

    table: Any
    family: Family
    found: Found
    sha256: str
    rows_read: int
    dropped: Mapping[str, int]
    notes: tuple[str, ...]

    @property
    def period_s(self) -> float:
        """Seconds after which a bandwidth trace starts again; raises TraceError for a trace of another family."""
        if self.family != "bandwidth":
            raise TraceError(f"{self.found.name!r} holds {self.family}, where a bandwidth trace is needed")
        return float(self.table.schema.metadata[b"period_s"])


def read(found: Found) -> Trace:
    """Return the trace at `found`; raises TraceError with file, line and column if it is damaged or malformed."""
    dataset = DATASETS[found.dataset]
    data = stored.read_bytes(found.path, found.member)
    parsed = dataset.parse(found.label, data)
    sha256 = hashlib.sha256(data).hexdigest()
    generated = ("a generated look-alike, not the published data",) if sha256 in _generated(found.directory) else ()
    return Trace(
        parsed.table, dataset.family, found, sha256, parsed.rows_read, parsed.dropped, (*generated, *parsed.notes)
    )


def _generated(directory: Path) -> str:
    """Return the list that `write_samples` left beside its files, or nothing."""
    manifest = directory / MANIFEST
    return manifest.read_text(encoding="utf-8") if manifest.is_file() else ""
