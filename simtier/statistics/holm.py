"""Many tests at once: Holm's correction."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import TypeVar

Name = TypeVar("Name", bound=Hashable)


def holm(p_values: Mapping[Name, float]) -> dict[Name, float]:
    """Return adjusted p-values, by name: those below alpha are all true with probability at least 1 - alpha, however they depend.

    The k-th smallest of m is multiplied by m - k + 1, and none is below a smaller one's or above 1. NaN (not to be known) stays NaN and
    counts as one of the m. Source: Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statistics 6, 1979.
    """
    adjusted = dict(p_values)
    largest = 0.0
    known = sorted((name for name, p in p_values.items() if not math.isnan(p)), key=p_values.__getitem__)
    for place, name in enumerate(known):
        largest = max(largest, min(1.0, (len(p_values) - place) * p_values[name]))
        adjusted[name] = largest
    return adjusted
