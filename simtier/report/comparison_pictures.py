"""The pictures of a comparison: differences with their intervals, and the variants' means."""

from __future__ import annotations

import math
from collections.abc import Iterable

from markupsafe import Markup

from simtier.report.figures.intervals import Mark, Panel, intervals
from simtier.report.metric_words import POINTS, group, in_points, last, mean, relative, scale, unit
from simtier.report.pictures import Picture
from simtier.statistics import mean_interval
from simtier.study import Compared
from simtier.study.compared import Against, InMetric

MOST_MARKS = 120
"""Differences drawn, at most."""
MOST_METRICS = 12
MOST_VARIANTS = 30
"""Means drawn, at most: of so many metrics and variants."""

_BETTER = {"lower": "to the left is better", "higher": "to the right is better", "neither": "neither side is better"}


def forest_picture(compared: Compared) -> Picture | None:
    """Return the differences from the base; None if none is known, or the base is 0 everywhere."""
    known = [(metric, each) for metric in compared.metrics for each in metric.against if _drawable(metric, each)]
    if not known:
        return None
    shown = known[:MOST_MARKS]
    base = compared.variants[0].name
    panels = [_panel(key, list(each), base, alone=len(compared.variants) == 2) for key, each in _groups(shown)]
    caption = (
        f"Differences from {base} in per cent of its mean; of shares, in percentage points. Bars are intervals at {100 * compared.confidence:.4g} %: one that leaves "
        "out the line at 0 shows a difference, before the correction for several variants."
    )
    total = sum(len(metric.against) for metric in compared.metrics)
    if len(shown) < total:
        caption += (
            f" Drawn are {len(shown)} of {total}; the others have no interval in per cent, or are in the table only."
        )
    alt = (
        "Differences: "
        + "; ".join(
            f"{each.variant} in {metric.name} {relative(metric.name, each.comparison).text}"
            for metric, each in shown[:20]
        )
        + "."
    )
    return Picture(Markup(intervals("forest", panels)), alt, caption)  # noqa: S704 - drawn here, texts escaped


def means_picture(compared: Compared) -> Picture | None:
    """Return each variant's mean in the first metrics of which not all values are the same; None if there is none."""
    metrics = [metric for metric in compared.metrics if _varies(metric)]
    if not metrics:
        return None
    drawn = metrics[:MOST_METRICS]
    names = [variant.name for variant in compared.variants][:MOST_VARIANTS]
    panels = [_means(metric, names, compared.confidence) for metric in drawn]
    several = compared.how != "batches" and compared.replications > 1
    caption = (
        f"Each variant's mean, and its own interval at {100 * compared.confidence:.4g} %. These intervals are wider than those of the differences above: what all variants have in common, "
        "the requests of a replication, is still in them. Whether two differ is judged by the differences."
        if several
        else "Each variant's value in its run; the batches' intervals are those of the differences above."
    )
    if len(metrics) < len(compared.metrics):
        caption += " Metrics without a value, or with the same in every variant and replication, are not drawn."
    if len(drawn) < len(metrics) or len(names) < len(compared.variants):
        caption += (
            f" Drawn are {len(drawn)} of {len(metrics)} metrics and {len(names)} of {len(compared.variants)} variants."
        )
    told = [
        f"{metric.name}: "
        + ", ".join(f"{name} {mean(metric.name, mean_interval(metric.values[name])).text}" for name in names[:6])
        for metric in drawn
    ]
    svg = intervals("means", panels, columns=2 if len(panels) > 1 else 1)
    return Picture(Markup(svg), "Means: " + "; ".join(told) + ".", caption)  # noqa: S704 - as above


def _drawable(metric: InMetric, against: Against) -> bool:
    return (
        math.isfinite(against.comparison.difference)
        and scale(metric.name, against.comparison) is not None
        and against.verdict != "unknown"
    )


def _varies(metric: InMetric) -> bool:
    known = {value for values in metric.values.values() for value in values if value is not None}
    return len(known) > 1


def _groups(known: Iterable[tuple[InMetric, Against]]) -> list[tuple[str, list[tuple[InMetric, Against]]]]:
    """Return metrics by their group, those told in points apart from those told in per cent, in order."""
    found: dict[tuple[str, bool], list[tuple[InMetric, Against]]] = {}
    for metric, against in known:
        found.setdefault((group(metric.name), in_points(metric.name)), []).append((metric, against))
    return [(name, each) for (name, _), each in found.items()]


def _panel(title: str, rows: list[tuple[InMetric, Against]], base: str, *, alone: bool) -> Panel:
    marks = []
    for metric, against in rows:
        found = against.comparison
        by = scale(metric.name, found) or 1.0
        label = last(metric.name) if alone else f"{last(metric.name)}: {against.variant}"
        marks.append(Mark(label, found.difference / by, found.low / by, found.high / by, against.verdict))
    words = POINTS if in_points(rows[0][0].name) else f"difference in % of {base}"
    sides = {metric.direction for metric, _ in rows}
    side = f" ({_BETTER[sides.pop()]})" if len(sides) == 1 else ""
    return Panel(title, words + side, "%", tuple(marks), reference=0.0)


def _means(metric: InMetric, names: list[str], confidence: float) -> Panel:
    marks = []
    for name in names:
        found = mean_interval(metric.values[name], confidence)
        if math.isfinite(found.mean):
            marks.append(Mark(name, found.mean, found.low, found.high, "mean"))
    better = {"lower": "less is better", "higher": "more is better"}.get(metric.direction, "")
    return Panel(metric.name, better, unit(metric.name), tuple(marks))
