"""The cumulative distributions of the times of tokens, side by side, with targets and the percentiles of the summary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from simtier.report.figures.latency import cumulative, marks
from simtier.report.figures.style import VERMILLION, draw
from simtier.report.latencies import Distribution
from simtier.report.numbers import given

MARKS = (("p50", 0.5), ("p90", 0.9), ("p99", 0.99))
NAMES = {"ttft_s": "time to first token", "tpot_s": "time per output token"}


def tokens(
    name: str, seen: Mapping[str, Distribution], metrics: Mapping[str, Any], targets: Mapping[str, Sequence[float]]
) -> str:
    """Return the figure of one service: its distributions, its part of the summary, and the targets for each time."""

    def paint(figure: Figure) -> None:
        shown: dict[str, Artist] = {}
        for axes, key in zip(figure.subplots(1, len(seen), squeeze=False)[0], seen, strict=True):
            _distribution(axes, seen[key], metrics[key], targets.get(key, ()))
            goals = ", ".join(given(each, "s") for each in targets.get(key, ()))
            axes.set_xlabel(f"{NAMES[key]} (target {goals})" if goals else NAMES[key])
            handles, labels = axes.get_legend_handles_labels()
            shown |= dict(zip(labels, handles, strict=True))
        figure.axes[0].set_ylabel("requests at or below")
        figure.legend(shown.values(), shown.keys(), loc="outside upper left", ncols=5, handlelength=1.5)

    return draw(f"tokens-{name}", 3.4, paint)


def _distribution(axes: Axes, seen: Distribution, times: Mapping[str, Any], targets: Sequence[float]) -> None:
    log = cumulative(axes, seen, max(targets, default=None))
    for target in targets:
        axes.axvline(target, color=VERMILLION, linewidth=1.3, linestyle=(0, (5, 2)), label="target")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
    axes.set_yticks([0, 0.25, 0.5, 0.75, 0.9, 1.0])
    marks(axes, times, MARKS, log=log)
    if not log:
        axes.locator_params(axis="x", nbins=6)
