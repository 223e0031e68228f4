"""Heat maps: a metric at each pair of levels of two fields."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from simtier.report.figures.style import INK, draw
from simtier.report.numbers import quantity, shorten
from simtier.study.effects.measured import Floats

MOST_LEVELS = 12
"""Levels of a field that a map has room for."""
_ACROSS = 2


@dataclass(frozen=True)
class Map:
    """One map: its title, what its axes are and their levels, the means (rows, columns; NaN for none), and the unit of the metric."""

    title: str
    row_name: str
    column_name: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    means: Floats
    unit: str


def heat(name: str, maps: Sequence[Map]) -> str:
    """Return the figure of the maps, two in a row."""
    lines = [maps[start : start + _ACROSS] for start in range(0, len(maps), _ACROSS)]
    heights = [1.35 + 0.3 * max(len(each.rows) for each in line) for line in lines]

    def paint(figure: Figure) -> None:
        grid = figure.add_gridspec(len(lines), _ACROSS, height_ratios=heights)
        for place, each in enumerate(maps):
            _map(figure.add_subplot(grid[place // _ACROSS, place % _ACROSS]), each)

    return draw(name, sum(heights), paint)


def _map(axes: Axes, each: Map) -> None:
    low, high = float(np.nanmin(each.means)), float(np.nanmax(each.means))
    colours = mpl.colormaps["cividis"]
    shares = (each.means - low) / (high - low) if high > low else np.full_like(each.means, 0.5)
    axes.pcolormesh(np.ma.masked_invalid(shares), cmap=colours, vmin=0, vmax=1, edgecolors="white", linewidth=1.5)
    size = 8.0 if len(each.columns) <= 6 else 6.0
    for (row, column), mean in np.ndenumerate(each.means):
        text = quantity(float(mean), each.unit) if math.isfinite(mean) else "none"
        colour = INK if not math.isfinite(mean) or shares[row, column] > 0.5 else "white"
        axes.text(column + 0.5, row + 0.5, text, ha="center", va="center", color=colour, fontsize=size)
    axes.set_xticks(
        np.arange(len(each.columns)) + 0.5,
        [shorten(label, 18) for label in each.columns],
        rotation=20 if max(map(len, each.columns)) > 7 else 0,
    )
    axes.set_yticks(np.arange(len(each.rows)) + 0.5, [shorten(label, 24) for label in each.rows])
    axes.set(xlabel=shorten(each.column_name, 40), ylabel=shorten(each.row_name, 24))
    axes.set_title(shorten(each.title, 60))
    axes.invert_yaxis()
    axes.grid(visible=False)
    axes.tick_params(length=0)
