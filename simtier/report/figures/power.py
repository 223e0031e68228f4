"""Power against the budget over time, one panel a row, with what held it down."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from simtier.metrics.reading import Columns
from simtier.report.facts import Facts
from simtier.report.figures.style import BLUE, ORANGE, VERMILLION, draw, over_time
from simtier.report.numbers import shorten

_CAPPED = (
    ("low priority capped", ORANGE, 0.18),
    ("high priority capped too", ORANGE, 0.42),
    ("braked", VERMILLION, 0.5),
)


def power(facts: Facts, rows: Mapping[str, Columns], shares: Mapping[str, NDArray[np.float64]]) -> str:
    """Return the figure: the readings of each row, and its power as a share of the budget."""

    def paint(figure: Figure) -> None:
        for place, (name, readings) in enumerate(rows.items()):
            axes = figure.add_subplot(len(rows), 1, place + 1)
            last = place == len(rows) - 1
            factor = over_time(axes, facts, label=last)
            _shade(axes, readings, factor)
            axes.plot(readings["time_s"] / factor, 100 * shares[name], color=BLUE, linewidth=1.0)
            axes.axhline(100, color=VERMILLION, linewidth=1.1, linestyle=(0, (5, 2)))
            axes.set_title(shorten(name, 70))
            axes.set_ylabel("% of budget")
            low, high = float(shares[name].min()), float(shares[name].max())
            axes.set_ylim(100 * min(low, 0.6) - 2, 100 * max(high, 1.0) + 4)
            axes.tick_params(labelbottom=last)
            if place == 0:
                patches = [Patch(color=colour, alpha=alpha, label=label) for label, colour, alpha in _CAPPED]
                axes.legend(handles=patches, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3, borderaxespad=0.2)

    return draw("power", 0.55 + 1.35 * len(rows), paint)


def _shade(axes: Axes, readings: Columns, factor: float) -> None:
    """Shade the times at which clocks were held down."""
    braked, low, high = readings["braked"] == 1, readings["low_clock"] < 1, readings["high_clock"] < 1
    states = (low & ~high & ~braked, high & ~braked, braked)
    for (_, colour, alpha), inside in zip(_CAPPED, states, strict=True):
        axes.fill_between(
            readings["time_s"] / factor,
            0,
            1,
            where=inside.tolist(),
            step="pre",
            transform=axes.get_xaxis_transform(),
            color=colour,
            alpha=alpha,
            linewidth=0,
        )
