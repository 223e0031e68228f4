"""A capacity as files: `capacity.json` with all that was found, `capacity.svg` with the attainment over the rate."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from simtier.errors import ResultError
from simtier.report.figures.capacity import attainment_curve
from simtier.study.capacity.found import Capacity
from simtier.whole import write_whole

FORMAT = 1
"""Version of `capacity.json`."""


def as_document(found: Capacity) -> dict[str, Any]:
    """Return a capacity as plain data: rates in requests/s, times in seconds, attainments as shares."""
    return {
        "format": FORMAT,
        "kept": found.kept,
        "missed": found.missed,
        "undecided": [each.rate for each in found.undecided],
        "per_accelerator": found.per_accelerator,
        **asdict(found),
    }


def write_capacity(found: Capacity, folder: Path, *, how_made: str) -> Path:
    """Write the files into `folder`, made anew, and return it; raises ResultError if that cannot be done, and leaves nothing then."""
    document = json.dumps({**as_document(found), "command": how_made}, indent=1, allow_nan=False)
    picture = attainment_curve(found).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    files = {folder / "capacity.json": document, folder / "capacity.svg": picture}
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise ResultError(f"cannot write {folder}: {error.strerror or error}") from error
    try:
        for file, text in files.items():
            write_whole(file, f"{text}\n".encode())
    except BaseException:
        _give_up(folder, files)
        raise
    return folder


def _give_up(folder: Path, files: Iterable[Path]) -> None:
    """Remove what was written, so that the next try finds no directory in its way."""
    with suppress(OSError):
        for file in files:
            file.unlink(missing_ok=True)
        folder.rmdir()
