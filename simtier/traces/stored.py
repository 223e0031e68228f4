"""Bytes of trace files, plain, gzipped or inside a tar.gz, read in place and with bounds.

Nothing is unpacked to disk. Archives are read as a stream; links, devices and sparse files in them are passed over;
what a file or a member may grow to is bounded, so that a crafted archive cannot fill the memory.
"""

from __future__ import annotations

import gzip
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from simtier.errors import TraceError

MEMBER_LIMIT = 256 * 2**20
ARCHIVE_LIMIT = 2**30


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Capped:
    """The `read` of a stream, ending in a TraceError once more than ARCHIVE_LIMIT bytes came out of it."""

    def __init__(self, source: _Readable, path: Path) -> None:
        self._source = source
        self._path = path
        self._left = ARCHIVE_LIMIT

    def read(self, size: int) -> bytes:
        data = self._source.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise TraceError(
                f"{self._path}: holds more than {ARCHIVE_LIMIT} bytes once unpacked, which simtier refuses"
            )
        return data


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn what a missing, damaged or cut file raises into a TraceError that names it."""
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile, tarfile.TarError) as error:
        raise TraceError(f"{path}: cut short or damaged ({error}); copy or download it again") from error
    except OSError as error:
        raise TraceError(f"{path}: cannot be read ({error.strerror or error})") from error


def _is_archive(path: Path) -> bool:
    return path.name.endswith((".tar.gz", ".tgz"))


def _walk(path: Path) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """Yield the regular files of an archive in their order, each with the archive to extract it from."""
    with _explained(path), gzip.open(path) as unpacked:
        capped = _Capped(unpacked, path)
        # "r|" reads forward only and asks for nothing but `read`, which is all that _Capped has.
        with tarfile.open(fileobj=capped, mode="r|") as archive:  # type: ignore[call-overload]
            for entry in archive:
                if entry.isreg() and not entry.issparse():
                    yield archive, entry


def members(path: Path) -> list[str | None]:
    """Return what a trace file holds: an archive's regular members, a gzipped file's inner name, else `[None]`.

    Raises TraceError when an archive is cut short, damaged, or larger than ARCHIVE_LIMIT once unpacked.
    """
    if _is_archive(path):
        return [entry.name for _, entry in _walk(path)]
    return [path.name.removesuffix(".gz") if path.suffix == ".gz" else None]


def read_bytes(path: Path, member: str | None) -> bytes:
    """Return the unpacked bytes of a file, or of one member of an archive.

    Raises TraceError when the file is missing, cut short or damaged, has no such member, or unpacks to more than
    MEMBER_LIMIT.
    """
    data = _read_member(path, member) if _is_archive(path) else _read_file(path)
    if data is None:
        raise TraceError(f"{path}: has no member {member!r}")
    if len(data) > MEMBER_LIMIT:
        raise TraceError(f"{path}: {member or 'it'} holds more than {MEMBER_LIMIT} bytes, which simtier refuses")
    return data


def _read_file(path: Path) -> bytes:
    with _explained(path), gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
        return stream.read(MEMBER_LIMIT + 1)


def _read_member(path: Path, member: str | None) -> bytes | None:
    for archive, entry in _walk(path):
        if entry.name == member:
            stream = archive.extractfile(entry)
            return stream.read(MEMBER_LIMIT + 1) if stream else None
    return None
