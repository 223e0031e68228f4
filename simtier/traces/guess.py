"""From what a user types, a trace's name or a file's path, to the trace: a file is known by its name, or by its columns."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from simtier.errors import TraceError
from simtier.traces import stored
from simtier.traces.datasets import DATASETS
from simtier.traces.datasets.own import place_with
from simtier.traces.find import Found, find
from simtier.traces.paths import expanded, is_file, quoted

_ANY = (r"(.+)\.txt", r"(.+)\.csv", r"(.+)\.parquet", r"(.+)\.json")
"""Patterns that tell nothing of a dataset."""


def find_any(name_or_file: str, directories: Sequence[Path]) -> Found:
    """Return the trace that a name, `dataset:path`, or the path of a file stands for; nothing of it is read.

    Raises TraceError if there is none, or if a file's name does not tell its format.
    """
    path = expanded(Path(name_or_file))
    if not is_file(path):
        if path.suffix and ":" not in name_or_file and name_or_file.partition("/")[0] not in DATASETS:
            raise TraceError(
                f"{quoted(path)}: there is no such file; a trace is named dataset/item, as `simtier traces list` shows them"
            )
        return find(name_or_file, directories)
    datasets = [name for name in DATASETS if name != "own" and _is_of(name, path)]
    if len(datasets) == 1:
        return find(f"{datasets[0]}:{path}", directories)
    if not datasets and "own" in DATASETS:
        return find(f"own:{path}", directories)
    known = ", ".join(datasets or DATASETS)
    raise TraceError(f"{path}: its name does not tell its format; write DATASET:{path} with one of {known}")


def found_with(path: Path, family: str | None, options: Sequence[str]) -> Found:
    """Return a file of one's own, read as the options of `simtier traces import` say; raises TraceError if they do not fit it."""
    path = expanded(path)
    is_file(path)  # which says so if the path can be none; that it is missing is said below
    source, place = place_with(family, path, options)
    return Found(f"own:{path}", "own", source, place, path.parent)


def _is_of(dataset: str, path: Path) -> bool:
    """Tell whether a file is called as one of the dataset's own."""
    inside = stored.members(path)
    name = (inside[0] if len(inside) == 1 and inside[0] else stored.inner_name(path)).rpartition("/")[2]
    return any(
        place.names(name)
        for place in DATASETS[dataset].places
        if place.item not in _ANY and not place.item.rpartition("/")[2].startswith("(?!")
    )
