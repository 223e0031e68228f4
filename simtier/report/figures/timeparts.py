"""Where the time went: one bar a stage and tier, each beginning where the one before ended if their times add up."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from simtier.report.figures.style import BLUE, INK, ORANGE, PAPER, SKY, draw, seconds_axis
from simtier.report.numbers import quantity, shorten
from simtier.report.timeparts import TimeParts

MOST = 24
"""Bars drawn, at most; the table beside the figure has them all."""
PARTS = (("on the way there", SKY), ("waiting", ORANGE), ("in service", BLUE))


def timeparts(name: str, parts: TimeParts, *, chain: bool) -> str:
    """Return the figure of one application; `chain` says whether its stages follow one another."""
    rows = list(parts.rows.items())[:MOST]

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        begin, longest = 0.0, max(parts.sum_s if chain else parts.latency_s, 1e-12)
        for place, (_, times) in enumerate(rows):
            left = begin
            for (label, colour), seconds in zip(PARTS, times, strict=True):
                axes.barh(
                    place, seconds, left=left, color=colour, height=0.62, label=None if place else label, linewidth=0
                )
                left += seconds
            _note(axes, place, (begin, left), longest)
            begin = left if chain else 0.0
        begin = parts.sum_s - parts.back_s if chain else 0.0
        axes.barh(
            len(rows), parts.back_s, left=begin, color=SKY, height=0.62, hatch="////", edgecolor="white", linewidth=0
        )
        _note(axes, len(rows), (begin, begin + parts.back_s), longest)
        axes.axvline(parts.latency_s, color=INK, linewidth=1.1, linestyle=(0, (5, 2)), label="mean latency", zorder=1)
        labels = [shorten(f"{stage}, {tier}") for (stage, tier), _ in rows]
        axes.set_yticks(range(len(rows) + 1), [*labels, "answer's way back"])
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.set_xlim(0, 1.14 * longest)
        axes.set_xlabel("mean over requests")
        seconds_axis(axes.xaxis, 0.0, longest, log=False)
        axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=4, borderaxespad=0.3, handlelength=1.8)

    return draw(f"time-{name}", 1.2 + 0.31 * (len(rows) + 1), paint)


def _note(axes: Axes, place: int, bar: tuple[float, float], longest: float) -> None:
    """Write how long a bar is, before it if there is room, so as not to cross the line of the mean."""
    begin, end = bar
    before = begin > 0.15 * longest
    x, side = (begin - 0.008 * longest, "right") if before else (end + 0.008 * longest, "left")
    axes.text(x, place, quantity(end - begin, "s"), va="center", ha=side, color=INK, fontsize=8, bbox=PAPER)
