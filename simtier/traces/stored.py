"""Bytes of trace files, plain, compressed, or inside an archive: read in place, as a stream, and with bounds.

Nothing is unpacked to disk, so no path in an archive leads anywhere; links, devices and sparse files in it are passed over. What
a compressed file may grow to is bounded by its own size, so that a crafted one can fill neither the memory nor the day.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, BinaryIO

from simtier.errors import TraceError

FREE_BYTES = 256 * 2**20
"""A compressed file may always unpack to this much."""
MOST_TIMES = 200
"""A larger one may unpack to this many times its size: real traces shrink to a tenth, tables of zeros to a hundredth."""

_COMPRESSED: dict[str, Callable[[Path], Any]] = {".gz": gzip.GzipFile, ".xz": lzma.LZMAFile, ".bz2": bz2.BZ2File}
_TARS = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz2")
_SHORT = {".tgz": ".gz", ".txz": ".xz", ".tbz2": ".bz2"}
_BUFFER = 2**20
_DAMAGE = (EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what a missing, damaged or cut file raises into a TraceError that names it."""
    try:
        yield
    except _DAMAGE as error:
        raise TraceError(f"{path}: cut short or damaged ({error}); copy or download it again") from error
    except OSError as error:
        # bz2 says "Invalid data stream" by an OSError without a number.
        raise TraceError(f"{path}: cannot be read ({error.strerror or error})") from error


class _Guarded(io.RawIOBase):
    """A stream whose faults become TraceErrors, ending in one after `most` bytes (None: no bound)."""

    def __init__(self, source: IO[bytes], path: Path, most: int | None) -> None:
        self._source = source
        self._path = path
        self._most = most
        self._seen = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        with explained(self._path):
            data = self._source.read(len(buffer))
        self._seen += len(data)
        if self._most is not None and self._seen > self._most:
            raise TraceError(
                f"{self._path}: unpacks to more than {self._most} bytes, {MOST_TIMES} times its size, which simtier "
                "refuses: unpack it yourself if you trust it"
            )
        buffer[: len(data)] = data
        return len(data)


def _guarded(source: IO[bytes], path: Path, packed_bytes: int | None) -> io.BufferedReader:
    most = None if packed_bytes is None else max(FREE_BYTES, MOST_TIMES * packed_bytes)
    return io.BufferedReader(_Guarded(source, path, most), _BUFFER)


def is_tar(path: Path) -> bool:
    """Tell whether `path` is called like a tar archive."""
    return path.name.endswith(_TARS)


def inner_name(path: Path) -> str:
    """Return the name of a file without what says how it is compressed."""
    return path.name.removesuffix(path.suffix) if path.suffix in _COMPRESSED else path.name


@contextmanager
def _opened_file(path: Path) -> Iterator[BinaryIO]:
    """Yield the unpacked bytes of a file that is no archive (or of a tar as a whole)."""
    _refuse_rar(path)
    opener = _COMPRESSED.get(_SHORT.get(path.suffix, path.suffix))
    with explained(path):
        source: IO[bytes] = opener(path) if opener else path.open("rb")
    with source:
        yield _guarded(source, path, path.stat().st_size if opener else None)


def _refuse_rar(path: Path) -> None:
    if path.suffix == ".rar":
        raise TraceError(f"{path}: RAR archives cannot be read in place; unpack it with unrar and name the file in it")


@contextmanager
def _walk(path: Path) -> Iterator[tuple[tarfile.TarFile, Iterator[tarfile.TarInfo]]]:
    """Yield a tar and its regular files in their order."""
    # "r|" reads forward only, through the guard.
    with _opened_file(path) as stream, explained(path), tarfile.open(fileobj=stream, mode="r|") as archive:
        yield archive, (entry for entry in archive if entry.isreg() and not entry.issparse())


