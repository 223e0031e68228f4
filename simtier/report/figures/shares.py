"""How often each part of a split DNN ran on which tier."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from simtier.report.figures.style import CYCLE, INK, MUTED, draw
from simtier.report.numbers import percent, shorten

MOST = 16
"""Bars drawn, at most; the rest is one bar a tier."""


def shares(name: str, parts: dict[tuple[str, str, str], float], tiers: list[str]) -> str:
    """Return the figure of one application: share of requests by (stage, part, tier)."""
    rows = [(stage, part, tier, share) for (stage, part, tier), share in list(parts.items())[:MOST]]
    several = len({stage for stage, *_ in rows}) > 1

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        seen: set[str] = set()
        for place, (_, _, tier, share) in enumerate(rows):
            colour = CYCLE[tiers.index(tier) % len(CYCLE)]
            axes.barh(
                place, share, color=colour, height=0.62, label=None if tier in seen else shorten(tier), linewidth=0
            )
            axes.text(share + 0.006, place, percent(share), va="center", color=MUTED, fontsize=8)
            seen.add(tier)
        labels = [shorten(f"{f'{stage}: ' if several else ''}{part} on {tier}") for stage, part, tier, _ in rows]
        axes.set_yticks(range(len(rows)), labels)
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.set_xlim(0, 1.1)
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1.0])
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
        axes.set_xlabel("share of requests")
        axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=8, borderaxespad=0.3, handlelength=1.2)

    return draw(f"shares-{name}", 1.0 + 0.29 * len(rows), paint)
