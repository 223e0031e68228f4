"""A trace as a picture: what happens over time above, how its numbers are distributed below."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from simtier.errors import TraceError
from simtier.traces.statistics.columns import NumberColumn
from simtier.traces.statistics.quantiles import ACCURACY, Floats
from simtier.traces.statistics.summary import (
    BOUNDS,
    EVENTS,
    LEVELS,
    TIMES,
    Bounds,
    Collector,
    Summary,
    family_of,
    floats,
)
from simtier.traces.statistics.timebins import Thinned, TimeBins
from simtier.traces.tables import SCHEMAS, Family

_BLUE, _INK, _MUTED, _SKY = "#0072B2", "#1B1F24", "#57606A", "#CFE4F1"
_STYLE: Mapping[str, Any] = MappingProxyType(
    {
        "font.family": "DejaVu Sans",
        "font.size": 9,
        "axes.titlesize": 9.5,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.labelcolor": _MUTED,
        "axes.edgecolor": "#9AA3AD",
        "axes.linewidth": 0.7,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": "#E7EAEE",
        "xtick.color": _MUTED,
        "ytick.color": _MUTED,
        "text.color": _INK,
        "text.parse_math": False,
        "svg.hashsalt": "simtier",
    }
)
_ACROSS = 3
_MOST_PANELS = 9
_WIDE = 20.0  # a p95 over p5 from which a logarithmic axis helps
_LEFT_OUT = ("length_s", "available")  # what needs no distribution


def plot_trace(
    batches: Iterable[Any],
    family: Family | Any,
    title: str,
    path: Path,
    facts: Mapping[str, str] = MappingProxyType({}),
    bounds: Bounds = BOUNDS,
) -> Summary:
    """Draw a stream of record batches, read once, to `path`, and return its summary (as `summarise` does).

    Above: arrivals over time, the total of all series, the rate of a link, or the instances available. Below: the distribution
    functions of the gaps and of the columns of numbers. Rows are thinned out if they are too many for a line, and the figure
    says so. The suffix of `path` decides the format.

    Raises TraceError for a suffix other than .png, .svg and .pdf, an unknown family, no rows, and rows whose time goes back.
    """
    if path.suffix.lower() not in {".png", ".svg", ".pdf"}:
        raise TraceError(f"{str(path)!r}: a plot is a .png, .svg or .pdf file")
    collector = Collector(family_of(family), bounds)
    over_time = _OverTime(collector.family)
    for batch in batches:
        collector.add(batch)
        over_time.add(batch)
    if not collector.rows:
        raise TraceError(f"{title}: no rows, so there is nothing to plot")
    summary = collector.figures(facts)
    _draw(collector, over_time, f"{title}  ({collector.rows:,} rows)", path)
    return summary


class _OverTime:
    """Collects the upper panel."""

    def __init__(self, family: Family) -> None:
        self.family = family
        self.bins = TimeBins()
        self.rows = Thinned()
        self._first_s: float | None = None
        self._last = (0.0, -1.0)  # time and number of the last row

    def add(self, batch: Any) -> None:
        if not batch.num_rows or self.family == "functions":
            return
        times = floats(batch, next(name for name in TIMES if name in batch.schema.names))
        self._first_s = float(times[0]) if self._first_s is None else self._first_s
        since = times - self._first_s
        if self.family in LEVELS:
            values = floats(batch, LEVELS[self.family])
            changes = np.diff(values, prepend=self._last[1]) != 0
            self._last = (float(since[-1]), float(values[-1]))
            self.rows.add(since[changes], values[changes])
        else:
            self.bins.add(since, floats(batch, "value") if self.family == "rates" else np.ones(len(times)))

    def draw(self, axes: Any) -> None:
        if self.family in LEVELS:
            self._draw_level(axes)
        else:
            self._draw_bins(axes)
        axes.set_ylim(bottom=0)
        axes.margins(x=0)

    def _draw_bins(self, axes: Any) -> None:
        begins, sums, _ = self.bins.bins()
        width = self.bins.width_s
        factor, unit = _time_unit(float(begins[-1]) + width)
        axes.stairs(sums / width, np.append(begins, begins[-1] + width) / factor, fill=True, color=_SKY)
        axes.stairs(sums / width, np.append(begins, begins[-1] + width) / factor, color=_BLUE, linewidth=1)
        what = "Total of all series" if self.family == "rates" else "Arrivals"
        axes.set_title(f"{what}, in bins of {_duration(width)}")
        axes.set_xlabel(f"time ({unit})")
        axes.set_ylabel("per second")

    def _draw_level(self, axes: Any) -> None:
        times, values = (np.append(part, end) for part, end in zip(self.rows.rows(), self._last, strict=True))
        factor, unit = _time_unit(float(times[-1]))
        axes.step(times / factor, values, where="post", color=_BLUE, linewidth=1)
        axes.fill_between(times / factor, values, step="post", color=_SKY, linewidth=0)
        thinned = f", one in {self.rows.stride} changes drawn" if self.rows.stride > 1 else ""
        axes.set_title(("Rate" if self.family == "bandwidth" else "Instances available") + thinned)
        axes.set_xlabel(f"time ({unit})")
        axes.set_ylabel("rate" if self.family == "bandwidth" else "instances")
        if self.family == "bandwidth":
            axes.yaxis.set_major_formatter(lambda value, _: _with_unit(value, "B/s"))
        else:
            axes.yaxis.get_major_locator().set_params(integer=True)


def _draw(collector: Collector, over_time: _OverTime, title: str, path: Path) -> None:
    import matplotlib as mpl  # noqa: PLC0415 - slow to import, and only a plot needs it
    from matplotlib.figure import Figure  # noqa: PLC0415 - as above

    panels = _panels(collector)
    lines = -(-len(panels) // _ACROSS)
    timed = collector.family != "functions"
    style: Any = dict(_STYLE)
    with mpl.rc_context(style):
        figure = Figure(figsize=(10, 0.4 + 2.5 * (lines + timed)), layout="constrained")
        figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold")
        across = max(min(len(panels), _ACROSS), 1)
        grid = figure.add_gridspec(lines + timed, across)
        if timed:
            over_time.draw(figure.add_subplot(grid[0, :]))
        for place, (name, unit, column) in enumerate(panels):
            axes = figure.add_subplot(grid[timed + place // across, place % across])
            _draw_distribution(axes, name, unit, column)
            if place % across == 0:
                axes.set_ylabel("share at or below")
        options: Any = {"metadata": {"Date": None}} if path.suffix.lower() == ".svg" else {}
        figure.savefig(path, dpi=150, **options)


def _panels(collector: Collector) -> list[tuple[str, str, NumberColumn]]:
    """Return name, unit and numbers of each distribution to show."""
    schema = SCHEMAS[collector.family]
    panels: list[tuple[str, str, NumberColumn]] = []
    if collector.family in EVENTS:
        panels.append(("gap between arrivals", "s", collector.arrivals.gaps))
    if collector.family == "rates":
        panels.append(("total of an interval", "", collector.intervals.totals))
    for name, column in collector.numbers.items():
        if name not in _LEFT_OUT:
            meta = (schema.field(name).metadata or {}) if name in schema.names else {}
            unit = meta.get(b"unit", b"").decode()
            panels.append((_spoken(name), unit, column))
    panels += [(f"{name} of a row", "", blocks.lengths) for name, blocks in collector.blocks.items()]
    return [panel for panel in panels if panel[2].quantiles.count][:_MOST_PANELS]


def _draw_distribution(axes: Any, name: str, unit: str, column: NumberColumn) -> None:
    from matplotlib.ticker import LogLocator, NullLocator, PercentFormatter  # noqa: PLC0415 - slow to import, and only a plot needs it

    figures = column.figures()
    percents = np.concatenate([np.linspace(0, 99, 496), np.linspace(99.01, 100, 100)])
    values = np.array(column.quantiles.percentiles(percents.tolist()))
    logarithmic = _is_wide(values)
    shown = values > 0 if logarithmic else np.full(len(values), fill_value=True)
    axes.plot(values[shown], percents[shown] / 100, color=_BLUE, linewidth=1.5)
    if logarithmic:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(numticks=5))
        axes.xaxis.set_minor_locator(NullLocator())
    zeros = figures.zeros / figures.count
    remarks = [f"{zeros:.0%} are 0" if zeros >= 0.01 else "under 1% are 0"] if figures.zeros and logarithmic else []
    remarks += [f"within {ACCURACY:.1%}"] if figures.approximate else []
    axes.set_xlabel(name + (f" ({', '.join(remarks)})" if remarks else ""))
    axes.xaxis.set_major_formatter(lambda value, _: _with_unit(value, unit))
    axes.set_ylim(0, 1.13)
    axes.set_yticks(np.linspace(0, 1, 6))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    begin, end = values[shown][0], values[shown][-1]
    middle = np.sqrt(begin * end) if logarithmic else (begin + end) / 2
    for percent, value in ((50, figures.p50), (99, figures.p99)):
        if value is not None and (value > 0 or not logarithmic):
            _mark(axes, value, percent, f"p{percent} {_with_unit(value, unit)}", to_the_left=bool(value > middle))


def _mark(axes: Any, value: float, percent: int, text: str, *, to_the_left: bool) -> None:
    """Name a point of a distribution function, where it is not drawn: it rises, so above on the left or below on the right."""
    axes.plot([value], [percent / 100], "o", color=_BLUE, markersize=3.5)
    place: Any = {"xytext": (6, -3), "ha": "left", "va": "top"}
    if to_the_left:
        place = {"xytext": (-4, 3), "ha": "right", "va": "bottom"}
    axes.annotate(text, (value, percent / 100), textcoords="offset points", color=_MUTED, fontsize=8, **place)


def _is_wide(values: Floats) -> bool:
    """Return whether the values that are not 0 spread so far that a logarithmic axis shows them better."""
    positive = values[values > 0]
    return bool(values[0] >= 0 and len(positive) and np.percentile(positive, 95) > _WIDE * np.percentile(positive, 5))


def _with_unit(value: float, unit: str) -> str:
    """Return a number as an axis has it: 20 ms, 1,000 s, 5 MB, 12k."""
    if unit == "s" and abs(value) >= 1:
        return f"{value:,.4g} s" if abs(value) < 1000 else f"{value:,.0f} s"
    for factor, prefix in (
        (1e12, "T"),
        (1e9, "G"),
        (1e6, "M"),
        (1e3, "k"),
        (1.0, ""),
        (1e-3, "m"),
        (1e-6, "µ"),
        (1e-9, "n"),
    ):
        if abs(value) >= factor * (1 - 1e-9):
            digits = f"{value / factor:.3g}"
            return f"{digits}{prefix}" if unit in {"", "token"} and factor >= 1 else f"{digits} {prefix}{unit}".strip()
    return f"{value:.3g} {unit if unit != 'token' else ''}".strip()


def _spoken(name: str) -> str:
    for suffix in ("_bytes_per_s", "_bytes", "_s"):
        name = name.removesuffix(suffix)
    return name.replace("_", " ")


def _time_unit(until_s: float) -> tuple[float, str]:
    """Return seconds in the unit that suits an axis of this length, and its name."""
    for limit, factor, unit in ((3 * 86400, 86400.0, "days"), (3 * 3600, 3600.0, "h"), (600, 60.0, "min")):
        if until_s > limit:
            return factor, unit
    return 1.0, "s"


def _duration(seconds: float) -> str:
    """Return a width of bins in words: 10 s, 5 min, 6 h."""
    for factor, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= factor and not seconds % factor:
            return f"{seconds / factor:g} {unit}"
    return f"{seconds:g} s"
