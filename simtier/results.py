"""Results: a directory of tables and one JSON file that says everything about the run."""

from __future__ import annotations

import hashlib
import json
import shutil
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from simtier.errors import ResultError
from simtier.journal import TableSpec, schema
from simtier.models.tables import TABLES

if TYPE_CHECKING:  # 45 MB that a run has no use for
    import pandas as pd

FORMAT = 1
"""Version of the result directory's format."""


class ParquetSink:
    """Writes record batches to one Parquet file a table.

    Raises ResultError if a file cannot be written (a full disk, say).
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writers: dict[str, Any] = {}

    def write(self, table: str, batch: pa.RecordBatch) -> None:
        """Append a batch to its table's file."""
        try:
            if table not in self._writers:
                self._writers[table] = self._open(TABLES[table])
            self._writers[table].write_batch(batch)
        except OSError as error:
            raise ResultError(f"cannot write table {table!r} to {self._folder}: {error}") from error

    def close(self) -> None:
        """Finish all files, an empty one for a table without rows."""
        try:
            for name, spec in TABLES.items():
                self._writers.setdefault(name, None)
                if self._writers[name] is None:
                    self._writers[name] = self._open(spec)
                self._writers[name].close()
        except OSError as error:
            raise ResultError(f"cannot write the tables to {self._folder}: {error}") from error

    def abandon(self) -> None:
        """Let go of the files without caring what is in them."""
        for writer in self._writers.values():
            try:
                writer.close()
            except OSError:
                continue  # the files are about to be deleted

    def _open(self, spec: TableSpec) -> Any:
        return pq.ParquetWriter(
            self._folder / f"{spec.name}.parquet",
            schema(spec),
            compression="lz4",  # times hardly compress; what does, does so with the fastest codec
            use_dictionary=[column.name for column in spec.columns if column.kind == "text"],
            write_statistics=False,
        )


class Prints:
    """Fingerprints of replications, one after the other: of each, and of all together."""

    def __init__(self) -> None:
        self.each: list[str] = []
        self._total = hashlib.sha256()

    def add(self, journal: str) -> None:
        """Add a replication by its journal's fingerprint."""
        self._total.update(journal.encode())
        self.each.append(hashlib.sha256(journal.encode()).hexdigest())

    @property
    def together(self) -> str:
        """Return the fingerprint of all so far."""
        return self._total.hexdigest()


class Result:
    """A finished run.

    Attributes:
        directory: where its files lie.
        document: `result.json` as a dict.
    """

    def __init__(self, directory: Path, *, temporary: bool = False) -> None:
        self.directory = directory
        self.document: dict[str, Any] = read_document(directory)
        if temporary:  # deleted with this object
            weakref.finalize(self, shutil.rmtree, directory, ignore_errors=True)

    @classmethod
    def load(cls, directory: Path | str) -> Result:
        """Return the result in `directory`; raises ResultError if there is none."""
        return cls(Path(directory))

    @property
    def status(self) -> str:
        """Either "done" or "interrupted"."""
        return str(self.document["status"])

    @property
    def summary(self) -> dict[str, Any]:
        """All metrics; see the documentation of the result format."""
        return dict(self.document["summary"])

    @property
    def fingerprint(self) -> str:
        """Hash of the trajectory: the same scenario, seed and version always give the same."""
        return str(self.document["fingerprint"])

    @property
    def assumptions(self) -> list[str]:
        """What the run took for granted because the scenario does not say."""
        return list(self.document["assumptions"])

    def table(self, name: str) -> pd.DataFrame:
        """Return a table as a pandas frame: one of simtier.models.tables, or decisions."""
        path = self.directory / f"{name}.parquet"
        if not path.exists():
            raise ResultError(f"{self.directory} has no table {name!r}")
        frame: pd.DataFrame = pq.read_table(path).to_pandas()
        return frame

    @property
    def requests(self) -> pd.DataFrame:
        """One row a request."""
        return self.table("requests")

    @property
    def stages(self) -> pd.DataFrame:
        """One row a visit of a request to a replica."""
        return self.table("stages")

    @property
    def replicas(self) -> pd.DataFrame:
        """One row a replica, or instance of a function, and state."""
        return self.table("replicas")

    @property
    def starts(self) -> pd.DataFrame:
        """One row a start of an instance of a function."""
        return self.table("starts")

    @property
    def sequences(self) -> pd.DataFrame:
        """One row a visit of a request to an engine of a language model."""
        return self.table("sequences")

    @property
    def iterations(self) -> pd.DataFrame:
        """One row an iteration of an engine, or a stretch of them."""
        return self.table("iterations")

    @property
    def loads(self) -> pd.DataFrame:
        """One row a stage of the staged start of a replica."""
        return self.table("loads")

    @property
    def transfers(self) -> pd.DataFrame:
        """One row a message and link."""
        return self.table("transfers")

    @property
    def samples(self) -> pd.DataFrame:
        """Queues and utilisation at regular times."""
        return self.table("samples")

    def __repr__(self) -> str:
        return f"<Result {self.document['scenario']['name']} {self.fingerprint[:8]} {self.status}>"


def read_document(directory: Path) -> dict[str, Any]:
    """Return `result.json` of a result directory; raises ResultError if it is missing or of another format."""
    path = directory / "result.json"
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ResultError(f"{directory} is not a result directory: cannot read {path.name} ({error})") from error
    if document.get("format") != FORMAT:
        raise ResultError(f"{path} has format {document.get('format')!r}; this version reads format {FORMAT}")
    return document


def require_new(folder: Path) -> None:
    """Raise ResultError if there is something at `folder` already."""
    if folder.exists():
        raise ResultError(f"{folder} exists already: name another directory, or remove it")


def write_document(directory: Path, document: dict[str, Any]) -> None:
    """Write `result.json`; NaN and infinity are refused, for they are not JSON."""
    text = json.dumps(document, indent=1, allow_nan=False)
    (directory / "result.json").write_text(text + "\n", encoding="utf-8")