def members(path: Path) -> tuple[str | None, ...]:
    """Return what a trace file holds: an archive's regular members, else `(None,)`.

    Raises TraceError when the archive is cut short, damaged, or unpacks to too much.
    """
    if not (is_tar(path) or path.suffix == ".zip"):
        return (None,)
    with explained(path):
        state = path.stat()
    return _members(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=64)
def _members(path: Path, _modified: int, _size: int) -> tuple[str, ...]:
    """List an archive; once, as walking a large one takes a while."""
    if path.suffix == ".zip":
        with _zip(path) as packed:
            return tuple(entry.filename for entry in packed.infolist() if not entry.is_dir())
    with _walk(path) as (archive, entries):
        names = tuple(entry.name for entry in entries)
        _refuse_cut(path, archive)
    return names


def _refuse_cut(path: Path, archive: tarfile.TarFile) -> None:
    """Raise TraceError unless nothing but padding follows the last entry: tarfile takes a damaged header for the end."""
    rest = archive.fileobj
    while rest is not None and (block := rest.read(_BUFFER)):
        if block.strip(b"\0"):
            raise TraceError(f"{path}: cut short or damaged (a broken entry); copy or download it again")
    if rest is not None and rest.tell() % tarfile.BLOCKSIZE:
        raise TraceError(f"{path}: cut short or damaged (an entry is incomplete); copy or download it again")


@contextmanager
def opened(path: Path, member: str | None) -> Iterator[BinaryIO]:
    """Yield the unpacked bytes of a file, or of one member of an archive, as a buffered stream.

    Raises TraceError, also while it is read, when the file is missing, cut short or damaged, has no such member, or unpacks to more
    than is allowed.
    """
    if member is None:
        with _opened_file(path) as stream:
            yield stream
    elif path.suffix == ".zip":
        with _zipped(path, member) as stream:
            yield stream
    else:
        with _walk(path) as (archive, entries):
            for entry in entries:
                source = archive.extractfile(entry) if entry.name == member else None
                if source is not None:
                    yield _guarded(source, path, None)  # the archive's own guard bounds it
                    return
        raise TraceError(f"{path}: has no member {member!r}")


@contextmanager
def _zip(path: Path) -> Iterator[zipfile.ZipFile]:
    with _opening(path):
        packed = zipfile.ZipFile(path)
    with packed:
        yield packed


@contextmanager
def _opening(path: Path) -> Iterator[None]:
    try:
        with explained(path):
            yield
    except UnicodeDecodeError as error:
        raise TraceError(
            f"{path}: cut short or damaged (a name in it is no text); copy or download it again"
        ) from error
    except NotImplementedError as error:
        raise TraceError(
            f"{path}: packed in a way that cannot be read in place ({error}); unpack it yourself"
        ) from error


@contextmanager
def _zipped(path: Path, member: str) -> Iterator[BinaryIO]:
    with _zip(path) as packed:
        try:
            entry = packed.getinfo(member)
        except KeyError as error:
            raise TraceError(f"{path}: has no member {member!r}") from error
        if entry.flag_bits & 1:
            raise TraceError(f"{path}: member {member!r} is encrypted; unpack it yourself")
        with _opening(path):
            source = packed.open(entry)
        with source:
            # The size in the archive's list may be a lie, that of the archive is none.
            yield _guarded(source, path, min(entry.compress_size, path.stat().st_size))


def read_bytes(path: Path, member: str | None) -> bytes:
    """Return all unpacked bytes of a small file; raises TraceError as `opened` does, and for more than FREE_BYTES."""
    with opened(path, member) as stream:
        data = stream.read(FREE_BYTES + 1)
    if len(data) > FREE_BYTES:
        raise TraceError(f"{path}: {member or 'it'} holds more than {FREE_BYTES} bytes, which simtier refuses here")
    return data


def sha256(path: Path, member: str | None) -> str:
    """Return the hash of the unpacked bytes, so that a compressed copy and a plain one agree."""
    digest = hashlib.sha256()
    with opened(path, member) as stream:
        while block := stream.read(_BUFFER):
            digest.update(block)
    return digest.hexdigest()
