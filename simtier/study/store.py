"""A study's directory: what is studied, one Parquet file a cell as it is finished, and the whole table at the end.

`study.json` says what the study is. `rows/block=0000/cell-000017.parquet` has the rows of cell 17, one a replication; blocks have a thousand cells.
Each file is written beside its place and renamed, so a study that is stopped, killed, or runs into a full disk loses no finished cell and keeps
no half one. Nothing in a row depends on who played it, when, or after what: the same study gives the same files, byte for byte.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from simtier import __version__
from simtier.errors import StudyError
from simtier.metrics.naming import Flat
from simtier.whole import write_whole

FORMAT = 1
"""Version of the directory's format."""

FACTS = ("cell", "replication", "status", "message", "scenario", "fingerprint")
"""The columns that come first; then one for each field that the axes set, then the metrics."""

_BLOCK = 1000
_TYPES = {"cell": pa.int32(), "replication": pa.int32()}

_WAY_OUT = "what is finished is kept, --resume goes on from there"
_SAID = ("question",)
"""What `study.json` says and no row depends on."""

Row = Mapping[str, Any]


class Store:
    """The directory of one study.

    Args:
        folder: the directory.
        fields: the fields that the axes set, in order.
    """

    def __init__(self, folder: Path, fields: Sequence[str]) -> None:
        self.folder = folder
        self._fields = list(fields)

    def open(self, about: Mapping[str, Any], *, resume: bool) -> None:
        """Make the directory, or go on with it if it holds the same study.

        Raises StudyError if it is there and `resume` is False, or holds another study or the rows of another version; ResultError if it cannot be
        written.
        """
        about = json.loads(json.dumps({"format": FORMAT, "version": __version__, **about}))
        begun = (self.folder / "study.json").exists()
        if self.folder.exists() and any(self.folder.iterdir()):
            if not resume and (self.done() or not begun):
                raise StudyError(
                    f"{self.folder} exists already: --resume goes on with it, --out DIR takes another place"
                )
            self._require_same(about)
            return
        write_whole(self.folder / "study.json", (json.dumps(about, indent=1) + "\n").encode(), _WAY_OUT)

    def done(self) -> set[int]:
        """Return the numbers of the cells that are finished."""
        return {int(path.stem.rpartition("-")[2]) for path in self.folder.glob("rows/block=*/cell-*.parquet")}

    def failed(self) -> set[int]:
        """Return the numbers of the finished cells of which a replication failed."""
        return {
            number
            for number in self.done()
            if "failed" in pq.read_table(self._path(number), columns=["status"])["status"].to_pylist()
        }

    def forget_if_empty(self) -> None:
        """Remove what `open` wrote if no cell is finished."""
        if not self.done():
            with suppress(OSError):
                (self.folder / "study.json").unlink()
                self.folder.rmdir()

    def scenario(self, number: int) -> str:
        """Return the hash of the scenario of a finished cell; empty if it could not be read."""
        return str(pq.read_table(self._path(number), columns=["scenario"])["scenario"][0].as_py() or "")

    def put(self, number: int, rows: Sequence[Row]) -> None:
        """Write the rows of a finished cell; raises ResultError if that cannot be done."""
        self._write_table(self._path(number), pa.Table.from_pylist(list(rows), schema=self._schema(rows)))

    def table(self) -> pa.Table:
        """Return the rows of all finished cells, in order of cell and replication; a metric that a cell lacks is null there."""
        parts = [pq.read_table(self._path(number), partitioning=None) for number in sorted(self.done())]
        return pa.concat_tables(parts, promote_options="default") if parts else self._schema([]).empty_table()

    def finish(self) -> pa.Table:
        """Write `table.parquet` and return it."""
        table = self.table()
        self._write_table(self.folder / "table.parquet", table)
        return table

    def write_text(self, name: str, text: str) -> Path:
        """Write a file of text into the directory and return its path."""
        write_whole(self.folder / name, text.encode(), _WAY_OUT)
        return self.folder / name

    def _require_same(self, about: Mapping[str, Any]) -> None:
        before = read_about(self.folder)
        if before["version"] != about["version"]:
            raise StudyError(
                f"{self.folder} has rows of simtier {before['version']}, this is {about['version']}: rows of two versions do not compare; take another --out"
            )
        changed = [key for key in about if key not in _SAID and before.get(key) != about[key]]
        if changed:
            raise StudyError(
                f"{self.folder} holds another study: {_differences(before, about, changed)}; restore it, take another --out, or remove the directory"
            )

    def _path(self, number: int) -> Path:
        return self.folder / "rows" / f"block={number // _BLOCK:04d}" / f"cell-{number:06d}.parquet"

    def _schema(self, rows: Sequence[Row]) -> pa.Schema:
        facts = [pa.field(name, _TYPES.get(name, pa.string())) for name in FACTS]
        set_to = [pa.field(name, pa.string()) for name in self._fields]
        known = {*FACTS, *self._fields}
        metrics = dict.fromkeys(name for row in rows for name in row if name not in known)
        return pa.schema([*facts, *set_to, *(pa.field(name, pa.float64()) for name in metrics)])

    def _write_table(self, path: Path, table: pa.Table) -> None:
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd")
        write_whole(path, sink.getvalue().to_pybytes(), _WAY_OUT)


def row(cell: int, replication: int, values: Mapping[str, str], metrics: Flat, **facts: str) -> Row:
    """Return one row; see FACTS."""
    return {"cell": cell, "replication": replication, "message": "", "fingerprint": "", **facts, **values, **metrics}


def read_about(folder: Path) -> dict[str, Any]:
    """Return what `study.json` in `folder` says; raises StudyError if there is none, or of another format."""
    try:
        about: dict[str, Any] = json.loads((folder / "study.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StudyError(f"{folder} holds no study: cannot read study.json ({error})") from error
    if about.get("format") != FORMAT:
        raise StudyError(f"{folder}/study.json has format {about.get('format')!r}; this version reads format {FORMAT}")
    return about


def _differences(before: Mapping[str, Any], now: Mapping[str, Any], changed: Iterable[str]) -> str:
    """Return in words what differs, to the second level."""
    told = []
    for key in changed:
        old, new = before.get(key), now[key]
        if isinstance(old, dict) and isinstance(new, dict):
            inner = [name for name in dict.fromkeys([*old, *new]) if old.get(name) != new.get(name)]
            told.append(f"{key} ({', '.join(inner)})")
        else:
            told.append(key)
    return f"{' and '.join(told)} changed"
