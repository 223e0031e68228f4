"""Where a trace lies: `<dataset>/<item>` in the directories searched, or `<dataset>:<path>` for a file of one's own."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from simtier.errors import TraceError, did_you_mean
from simtier.traces import stored
from simtier.traces.dataset import Dataset, Place
from simtier.traces.datasets import DATASETS
from simtier.traces.imported import family_of
from simtier.traces.ledger import Ledger
from simtier.traces.paths import expanded, is_dir, is_file, quoted
from simtier.traces.source import Source
from simtier.traces.tables import Family

_LISTABLE = 12  # more names than this are no help in a message


@dataclass(frozen=True)
class Found:
    """A trace's file, found but not read.

    Attributes:
        name: the name asked for, for example "norway-hsdpa/bus-1".
        dataset: the name of the dataset.
        source: the file, perhaps a member of an archive.
        place: how it is read, and into which family.
        directory: the directory searched that had it; the file's own folder when a path was given.
    """

    name: str
    dataset: str
    source: Source
    place: Place
    directory: Path

    @property
    def path(self) -> Path:
        """The file, perhaps an archive."""
        return self.source.path

    @property
    def member(self) -> str | None:
        """The file inside `path`, or None when `path` is the file itself."""
        return self.source.member

    @property
    def family(self) -> Family:
        """Which schema its rows are in; raises TraceError for a Parquet file that is no converted trace."""
        return self.place.family or family_of(self.source)

    def functions(self, ledger: Ledger | None = None) -> Any | None:
        """Return the table of functions that lies beside a trace of counts, or None; `ledger` gets the account of its reading."""
        if self.place.companion is None:
            return None
        return self.place.companion(self.source, Ledger() if ledger is None else ledger)

    @property
    def label(self) -> str:
        """How messages call the file: its path, with the member in brackets when it lies in an archive."""
        return self.source.label


def search_directories(extra: Sequence[Path] = ()) -> tuple[Path, ...]:
    """Return the directories to search, in order, each once; raises TraceError if one that is named is no directory.

    `extra` (the command line's --traces), then SIMTIER_TRACES (separated as PATH is), then traces/ in the working
    directory, then the traces/ beside the checkout simtier runs from, if there is one.
    """
    given = [expanded(path) for path in extra]
    for path in given:
        if not is_dir(path):
            raise TraceError(f"{quoted(path)} is no directory to look for traces in: name one that is there")
    beside = Path(__file__).resolve().parents[2] / "traces"
    local = [path for path in (Path("traces"), beside) if path.is_dir()]
    ordered: dict[Path, Path] = {}
    for path in (*given, *_from_environment(), *local):
        ordered.setdefault(path.resolve(), path)
    return tuple(ordered.values())


def _from_environment() -> list[Path]:
    """Return the directories of SIMTIER_TRACES; one that is not there is refused, lest look-alikes stand in for its traces."""
    try:
        named = [expanded(Path(part)) for part in os.environ.get("SIMTIER_TRACES", "").split(os.pathsep) if part]
        missing = next((path for path in named if not is_dir(path)), None)
    except TraceError as error:
        raise TraceError(f"SIMTIER_TRACES: {error}") from error
    if missing is not None:
        raise TraceError(f"SIMTIER_TRACES names {quoted(missing)}, which is no directory: correct it, or unset it")
    return named


def find(name: str, directories: Sequence[Path], base: Path = Path()) -> Found:
    """Return where the trace `name` lies, in the first of `directories` that has it; nothing of the trace is read.

    A file of one's own (`dataset:path`) is looked for relative to `base`, the folder of the scenario that names it.

    Raises TraceError for a name of another form, an unknown dataset, a trace that no directory has (with the closest
    one they do have), and for a broken archive on the way.
    """
    match = re.fullmatch(r"([^/:]+)([/:])(.+)", name)
    if name in DATASETS:
        raise TraceError(f"{name!r} is a dataset: name one of its traces; `simtier traces list {name}` shows them")
    if not match:
        raise TraceError(
            f"{quoted(name)} is no trace name: write dataset/item, as in 'norway-hsdpa/bus-1', or dataset:path for a file"
        )
    dataset = dataset_named(match[1], f"trace {quoted(name)}: ")
    return (
        _own_file(name, dataset, base / expanded(Path(match[3])))
        if match[2] == ":"
        else _in(name, dataset, match[3], directories)
    )


def find_all(name: str, directories: Sequence[Path], base: Path = Path()) -> list[Found]:
    """Return the traces that `name` stands for: one, or with a `*` all of a dataset that match, day-2 before day-10.

    With a `*`, tables of functions, which lie beside traces under a name much alike, are left out unless nothing else matches.

    Raises TraceError as `find` does, and if nothing matches.
    """
    dataset_name, slash, pattern = name.partition("/")
    if "*" not in pattern or ":" in dataset_name or not slash:
        return [find(name, directories, base)]
    dataset = dataset_named(dataset_name, f"trace {quoted(name)}: ")
    found: dict[str, Found] = {}
    for directory in directories:
        for item, (source, place) in dataset.items(directory).items():
            if fnmatchcase(item, pattern):
                each = f"{dataset.name}/{item}"
                found.setdefault(item, Found(each, dataset.name, source, place, directory))
    if not found:
        return [_in(name, dataset, pattern, directories)]  # which says what there is
    traces = {item: each for item, each in found.items() if each.family != "functions"} or found
    return [traces[item] for item in sorted(traces, key=_natural)]


def _natural(item: str) -> list[tuple[int, str]]:
    """Return what to sort a name by so that numbers in it count as numbers."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"([0-9]+)", item)]


def dataset_named(name: str, place: str = "") -> Dataset:
    """Return the dataset `name`; raises TraceError, beginning with `place`, if there is none."""
    if name not in DATASETS:
        raise TraceError(f"{place}no dataset {quoted(name)}{did_you_mean(name, DATASETS)}")
    return DATASETS[name]


def available(directories: Sequence[Path]) -> dict[str, Found]:
    """Return every trace in `directories` by its name, dataset by dataset; raises TraceError for a broken archive."""
    traces: dict[str, Found] = {}
    for dataset in DATASETS.values():
        for directory in directories:
            for item, (source, place) in dataset.items(directory).items():
                name = f"{dataset.name}/{item}"
                traces.setdefault(name, Found(name, dataset.name, source, place, directory))
    return traces


def _in(name: str, dataset: Dataset, item: str, directories: Sequence[Path]) -> Found:
    known: set[str] = set()
    for directory in directories:
        items = dataset.items(directory)
        if item in items:
            return Found(name, dataset.name, *items[item], directory)
        known.update(items)
    where = ", ".join(map(str, directories)) or "no directory"
    raise TraceError(
        f"no trace {quoted(name)} in {where}{_hint(item, known)}: looked for {dataset.looked_for()}; "
        "name the directory with --traces or SIMTIER_TRACES (traces/SOURCES.md says where the official files are)"
    )


def _hint(item: str, known: Iterable[str]) -> str:
    names = sorted(known)
    hint = did_you_mean(item, names)
    if len(names) <= _LISTABLE or "did you mean" in hint:
        return hint
    return f" (known: {', '.join(names[:3])} and {len(names) - 3} more)"


def _own_file(name: str, dataset: Dataset, path: Path) -> Found:
    if not is_file(path):
        raise TraceError(f"trace {quoted(name)}: there is no file {quoted(path)}")
    inside = stored.members(path)
    if len(inside) != 1:
        raise TraceError(f"trace {quoted(name)}: an archive of {len(inside)} files; name one file")
    if dataset.recognised is not None:
        source, how = dataset.recognised(Source(path, inside[0]))
        return Found(name, dataset.name, source, how, source.path.parent)
    place = dataset.place_for(path, inside[0])
    if place is None:
        raise TraceError(
            f"trace {quoted(name)}: the file's name tells not which of the dataset's tables it is; looked for {dataset.looked_for()}"
        )
    return Found(name, dataset.name, Source(path, inside[0]), place, path.parent)
