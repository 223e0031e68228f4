"""Where measurements and other simulators' answers lie, which tests compare with; they are not part of the repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def validation(folder: str) -> Path:
    """Return `folder` of the directory that SIMTIER_VALIDATION names, else of `validation` beside those of SIMTIER_TRACES; skips without one."""
    parts = [part for part in os.environ.get("SIMTIER_VALIDATION", "").split(os.pathsep) if part]
    beside = [
        Path(part).parent / "validation" for part in os.environ.get("SIMTIER_TRACES", "").split(os.pathsep) if part
    ]
    found = next((part / folder for part in (*map(Path, parts), *beside) if (part / folder).is_dir()), None)
    if found is None:
        pytest.skip(f"SIMTIER_VALIDATION names no directory with {folder}")
    return found
