"""Cold starts of a platform: how long they took, and what of, each component beginning where the one before ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from simtier.report.figures.latency import cumulative, marks
from simtier.report.figures.style import CYCLE, INK, MUTED, draw, seconds_axis
from simtier.report.latencies import Distribution
from simtier.report.numbers import percent, quantity

MARKS = (("p50", 0.5), ("p90", 0.9), ("p99", 0.99))


def cold_starts(name: str, seen: Distribution, metrics: Mapping[str, Any]) -> str:
    """Return the figure of one platform from the distribution of its cold-start times and its part of the summary."""

    def paint(figure: Figure) -> None:
        left, right = figure.subplots(1, 2, width_ratios=(1.3, 1))
        log = cumulative(left, seen, None, what="cold starts")
        left.set(xlabel="cold-start time", ylabel="cold starts at or below")
        left.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
        left.set_yticks([0, 0.25, 0.5, 0.75, 0.9, 1.0])
        marks(left, metrics["cold_start_s"], MARKS, log=log)
        if not log:
            left.locator_params(axis="x", nbins=6)
        legend = left.legend(
            loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=4, borderaxespad=0.3, handlelength=1.3, columnspacing=1.1
        )
        legend.set_in_layout(False)  # it would make room for itself at the cost of the plot
        _components(right, metrics)

    return draw(f"cold-starts-{name}", 3.3, paint)


def _components(axes: Axes, metrics: Mapping[str, Any]) -> None:
    mean_s = metrics["cold_start_s"]["mean"]
    shown = {name: each for name, each in components(metrics).items() if each}
    begin = 0.0
    for place, (name, seconds) in enumerate(shown.items()):
        colour = CYCLE[list(components(metrics)).index(name) % len(CYCLE)]
        axes.barh(place, seconds, left=begin, color=colour, height=0.62, linewidth=0)
        text = f"{quantity(seconds, 's')}, {percent(metrics['component_share'][name])}"
        before = begin + seconds > 0.6 * mean_s
        x, side = (begin - 0.012 * mean_s, "right") if before else (begin + seconds + 0.012 * mean_s, "left")
        if before and begin < 0.3 * mean_s:  # a bar that fills the plot
            x, side = 0.5 * (begin + begin + seconds), "center"
        axes.text(x, place, text, va="center", ha=side, color="white" if side == "center" else MUTED, fontsize=8)
        begin += seconds
    axes.axvline(mean_s, color=INK, linewidth=1.1, linestyle=(0, (5, 2)), label="mean cold start", zorder=1)
    axes.set_yticks(range(len(shown)), [name.replace("_", " ") for name in shown])
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.set_ylim(max(len(shown), 3) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    axes.set_xlim(0, 1.06 * mean_s or 1.0)
    axes.set_xlabel("mean over cold starts")
    axes.locator_params(axis="x", nbins=6)
    seconds_axis(axes.xaxis, 0.0, mean_s, log=False)
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), borderaxespad=0.3, handlelength=1.8)


def components(metrics: Mapping[str, Any]) -> dict[str, float | None]:
    """Return the mean of each component of a cold start in seconds."""
    return {name: value for name, value in metrics["component_s"].items() if name != "half_width_95"}
