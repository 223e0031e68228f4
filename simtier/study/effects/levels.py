"""What a field is set to, as text: as people read it, and in which order it stands on an axis."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from functools import partial

from simtier.errors import UnitError
from simtier.units import parse

NOT_SET = "as in the base"
"""The level of cells whose point does not set the field."""

_DIMENSIONS = (
    "time",
    "data",
    "data rate",
    "frequency",
    "operations",
    "operation rate",
    "power",
    "energy",
    "money",
    "money rate",
)


def sizes(levels: Sequence[str]) -> tuple[float, ...] | None:
    """Return the levels as numbers in SI units; None unless all are finite numbers, or quantities of one dimension."""
    plain = _all(_number, levels)
    if plain is not None:
        return plain
    for dimension in _DIMENSIONS:
        found = _all(partial(_quantity, dimension=dimension), levels)
        if found is not None:
            return found
    return None


def _all(size: Callable[[str], float], levels: Sequence[str]) -> tuple[float, ...] | None:
    """Return the size of each level; None as soon as one has none."""
    found = []
    for level in levels:
        found.append(size(level))
        if not math.isfinite(found[-1]):
            return None
    return tuple(found)


def readable(level: str) -> str:
    """Return a level without the signs that only a parser needs: `{"use": "threshold", "limit": 3}` is `threshold, limit: 3`."""
    return re.sub(r'[{}"]', "", level).replace("use: ", "")


def rounded(level: str) -> str:
    """Return a level with its number, if it starts with one, to three significant figures."""
    number, space, unit = level.partition(" ")
    return f"{float(f'{_number(number):.3g}'):.12g}{space}{unit}" if math.isfinite(_number(number)) else level


def short_names(paths: Sequence[str]) -> tuple[str, ...]:
    """Return for each dotted path its end, as long as it takes to tell it from the others."""
    return tuple(_short(path, [other for other in paths if other != path]) for path in paths)


def _short(path: str, others: Sequence[str]) -> str:
    parts = path.split(".")
    ends = (".".join(parts[start:]) for start in reversed(range(len(parts))))
    return next((end for end in ends if not any(f".{other}".endswith(f".{end}") for other in others)), path)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _quantity(text: str, dimension: str) -> float:
    try:
        return parse(text, dimension)
    except UnitError:
        return math.nan
