"""Values with their intervals, one below the other: differences between variants, and variants' means."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator

from simtier.report.figures.amounts import amount_axis
from simtier.report.figures.style import BLUE, GREEN, INK, MUTED, VERMILLION, draw
from simtier.report.numbers import shorten

LOOKS = {
    "better": (GREEN, "o", "full"),
    "worse": (VERMILLION, "s", "full"),
    "lower": (BLUE, "v", "full"),
    "higher": (BLUE, "^", "full"),
    "not shown": (MUTED, "D", "none"),
    "same": (MUTED, "|", "full"),
    "mean": (BLUE, "o", "full"),
}
"""Colour, shape and filling of a mark by what it says, so that none depends on colour alone."""

_ROW_IN = 0.21
_FRAME_IN = 0.72


@dataclass(frozen=True)
class Mark:
    """A value with its interval (NaN if it has none), and which of LOOKS it has."""

    label: str
    value: float
    low: float
    high: float
    look: str


@dataclass(frozen=True)
class Panel:
    """Marks on one axis.

    Attributes:
        title: above it.
        axis: what the axis is labelled with.
        unit: of its ticks.
        marks: from the top down.
        reference: where a line stands, such as at no difference; None for no line.
    """

    title: str
    axis: str
    unit: str
    marks: tuple[Mark, ...]
    reference: float | None = None


def intervals(name: str, panels: Sequence[Panel], columns: int = 1) -> str:
    """Return the figure of the panels, side by side in so many columns."""
    rows = [panels[start : start + columns] for start in range(0, len(panels), columns)]
    heights = [_FRAME_IN + _ROW_IN * max(len(panel.marks) for panel in row) for row in rows]

    def paint(figure: Figure) -> None:
        grid = figure.add_gridspec(len(rows), columns, height_ratios=heights)
        for place, panel in enumerate(panels):
            _panel(figure.add_subplot(grid[place // columns, place % columns]), panel)
        looks = dict.fromkeys(mark.look for panel in panels for mark in panel.marks)
        if set(looks) != {"mean"}:
            figure.legend(handles=[_key(look) for look in looks], loc="outside upper left", ncols=6, handlelength=1.4)

    return draw(name, sum(heights) + 0.35, paint)


def _panel(axes: Axes, panel: Panel) -> None:
    if panel.reference is not None:
        axes.axvline(panel.reference, color=INK, linewidth=1.0, zorder=1)
    for place, mark in enumerate(panel.marks):
        colour, shape, fill = LOOKS[mark.look]
        if math.isfinite(mark.low) and math.isfinite(mark.high):
            axes.plot([mark.low, mark.high], [place, place], color=colour, linewidth=1.6, solid_capstyle="butt")
        face = colour if fill == "full" else "white"
        axes.plot([mark.value], [place], shape, color=colour, markerfacecolor=face, markersize=6, markeredgewidth=1.4)
    axes.set_yticks(range(len(panel.marks)), [shorten(mark.label, 44) for mark in panel.marks])
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.set_ylim(len(panel.marks) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    ends = _ends(panel)
    _wide_enough(axes, ends)
    amount_axis(axes.xaxis, panel.unit)
    if len(ends) == 1:
        axes.xaxis.set_major_locator(FixedLocator([*ends]))
    axes.set_title(shorten(panel.title, 70))
    axes.set_xlabel(panel.axis)


def _ends(panel: Panel) -> set[float]:
    ends = {end for mark in panel.marks for end in (mark.low, mark.value, mark.high) if math.isfinite(end)}
    return ends if panel.reference is None else {*ends, panel.reference}


def _wide_enough(axes: Axes, ends: set[float]) -> None:
    """Give the axis a width even where all is at one place."""
    low, high = min(ends), max(ends)
    room = 0.06 * (high - low) if high - low > 1e-9 * max(abs(low), abs(high)) else 0.05 * max(abs(high), 1e-12)
    axes.set_xlim(low - room, high + room)


def _key(look: str) -> Line2D:
    colour, shape, fill = LOOKS[look]
    words = {"not shown": "no difference shown", "same": "the same in every replication"}
    face = colour if fill == "full" else "white"
    return Line2D(
        [],
        [],
        color=colour,
        marker=shape,
        markerfacecolor=face,
        markersize=6,
        linewidth=1.6,
        label=words.get(look, look),
    )
