"""What a dataset declares: the family of its tables, where its files may lie, and how one file is parsed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from simtier.traces import stored
from simtier.traces.tables import Family, Parsed


@dataclass(frozen=True)
class Place:
    """One way in which a dataset's files are laid out inside its folder.

    Attributes:
        files: glob pattern relative to the folder, for example "cooked_3gp.tar.gz" or "*.txt".
        item: regular expression that the whole file name (without ".gz"), or the whole path of an archive's member,
            must match; its first group is the item's name, in which underscores are written as hyphens.
    """

    files: str
    item: str

    def items(self, folder: Path) -> Iterator[tuple[str, Path, str | None]]:
        """Yield (item, file, member or None) for all that lies in `folder`; raises TraceError for a broken archive."""
        for path in sorted(folder.glob(self.files)):
            if not path.is_file():
                continue
            for inside in stored.members(path):
                match = re.fullmatch(self.item, inside or path.name)
                if match:
                    yield match[1].replace("_", "-"), path, inside


@dataclass(frozen=True)
class Dataset:
    """One public dataset.

    Attributes:
        name: the first half of a trace's name.
        family: which schema of `simtier.traces.tables` its files are read into.
        folders: where the dataset may lie, relative to a directory that is searched.
        places: the layouts its files may have there, the official ones first.
        parse: turns (label for messages, bytes of one file) into a `Parsed`; raises TraceError with line and column.
    """

    name: str
    family: Family
    folders: tuple[str, ...]
    places: tuple[Place, ...]
    parse: Callable[[str, bytes], Parsed]

    def items(self, directory: Path) -> dict[str, tuple[Path, str | None]]:
        """Return every item under `directory` with its file and member; of two with one name the first place wins."""
        located: dict[str, tuple[Path, str | None]] = {}
        for place in self.places:
            for folder in self.folders:
                for item, path, inside in place.items(directory / folder):
                    located.setdefault(item, (path, inside))
        return located

    def looked_for(self) -> str:
        """Return the places as text for a message: each folder with the patterns of the files."""
        patterns = ", ".join(place.files for place in self.places)
        return f"{' or '.join(self.folders)} with {patterns}"
