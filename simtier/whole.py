"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from simtier.errors import ResultError


def write_whole(path: Path, content: bytes, way_out: str = "") -> None:
    """Write `content` to `path`, beside it first and then renamed, so that nobody ever sees half of it; its folder is made.

    Any number of writers may write the same file at once, on any number of machines: the last one's stays, whole. Everybody may read it.
    Raises ResultError if it cannot be written, which ends with `way_out` if that is given; what was there before is kept then.
    """
    beside: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        beside = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.chmod(0o644)  # a temporary file is its owner's alone
        beside.replace(path)
        beside = None
    except OSError as error:
        told = f"cannot write {path}: {error.strerror or error}"
        raise ResultError(f"{told}; {way_out}" if way_out else told) from error
    finally:
        if beside is not None:
            beside.unlink(missing_ok=True)
