"""Where a scenario came from: the file, the line of every value, and what the command line changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from simtier.errors import Problem

Steps = tuple[str | int, ...]
"""A path into the scenario: keys of mappings and places in lists."""

Lines = dict[Steps, int]
"""The line, from 1, of every value by its path."""


def dotted(path: Steps) -> str:
    """Return `path` as messages and `--set` write it, for example `links.uplink.latency`."""
    return ".".join(map(str, path))


@dataclass(frozen=True)
class Source:
    """Turns a path into a Problem with file and line.

    Attributes:
        file: the file's name as given; empty when the scenario was built in Python.
        lines: line of every value in the file.
        changed: paths set on the command line.
    """

    file: str = ""
    lines: Mapping[Steps, int] = field(default_factory=dict)
    changed: tuple[Steps, ...] = ()

    def problem(self, path: Steps, message: str, *, shown: Steps | None = None) -> Problem:
        """Return the problem at `path`; `shown` is the place to print when that differs from where the line is looked up."""
        if path not in self.lines and path and isinstance(path[-1], int) and path[:-1] in self.lines:
            path = path[:-1]  # one text where a list may stand
        place = path if shown is None else shown
        for changed in self.changed:
            if path[: len(changed)] == changed:
                return Problem(f"--set {dotted(max(place, changed, key=len))}", message)
        return Problem(dotted(place), message, self.line(path), self.file)

    def line(self, path: Steps) -> int:
        """Return the line of `path`, or of the nearest part around it that has one; 0 without a file."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.lines:
                return self.lines[path[:length]]
        return 1 if self.file else 0
