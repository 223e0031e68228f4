"""Small panels over time, one above the other: queues of services, replicas, links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from simtier.report.facts import Facts
from simtier.report.figures.style import draw, over_time
from simtier.report.numbers import shorten

MOST = 8
"""Panels in a figure, at most."""

Series = tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True)
class Look:
    """How a metric is drawn: its key in the data, what the legend calls it, its colour, and whether the area is filled."""

    key: str
    label: str
    colour: str
    filled: bool = False


def panels(name: str, facts: Facts, shown: Mapping[str, Mapping[str, Series]], looks: Sequence[Look], unit: str) -> str:
    """Return the figure: a panel for each name, a line for each metric (times in s, values); `unit` labels the y axes."""
    drawn = {key for metrics in shown.values() for key in metrics}

    def paint(figure: Figure) -> None:
        for place, (title, metrics) in enumerate(shown.items()):
            axes = figure.add_subplot(len(shown), 1, place + 1)
            last = place == len(shown) - 1
            factor = over_time(axes, facts, label=last)
            for look in looks:
                if look.key not in metrics:
                    continue
                times, values = metrics[look.key]
                if look.filled:
                    axes.fill_between(times / factor, values, step="post", color=look.colour, alpha=0.35, linewidth=0)
                axes.step(times / factor, values, where="post", color=look.colour, linewidth=1.2)
            axes.set_title(shorten(title, 70))
            axes.set_ylabel(unit)
            highest = max(float(values.max()) for _, values in metrics.values())
            axes.set_ylim(0, 1.08 * highest or 1)
            axes.yaxis.set_major_locator(MaxNLocator(3, integer=highest >= 2, min_n_ticks=2))
            axes.tick_params(labelbottom=last)
            if place == 0:
                lines = [Line2D([], [], color=look.colour, label=look.label) for look in looks if look.key in drawn]
                axes.legend(handles=lines, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3, borderaxespad=0.2)

    return draw(name, 0.55 + 1.15 * len(shown), paint)
