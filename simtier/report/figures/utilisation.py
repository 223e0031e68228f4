"""Utilisation of groups of nodes over time."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from simtier.report.facts import Facts
from simtier.report.figures.style import CYCLE, draw, over_time
from simtier.report.numbers import shorten

MOST = 8
"""Curves, at most: those with the highest mean."""


def utilisation(facts: Facts, edges: NDArray[np.float64], curves: Mapping[tuple[str, str], NDArray[np.float64]]) -> str:
    """Return the figure of the share in use in each bin, by group of nodes and "cores" or "accelerators"."""

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        factor = over_time(axes, facts)
        groups = list(dict.fromkeys(group for group, _ in curves))
        for (group, kind), values in curves.items():
            colour = CYCLE[groups.index(group) % len(CYCLE)]
            style = "-" if kind == "cores" else (0, (4, 1.5))
            label = f"{shorten(group, 24)}, {kind}"
            axes.stairs(
                values, edges / factor, color=colour, linestyle=style, linewidth=1.3, label=label, baseline=None
            )
        axes.set_ylim(0, max(1.0, *(1.05 * float(values.max()) for values in curves.values())))
        axes.set_ylabel("in use")
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
        longest = max(len(group) for group in groups)
        columns = 4 if longest <= 10 else 3 if longest <= 16 else 2
        axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=columns, borderaxespad=0.3)

    return draw("utilisation", 2.9, paint)
