"""Ticks of an axis of plain numbers: at least three with a label, at round numbers inside what is drawn."""

from __future__ import annotations

import math
from collections.abc import Iterable

from matplotlib.axes import Axes
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator, NullLocator

LEAST = 3
_STEPS = ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0))
"""Of a logarithmic axis, the ticks of each power of ten: the fewest that are enough."""


def number_ticks(axes: Axes, low: float, high: float, one: float = 1.0, *, log: bool = False, most: int = 4) -> None:
    """Set the ticks of a horizontal axis.

    Args:
        axes: which has its scale already.
        low: where what is drawn begins.
        high: where it ends.
        one: what a label of 1 stands for on the axis.
        log: whether its scale is logarithmic.
        most: labels, at most.
    """
    ticks = round_numbers(low / one, high / one, log=log, most=most)
    axes.xaxis.set_major_locator(FixedLocator([each * one for each in ticks]))
    axes.xaxis.set_major_formatter(FixedFormatter([f"{each:.12g}" for each in ticks]))
    axes.xaxis.set_minor_locator(NullLocator())


def round_numbers(low: float, high: float, *, log: bool = False, most: int = 4) -> list[float]:
    """Return LEAST to `most` round numbers from `low` to `high`, rising (`most` is 4 or more); the number itself if both are the same."""
    if not low < high:
        return [low]
    if log and low > 0:
        powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        for steps in _STEPS:
            found = _inside([float(f"{step}e{power}") for power in powers for step in steps], low, high)
            if len(found) >= LEAST:
                return _thinned(found, most)
    for bins in range(LEAST, 4 * LEAST):
        found = _inside(MaxNLocator(bins, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high), low, high)
        if len(found) >= LEAST:
            return _thinned(found, most)
    return [low, (low + high) / 2, high]


def _thinned(ticks: list[float], most: int) -> list[float]:
    return ticks[:: math.ceil(len(ticks) / most)]


def _inside(ticks: Iterable[float], low: float, high: float) -> list[float]:
    room = 1e-9 * (high - low)
    return [float(each) for each in ticks if low - room <= each <= high + room]
