"""What all figures share: size, type, colours that the colour-blind can tell apart, and how they become SVG."""

from __future__ import annotations

import io
import math
import re
import warnings
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from simtier.report.facts import Facts
from simtier.report.numbers import quantity

# Okabe and Ito, "Color Universal Design" (2008), in an order that keeps neighbours apart.
BLUE, ORANGE, GREEN, VERMILLION, SKY, PURPLE, BLACK = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#56B4E9",
    "#CC79A7",
    "#33383D",
)
CYCLE = (BLUE, ORANGE, GREEN, VERMILLION, SKY, PURPLE, BLACK, "#8C6BB1")
INK, MUTED, LINE = "#1B1F24", "#57606A", "#D5DAE0"
PAPER = {"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.85}
"""What stands behind a text on a figure."""
WIDTH_IN = 10.0

_STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",  # matplotlib brings it, so texts are measured alike everywhere
    "font.size": 8.5,
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 8.5,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": "#9AA3AD",
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E7EAEE",
    "grid.linewidth": 0.7,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "text.color": INK,
    "text.parse_math": False,  # a name may hold dollar signs
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.5,
    "lines.solid_joinstyle": "round",
    "svg.fonttype": "none",
    "path.simplify": True,
}


def draw(name: str, height_in: float, paint: Callable[[Figure], object]) -> str:
    """Return the SVG of a figure that `paint` fills; `name` keeps its ids apart from those of other figures on the page."""
    style: Any = _STYLE | {"svg.hashsalt": name}
    with mpl.rc_context(style), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font", category=UserWarning)
        figure = Figure(figsize=(WIDTH_IN, height_in), layout="constrained")
        paint(figure)
        file = io.StringIO()
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return _inline(file.getvalue(), name)


def _inline(svg: str, name: str) -> str:
    """Return what stands between <svg> and </svg>, ready for a page that holds several."""
    prefix = re.sub(r"\W", "-", name)
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(?<= )id="', f'id="{prefix}-', svg)
    svg = re.sub(r"url\(#", f"url(#{prefix}-", svg)
    svg = re.sub(r'xlink:href="#', f'href="#{prefix}-', svg)
    view = re.search(r'viewBox="[^"]*"', svg)
    assert view is not None
    return f'<svg {view[0]} aria-hidden="true" focusable="false">' + svg[svg.index(">") + 1 :].strip()


def time_unit(until_s: float) -> tuple[float, str]:
    """Return seconds in the unit that suits an axis of this length, and its name."""
    if until_s > 3 * 86400:
        return 86400.0, "days"
    if until_s > 3 * 3600:
        return 3600.0, "h"
    if until_s > 600:
        return 60.0, "min"
    return 1.0, "s"


def over_time(axes: Axes, facts: Facts, *, label: bool = True) -> float:
    """Make the x axis the simulated time of replication 0, with warm-up and drain shaded; return seconds in its unit."""
    factor, unit = time_unit(facts.until_s)
    axes.set_xlim(0, facts.until_s / factor)
    if facts.warmup_s:
        axes.axvspan(0, min(facts.warmup_s, facts.until_s) / factor, color="#F1F3F5", zorder=0, linewidth=0)
    if facts.duration_s < facts.until_s:
        axes.axvspan(facts.duration_s / factor, facts.until_s / factor, color="#F1F3F5", zorder=0, linewidth=0)
    if label:
        axes.set_xlabel(f"simulated time ({unit})")
    return factor


def seconds_axis(axis: Any, low: float, high: float, *, log: bool) -> None:
    """Label an axis of latencies in seconds, milliseconds or less, whichever suits."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: "0" if value == 0 else _tick(value)))
    if not log:
        return
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1, 2, 5) if len(decades) <= 4 else (1,)
    ticks = [step * 10.0**decade for decade in decades for step in steps]
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_minor_locator(NullLocator())


def _tick(value: float) -> str:
    number, unit = quantity(value, "s").rsplit(" ", 1)
    return f"{float(number.replace(',', '')):g} {unit}"
