"""One file to read: where it lies, how messages call it, and what lies beside it."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from simtier.errors import TraceError
from simtier.traces import stored


@dataclass(frozen=True)
class Source:
    """A file, or a member of an archive.

    Attributes:
        path: the file, perhaps compressed or an archive.
        member: the file inside `path`, or None when `path` is the file itself.
    """

    path: Path
    member: str | None = None

    @property
    def label(self) -> str:
        """How messages call it: its path, with the member in brackets when it lies in an archive."""
        return f"{self.path}[{self.member}]" if self.member else str(self.path)

    @property
    def name(self) -> str:
        """The file's own name, without folders and compression."""
        return self.member.rpartition("/")[2] if self.member else stored.inner_name(self.path)

    @property
    def folder(self) -> str:
        """The name of the folder it lies in, perhaps inside an archive; empty at the top of an archive."""
        return self.member.rpartition("/")[0].rpartition("/")[2] if self.member else self.path.absolute().parent.name

    def opened(self) -> AbstractContextManager[BinaryIO]:
        """Return a context with the unpacked bytes as a stream; see `stored.opened`."""
        return stored.opened(self.path, self.member)

    def read_bytes(self) -> bytes:
        """Return all unpacked bytes of a small file; see `stored.read_bytes`."""
        return stored.read_bytes(self.path, self.member)

    def sha256(self) -> str:
        """Return the hash of the unpacked bytes."""
        return stored.sha256(self.path, self.member)

    def sibling(self, pattern: str) -> Source | None:
        """Return the first file in the same folder (of the same archive) whose own name matches `pattern` wholly, if any."""
        if self.member is not None:
            folder = self.member.rpartition("/")[0]
            inside = (name for name in stored.members(self.path) if name and name.rpartition("/")[0] == folder)
            found = next((name for name in inside if re.fullmatch(pattern, name.rpartition("/")[2])), None)
            return Source(self.path, found) if found else None
        beside = (path for path in sorted(self.path.parent.iterdir()) if path.is_file())
        near = next((path for path in beside if re.fullmatch(pattern, stored.inner_name(path))), None)
        return Source(near) if near else None


def sole(path: Path) -> Source:
    """Return the one file that `path` is or packs; raises TraceError if there is none, or an archive of several."""
    if not path.is_file():
        raise TraceError(f"there is no file {str(path)!r}")
    inside = stored.members(path)
    if len(inside) != 1:
        raise TraceError(f"{path}: an archive of {len(inside)} files; name one file")
    return Source(path, inside[0])
