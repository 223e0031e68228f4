"""Paths as users type them, with ~, too long, or with signs that no path has: what is wrong with one is said in a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from simtier.errors import TraceError
from simtier.traces.shown import shown

_LONGEST = 255
"""No part of a path can be longer; what is shorter is worth seeing whole, unlike a value."""


def quoted(name: str | Path) -> str:
    """Return a name or a path as messages show it: in quotes, and cut if it is too long to be one."""
    return repr(str(name)) if len(str(name)) <= _LONGEST else shown(str(name))


def bare(path: Path) -> str:
    """Return a path as messages begin with it: without quotes, unless it is none that could be there."""
    return str(path) if len(str(path)) <= _LONGEST and str(path).isprintable() else quoted(path)


def expanded(path: Path) -> Path:
    """Return `path` with its ~ replaced; raises TraceError if there is no such user."""
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise TraceError(
            f"{quoted(path)}: there is no home folder of {path.parts[0]!r}: write the whole path"
        ) from error


def is_file(path: Path) -> bool:
    """Tell whether `path` is a file; raises TraceError if that cannot be told, as for a name that is too long."""
    with _looking(path):
        return path.is_file()


def is_dir(path: Path) -> bool:
    """Tell whether `path` is a directory; raises TraceError as `is_file` does."""
    with _looking(path):
        return path.is_dir()


def check_output(path: Path) -> None:
    """Raise TraceError, before work is done for it, if no file can be written at `path` because of where it lies."""
    folder = path.parent
    if is_dir(path):
        raise TraceError(f"{bare(path)}: is a directory: name a file in it")
    if not is_dir(folder):
        raise TraceError(f"{bare(path)}: there is no directory {quoted(folder)}: make it, or name another file")
    if "\0" in path.name:
        raise TraceError(f"{bare(path)}: no file can be called so: name another")


def check_new(path: Path) -> None:
    """Raise TraceError, before work is done for it, if `path` is there, or if its directory cannot be made."""
    with _looking(path):
        there = path.exists() or path.is_symlink()
    if there:
        raise TraceError(f"{bare(path)}: exists already; remove it, or choose another name")
    check_directory(path.parent)


def check_directory(path: Path) -> None:
    """Raise TraceError, before work is done for it, if `path` is no directory and none can be made there."""
    with _looking(path):
        nearest = next((each for each in (path, *path.parents) if each.exists()), path)
    if nearest.exists() and not nearest.is_dir():
        raise TraceError(f"{bare(path)}: cannot be written ({bare(nearest)} is no directory): choose another directory")
    if "\0" in str(path):
        raise TraceError(f"{bare(path)}: no directory can be called so: choose another")


@contextmanager
def _looking(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or error
        raise TraceError(f"{quoted(path)}: cannot be looked for ({said}): name one that can be there") from error
