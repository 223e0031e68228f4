"""Conversion to Parquet: a trace read once, checked, sorted, and kept with where it came from, so that it is read fast ever after."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from simtier.errors import TraceError
from simtier.traces.find import Found, dataset_named
from simtier.traces.imported import PROVENANCE
from simtier.traces.ledger import Ledger, OnError
from simtier.traces.ordering import OutOfOrderError
from simtier.traces.paths import bare, check_new, expanded, quoted
from simtier.traces.reading import Reading, open_trace
from simtier.traces.tables import SCHEMAS, Family

GROUP_ROWS = 131_072
_ALL = 2**62  # rows held back until the last is read, when they are sorted


@dataclass(frozen=True)
class Converted:
    """A trace as Parquet.

    Attributes:
        path: the file.
        rows: its rows.
        dropped: rows that were left out, by reason.
        notes: what was changed or assumed.
    """

    path: Path
    rows: int
    dropped: Mapping[str, int]
    notes: tuple[str, ...]


def target_for(name: str, directory: Path) -> Path:
    """Return where a converted trace called `name` lies under a traces directory.

    Raises TraceError for a name of another form than dataset/item, or of an unknown dataset.
    """
    match = re.fullmatch(r"([a-z0-9-]+)/([A-Za-z0-9][A-Za-z0-9.-]*)", name)
    if not match:
        raise TraceError(
            f"{quoted(name)}: a converted trace is called dataset/item, of letters, digits, hyphens and dots"
        )
    return expanded(directory) / dataset_named(match[1], f"trace {quoted(name)}: ").folders[0] / f"{match[2]}.parquet"


def convert(found: Found, target: Path, source: str, on_error: OnError = "fail") -> Converted:
    """Write a trace to `target` and return what became of it; `source` says where it came from.

    A file that is too far out of order to be sorted as it streams is read again and sorted whole, in memory. Raises TraceError as
    reading does, and if `target` exists or cannot be written; then nothing is left behind.
    """
    reading = open_trace(found, on_error)
    try:
        return write(target, reading.family, reading.batches(), lambda: _provenance(reading, source))
    except OutOfOrderError:
        whole = open_trace(found, on_error)
        whole.ledger.reorder_rows = _ALL
        return write(target, whole.family, whole.batches(), lambda: _provenance(whole, source))


def write(target: Path, family: Family, batches: Iterable[Any], told: Callable[[], dict[str, Any]]) -> Converted:
    """Write batches of a family to `target`, with the provenance that `told` returns once they are read."""
    schema = SCHEMAS[family]
    with _replacing(target) as path:
        rows = 0
        with pq.ParquetWriter(path, schema, compression="zstd", write_page_checksum=True) as writer:
            for group in _groups(batches):
                writer.write_table(group, row_group_size=GROUP_ROWS)
                rows += group.num_rows
            provenance = told()
            writer.add_key_value_metadata({PROVENANCE: json.dumps(provenance, sort_keys=True).encode()})
        if pq.read_metadata(path).num_rows != rows:
            raise TraceError(f"{target}: {rows} rows were written and are not there; is the disk full?")
    return Converted(target, rows, provenance["dropped"], tuple(provenance["notes"]))


def _groups(batches: Iterable[Any]) -> Iterator[Any]:
    """Yield tables of about GROUP_ROWS rows."""
    held: list[Any] = []
    for part in batches:
        held.append(part)
        if sum(each.num_rows for each in held) >= GROUP_ROWS:
            yield pa.Table.from_batches(held).unify_dictionaries()
            held = []
    if held:
        yield pa.Table.from_batches(held).unify_dictionaries()


def _provenance(reading: Reading, source: str) -> dict[str, Any]:
    ledger = reading.ledger
    return {
        "source": source,
        "sha256": reading.sha256,
        "generated": reading.generated,
        "made_by": f"simtier {version('simtier')}",
        "dataset": reading.found.dataset,
        "rows_read": ledger.rows_read,
        "dropped": dict(ledger.dropped),
        "inversions": ledger.inversions,
        "notes": list(reading.notes),
        "facts": dict(ledger.facts),
    }


@contextmanager
def _replacing(target: Path) -> Iterator[Path]:
    """Yield a temporary file that becomes `target` if all goes well, and goes if not."""
    check_new(target)
    path = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
        path = Path(name)
        os.close(handle)
        yield path
        path.chmod(0o644)
        path.replace(target)
    except OSError as error:
        raise TraceError(f"{bare(target)}: cannot be written ({error.strerror or error})") from error
    finally:
        if path is not None:
            path.unlink(missing_ok=True)


def write_functions(
    target: Path, table: Any, source: str, ledger: Ledger | None = None, *, generated: bool = False
) -> Converted:
    """Write the table of functions that belongs to a converted trace of counts.

    `ledger` is the account of its reading, `generated` says whether it is a look-alike's.
    """
    account = Ledger(rows_read=table.num_rows) if ledger is None else ledger
    told = {
        "source": source,
        "generated": generated,
        "made_by": f"simtier {version('simtier')}",
        "rows_read": account.rows_read,
        "dropped": dict(account.dropped),
        "notes": list(account.notes),
    }
    return write(target, "functions", table.to_batches(), lambda: told)


def write_generated(target: Path, generated: Any, source: str) -> Converted:
    """Write a look-alike, which says in the file that it is one; `generated` is a `simtier.traces.synthesis.Generated`."""

    def told() -> dict[str, Any]:
        made_by = f"simtier {version('simtier')}"
        facts = dict(generated.facts)
        return {"source": source, "generated": True, "made_by": made_by, "dropped": {}, "notes": [], "facts": facts}

    return write(target, generated.family, generated, told)
