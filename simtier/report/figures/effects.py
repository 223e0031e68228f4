"""Main effects: a metric at each level of each field, on one scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from simtier.report.figures.amounts import amount_axis
from simtier.report.figures.style import BLUE, INK, MUTED, SKY, draw
from simtier.report.figures.ticks import number_ticks
from simtier.report.numbers import shorten
from simtier.study.effects.measured import Floats

ACROSS = 4
"""Panels in a row."""
_LONG = 9
_MOST_LABELS = 12


@dataclass(frozen=True)
class Shown:
    """One field.

    Attributes:
        title: of the panel.
        labels: of the levels; of a scale of numbers, its two ends.
        means: at each level.
        half_widths: of each level's distance from the mean of all cells; NaN if not known.
        xs: where levels stand on a scale of numbers; None for one beside the other.
        cloud: position and mean of each cell, drawn behind; None without.
        log: whether the scale of numbers is logarithmic.
        unit, one: what its ticks are counted in, and how much one of it is on the scale.
    """

    title: str
    labels: tuple[str, ...]
    means: Floats
    half_widths: Floats
    xs: Floats | None = None
    cloud: tuple[Floats, Floats] | None = None
    log: bool = False
    unit: str = ""
    one: float = 1.0


def effects(name: str, fields: Sequence[Shown], mean: float, unit: str) -> str:
    """Return the figure of one metric, a panel a field; `mean` of all cells, `unit` of the metric."""
    rows = math.ceil(len(fields) / ACROSS)
    columns = min(ACROSS, max(len(fields), 2))
    longest = max(len(label) for field in fields for label in (field.labels if field.xs is None else ("",)))
    height = 2.1 + (0.06 * min(longest, 24) if longest > _LONG else 0.0)

    def paint(figure: Figure) -> None:
        grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
        for axes, field in zip(grid.flat, fields, strict=False):
            axes.axhline(mean, color=MUTED, linewidth=0.9, linestyle=(0, (1, 2)))
            _panel(axes, field)
        for axes in grid.flat[len(fields) :]:
            axes.remove()
        amount_axis(grid[0, 0].yaxis, unit)

    return draw(name, height * rows, paint)


def _panel(axes: Axes, field: Shown) -> None:
    xs = np.arange(len(field.means), dtype=np.float64) if field.xs is None else field.xs
    if field.cloud is not None:
        axes.plot(*field.cloud, "o", color=SKY, markersize=2.5, alpha=0.6, linewidth=0)
    axes.plot(xs, field.means, "-", color=BLUE, linewidth=1.0, alpha=0.55)
    for x, mean, half in zip(xs, field.means, field.half_widths, strict=True):
        if math.isfinite(half):
            axes.plot([x, x], [mean - half, mean + half], color=INK, linewidth=1.3, solid_capstyle="butt")
    axes.plot(xs, field.means, "o", color=BLUE, markersize=5)
    axes.set_title(shorten(field.title, 30))
    axes.grid(visible=False, axis="x")
    if field.xs is not None:
        axes.set_xscale("log" if field.log else "linear")
        low, high = field.labels
        axes.set_xlabel(f"{low} to {high}" + ("" if low.endswith(field.unit) else f", in {field.unit}"))
        reach = xs if field.cloud is None else field.cloud[0]
        number_ticks(axes, float(reach.min()), float(reach.max()), field.one, log=field.log)
        return
    step = math.ceil(len(xs) / _MOST_LABELS)
    turned = max(map(len, field.labels)) > _LONG
    axes.set_xticks(
        xs[::step].tolist(),
        [shorten(label, 24) for label in field.labels[::step]],
        rotation=30 if turned else 0,
        ha="right" if turned else "center",
    )
    axes.set_xlim(-0.5, len(xs) - 0.5)
