"""The report of a result: one HTML page that needs nothing else, and a timeline for Perfetto. Reads files, never a live run."""

from __future__ import annotations

from pathlib import Path

__all__ = ["write_report"]


def write_report(directory: Path) -> Path:
    """Write report.html and timeline.json into a result directory; see `simtier.report.page.write_report`."""
    from simtier.report.page import write_report as write  # noqa: PLC0415 - matplotlib, which numbers alone do not need

    return write(directory)
