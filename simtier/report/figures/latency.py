"""The cumulative distribution of latency, with the target and the percentiles of the summary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from simtier.report.figures.style import BLUE, INK, ORANGE, PAPER, VERMILLION, draw, seconds_axis
from simtier.report.latencies import Distribution, curve
from simtier.report.numbers import given, quantity

_MARKS = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
_FAINT = 12
"""Replications drawn one by one, at most."""
_LOG_FROM = 8.0
"""The axis is logarithmic if the largest latency is so many times the smallest."""


def latency(name: str, seen: Distribution, metrics: Mapping[str, Any]) -> str:
    """Return the figure of one application from its distribution and its part of the summary."""

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        slo = metrics.get("slo")
        target = slo["target_s"] if slo else None
        log = cumulative(axes, seen, target)
        if slo is not None and target is not None:
            axes.axvline(target, color=VERMILLION, linewidth=1.3, linestyle=(0, (5, 2)))
            axes.axhline(slo["percentile"] / 100, color=VERMILLION, linewidth=0.8, linestyle=(0, (1, 2)))
            label = f"target: {slo['percentile']:g} % within {given(target, 's')}"
            axes.plot([], [], color=VERMILLION, linewidth=1.3, linestyle=(0, (5, 2)), label=label)
        axes.set(xlabel="latency", ylabel="requests at or below")
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
        axes.set_yticks([0, 0.25, 0.5, 0.75, 0.95, 1.0])
        marks(axes, metrics["latency_s"], _MARKS, log=log)
        axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=4, borderaxespad=0.3, handlelength=1.8)

    return draw(f"latency-{name}", 3.3, paint)


def cumulative(axes: Axes, seen: Distribution, target: float | None, *, what: str = "requests") -> bool:
    """Draw the distribution, `target` in view; return whether the axis of times is logarithmic."""
    low, high = _limits(seen, target)
    log = low > 0 and high / low > _LOG_FROM
    if log:
        axes.set_xscale("log")
    several = len(seen.counts) > 1
    for number, counts in sorted(seen.counts.items())[: _FAINT if several else 0]:
        label = "each replication" if number == min(seen.counts) else None
        axes.step(*_steps(seen, counts, low, high, 150), where="post", color="#9CC7E0", linewidth=0.9, label=label)
    label = "all replications" if several else what
    axes.step(*_steps(seen, seen.pooled(), low, high, 500), where="post", color=BLUE, linewidth=2, label=label)
    axes.set(xlim=(low, high), ylim=(0, 1.08))
    seconds_axis(axes.xaxis, low, high, log=log)
    return log


def _limits(seen: Distribution, target: float | None) -> tuple[float, float]:
    values = [seen.smallest, seen.largest, *([target] if target else [])]
    low, high = min(values), max(values)
    if low > 0 and high / low > _LOG_FROM:
        return low / 1.15, high * 1.15
    margin = max(0.08 * (high - low), 0.05 * high)
    return max(low - margin, 0.0), high + margin or 1.0


def _steps(seen: Distribution, counts: Any, low: float, high: float, most: int) -> tuple[Any, Any]:
    """Return the curve from the left edge of the plot to its right edge."""
    seconds, shares = curve(counts, most)
    seconds = np.clip(seconds, seen.smallest, seen.largest)  # an edge may lie beyond the only value of its bin
    return np.concatenate([[low], seconds, [high]]), np.concatenate([[0.0], shares, [1.0]])


def marks(axes: Axes, latencies: Mapping[str, Any], shares: Sequence[tuple[str, float]], *, log: bool) -> None:
    """Mark percentiles of the summary, by key and share, with their 95 % intervals."""
    halves = latencies.get("half_width_95") or {}
    names, last = ", ".join(key for key, _ in shares), shares[-1][0]
    first = True
    for key, share in shares:
        value = latencies.get(key)
        if value is None:
            continue
        half = halves.get(key) or 0.0
        lower = max(value - half, value / 50 if log else 0.0)
        axes.plot([lower, value + half], [share, share], color=INK, linewidth=1.1, solid_capstyle="butt")
        label = names + (" with 95 % intervals" if halves else "")
        axes.plot(
            [value], [share], "o", color=ORANGE, markeredgecolor=INK, markersize=5.5, label=label if first else None
        )
        text = f"{key} {quantity(value, 's')}"
        at_the_edge = axes.transData.transform((value, 0))[0] > axes.bbox.x0 + 0.85 * axes.bbox.width
        place, side = (
            ((-7, 4) if key == last else (-7, -4), "right") if at_the_edge else ((6, 4 if key == last else -11), "left")
        )
        axes.annotate(
            text, (value, share), place, textcoords="offset points", ha=side, color=INK, fontsize=8, bbox=PAPER
        )
        first = False
