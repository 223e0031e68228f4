"""What a dataset declares: where its files may lie, into which family each is read, and by which function."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simtier.traces import stored
from simtier.traces.imported import functions_beside, read_imported
from simtier.traces.ledger import Ledger
from simtier.traces.source import Source
from simtier.traces.tables import Family

Reader = Callable[[Source, Ledger], Iterator[Any]]
"""Yields the record batches of one file, in its family's schema, sorted, from time 0; notes in the ledger what it did.

Raises TraceError with file, line and column for a bad row, or drops and counts it if the ledger is tolerant."""


@dataclass(frozen=True)
class Place:
    """One way in which a dataset's files are laid out inside its folder.

    Attributes:
        files: glob pattern relative to the folder, for example "cooked_3gp.tar.gz" or "R*/day_*.csv*".
        item: regular expression that the whole path inside the folder (without .gz and the like), or the whole path of an archive's
            member, must match; its groups, joined by hyphens, are the item's name, in which underscores are written as hyphens.
        read: reads one such file.
        family: which schema it is read into; None for a converted file, which says it itself.
        called: how the item is called instead, with a {} for each group.
        companion: reads the table of functions that lies beside such a file; returns None if none does. None: there never is one.
    """

    files: str
    item: str
    read: Reader
    family: Family | None
    called: str | None = None
    companion: Callable[[Source, Ledger], Any] | None = None

    def items(self, folder: Path) -> Iterator[tuple[str, Source]]:
        """Yield (item, file) for all that lies in `folder`; raises TraceError for a broken archive."""
        for path in sorted(folder.glob(self.files)):
            if not path.is_file():
                continue
            for inside in stored.members(path):
                name = inside or path.with_name(stored.inner_name(path)).relative_to(folder).as_posix()
                match = re.fullmatch(self.item, name)
                if match:
                    groups = tuple(filter(None, match.groups()))
                    called = self.called.format(*groups) if self.called else "-".join(groups)
                    yield called.replace("_", "-"), Source(path, inside)

    def names(self, name: str) -> bool:
        """Tell whether a file's own name is what the item's last part says."""
        last = self.item.rpartition("/")[2].removeprefix(")?")  # which an optional folder leaves
        return re.fullmatch(last, name) is not None

    def fits(self, path: str) -> bool:
        """Tell whether a file's whole path ends as the item's does."""
        return re.fullmatch(f"(?:.*/)?(?:{self.item})", path) is not None


CONVERTED = Place("*.parquet", r"(.+)\.parquet", read_imported, None, companion=functions_beside)
"""Where `simtier traces import` puts what it converts; looked at before the official files, as it is read faster."""


@dataclass(frozen=True)
class About:
    """What a user should know of a dataset.

    Attributes:
        title: what it is, in a line.
        licence: as its publishers state it.
        cite: the publication to cite.
        obtain: where the official files are, in a sentence.
    """

    title: str
    licence: str
    cite: str
    obtain: str


@dataclass(frozen=True)
class Dataset:
    """One public dataset.

    Attributes:
        name: the first half of a trace's name.
        about: licence, citation, source.
        folders: where the dataset may lie, relative to a directory that is searched.
        places: the layouts its files may have there, the official ones first.
        recognised: for a file of a user's own that tells by its content how it is read, or what file it is about, returns that file and
            how; None: its name tells.
    """

    name: str
    about: About
    folders: tuple[str, ...]
    places: tuple[Place, ...]
    recognised: Callable[[Source], tuple[Source, Place]] | None = None

    def items(self, directory: Path) -> dict[str, tuple[Source, Place]]:
        """Return every item under `directory` with its file and place; of two with one name the first place wins."""
        located: dict[str, tuple[Source, Place]] = {}
        for place in (CONVERTED, *self.places):
            for folder in self.folders:
                for item, source in place.items(directory / folder):
                    located.setdefault(item, (source, place))
        return located

    def place_for(self, path: Path, inside: str | None) -> Place | None:
        """Return the place whose files look like this one of a user's own, by its folders and name, else by its name; or None."""
        name = (inside or stored.inner_name(path)).rpartition("/")[2]
        if name.endswith(".parquet"):
            return CONVERTED
        if len(self.places) == 1 or len({place.read for place in self.places}) == 1:
            return self.places[0]
        whole = inside or path.absolute().with_name(stored.inner_name(path)).as_posix()
        return next(
            (place for place in self.places if place.fits(whole)),
            next((place for place in self.places if place.names(name)), None),
        )

    def looked_for(self) -> str:
        """Return the places as text for a message: each folder with the patterns of the files."""
        patterns = ", ".join(dict.fromkeys(place.files for place in self.places or (CONVERTED,)))
        return f"{' or '.join(self.folders)} with {patterns}"
