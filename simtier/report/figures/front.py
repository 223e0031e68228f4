"""A Pareto front: cells by two objectives, the members of the front numbered."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from simtier.report.figures.amounts import amount_axis
from simtier.report.figures.style import INK, MUTED, PAPER, SKY, VERMILLION, draw
from simtier.statistics import Interval

_NEAR = 0.015
"""Marks closer than this share of the axis lie on each other."""
_LOOKS = {
    "front": (VERMILLION, "o", "on the front"),
    "near": (SKY, "D", "not told apart from the front"),
    "behind": (MUTED, ".", "behind"),
}


@dataclass(frozen=True)
class Spot:
    """A cell: what is paid, how well it serves, its number on the front (0 for others), and whether it is told apart from it."""

    x: Interval
    y: Interval
    number: int
    near: bool


@dataclass(frozen=True)
class Plane:
    """Two objectives: their names, units, and whether more is better; and the cells."""

    x_name: str
    y_name: str
    x_unit: str
    y_unit: str
    spots: tuple[Spot, ...]


def front(name: str, planes: Sequence[Plane]) -> str:
    """Return the figure of the planes, one above the other."""

    def paint(figure: Figure) -> None:
        for axes, plane in zip(figure.subplots(len(planes), 1, squeeze=False)[:, 0], planes, strict=True):
            _plane(axes, plane)
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper left", ncols=3, handlelength=1.0)

    return draw(name, 0.4 + 3.6 * len(planes), paint)


def _plane(axes: Axes, plane: Plane) -> None:
    for look, (colour, shape, label) in _LOOKS.items():
        mine = [spot for spot in plane.spots if _look(spot) == look]
        if look == "front":
            for spot in mine:
                _cross(axes, spot, colour)
        xs, ys = [spot.x.mean for spot in mine], [spot.y.mean for spot in mine]
        if mine:
            axes.plot(
                xs,
                ys,
                shape,
                color=colour,
                markersize=7 if look == "front" else 5,
                label=label,
                zorder=3 if look == "front" else 2,
                linewidth=0,
            )
    for place, ((x, y), numbers) in enumerate(_labels(plane).items()):
        offset = (7, 5) if place % 2 == 0 else (7, -11)
        text = ", ".join(map(str, numbers))
        axes.annotate(text, (x, y), offset, textcoords="offset points", color=INK, fontsize=8, bbox=PAPER, zorder=4)
    axes.set(xlabel=plane.x_name, ylabel=plane.y_name)
    axes.margins(0.06)
    amount_axis(axes.xaxis, plane.x_unit, 7)
    amount_axis(axes.yaxis, plane.y_unit)


def _labels(plane: Plane) -> dict[tuple[float, float], list[int]]:
    """Return where numbers of the front stand; members that lie on each other share a place."""
    members = sorted((spot for spot in plane.spots if spot.number), key=lambda spot: spot.number)
    widths = [max(np.ptp([getattr(spot, axis).mean for spot in plane.spots]), 1e-300) * _NEAR for axis in ("x", "y")]
    found: dict[tuple[float, float], list[int]] = {}
    for spot in members:
        at = (spot.x.mean, spot.y.mean)
        beside = (
            other for other in found if abs(other[0] - at[0]) < widths[0] and abs(other[1] - at[1]) < 2 * widths[1]
        )
        found.setdefault(next(beside, at), []).append(spot.number)
    return found


def _look(spot: Spot) -> str:
    return "front" if spot.number else "near" if spot.near else "behind"


def _cross(axes: Axes, spot: Spot, colour: str) -> None:
    """Draw the intervals of a member of the front."""
    if math.isfinite(spot.x.half_width):
        axes.plot([spot.x.low, spot.x.high], [spot.y.mean] * 2, color=colour, linewidth=1.0, alpha=0.6)
    if math.isfinite(spot.y.half_width):
        axes.plot([spot.x.mean] * 2, [spot.y.low, spot.y.high], color=colour, linewidth=1.0, alpha=0.6)
