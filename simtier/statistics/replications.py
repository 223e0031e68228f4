"""One summary from those of independent replications."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from simtier.statistics.intervals import half_width


def combine(replications: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return one summary from those of independent replications, all of the same shape.

    Numbers become their mean, counts their sum, truth values whether all hold, texts stay. With several replications each dict
    of numbers gets a sibling `half_width_95` with the 95 % half-widths, None where it cannot be known.
    """
    if len(replications) == 1:
        return replications[0]
    merged: dict[str, Any] = {}
    widths: dict[str, float | None] = {}
    for key in dict.fromkeys(key for summary in replications for key in summary):
        values = [summary[key] for summary in replications if key in summary]
        first = next((value for value in values if value is not None), None)
        if isinstance(first, dict):
            merged[key] = combine([value for value in values if value is not None])
        elif isinstance(first, bool):
            merged[key] = all(values)
        elif isinstance(first, int):
            merged[key] = sum(values)
        elif isinstance(first, float):
            known = [value for value in values if value is not None]
            merged[key] = sum(known) / len(known)
            width = half_width(known)
            widths[key] = None if math.isnan(width) else width
        else:
            merged[key] = first
    if widths:
        merged["half_width_95"] = widths
    return merged
