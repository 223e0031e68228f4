"""The share of requests in time over the rate, with the intervals by which each rate was decided."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from simtier.report.figures.style import BLUE, INK, ORANGE, SKY, VERMILLION, draw
from simtier.report.figures.ticks import number_ticks
from simtier.study.capacity.found import AtRate, Capacity

_COLOURS = {"kept": BLUE, "undecided": ORANGE, "missed": VERMILLION}


def attainment_curve(found: Capacity) -> str:
    """Return the figure of a capacity: all rates asked, and beside them those where it is decided."""

    def paint(figure: Figure) -> None:
        whole, near = figure.subplots(1, 2)
        _curve(whole, found, found.rates)
        whole.set_xscale("log")
        number_ticks(whole, found.rates[0].rate, found.rates[-1].rate, log=True, most=6)
        whole.set_title("all rates asked")
        whole.set_ylabel("requests within their targets")
        _curve(near, found, _around(found))
        near.set_title("where it is decided")
        handles, labels = whole.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))

    return draw("capacity", 3.3, paint)


def _around(found: Capacity) -> list[AtRate]:
    """Return the rates from one below the answer to one above it."""
    places = [
        place
        for place, each in enumerate(found.rates)
        if each.rate in (found.kept, found.missed) or each in found.undecided
    ]
    if not places:
        return list(found.rates)
    return list(found.rates[max(min(places) - 1, 0) : max(places) + 2])


def _curve(axes: Axes, found: Capacity, rates: tuple[AtRate, ...] | list[AtRate]) -> None:
    axes.plot([each.rate for each in rates], [each.mean for each in rates], color=SKY, linewidth=1)
    for verdict, colour in _COLOURS.items():
        mine = [each for each in found.rates if each.verdict == verdict]
        shown = [each for each in mine if each in rates]
        if mine:
            below = [each.mean - max(each.low, 0) for each in shown]
            above = [min(each.high, 1) - each.mean for each in shown]
            axes.errorbar(
                [each.rate for each in shown],
                [each.mean for each in shown],
                yerr=[below, above],
                fmt="o",
                markersize=4,
                capsize=3,
                color=colour,
                label=f"objective {verdict}",
            )
    axes.axhline(found.share, color=INK, linewidth=1.1, linestyle=(0, (5, 2)), label="promised")
    if found.kept is not None and found.missed is not None:
        axes.axvspan(found.kept, found.missed, color=ORANGE, alpha=0.15, linewidth=0)
    number_ticks(axes, rates[0].rate, rates[-1].rate, most=6)
    axes.set_xlabel("requests/s")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
