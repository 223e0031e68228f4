"""How messages show what stands in a file: cut, so that a field of a megabyte does not fill the screen."""

from __future__ import annotations

from collections.abc import Sequence

LONGEST = 60
MOST = 10


def shown(value: object) -> str:
    """Return a value as Python writes it, cut to some sixty characters: "'x'", "7", "'aaa...' (200000 characters)"."""
    if isinstance(value, str | bytes) and len(value) > LONGEST:
        return f"{value[:LONGEST]!r}... ({len(value)} characters)"
    if isinstance(value, list | tuple) and len(value) > MOST:
        return f"{shown(list(value[:MOST]))}... ({len(value)} values)"
    try:
        told = repr(value)
    except (ValueError, RecursionError):  # a number of thousands of digits, a list of lists without end
        return f"{type(value).__name__} too large to show"
    return told if len(told) <= LONGEST else f"{told[:LONGEST]}..."


def listed(names: Sequence[str]) -> str:
    """Return the first ten of some names, each cut, and how many more there are."""
    first = ", ".join(name if len(name) <= LONGEST else f"{name[:LONGEST]}..." for name in names[:MOST])
    return first if len(names) <= MOST else f"{first} and {len(names) - MOST} more"
