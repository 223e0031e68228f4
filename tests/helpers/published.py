"""Where the published files of a dataset lie, for tests that read them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from simtier.traces.manifest import MANIFEST


def published(folder: str) -> Path:
    """Return the first directory of SIMTIER_TRACES that has `folder` with published files; skips the test without one."""
    parts = [Path(part) for part in os.environ.get("SIMTIER_TRACES", "").split(os.pathsep) if part]
    found = next((part for part in parts if (part / folder).is_dir() and not (part / MANIFEST).exists()), None)
    if found is None:
        pytest.skip(f"SIMTIER_TRACES names no directory with the published files of {folder}")
    return found
