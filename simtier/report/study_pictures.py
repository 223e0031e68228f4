"""The pictures of a study: main effects, heat maps of pairs, the Pareto front."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from simtier.report.figures import heat as heat_figure
from simtier.report.figures.effects import Shown, effects
from simtier.report.figures.front import Plane, Spot, front
from simtier.report.figures.heat import Map, heat
from simtier.report.metric_words import mean, unit
from simtier.report.numbers import percent
from simtier.report.pictures import Picture
from simtier.report.study_tables import ends
from simtier.study.effects.analysis import Analysis, Effect
from simtier.study.effects.complete import Flags, complete
from simtier.study.effects.levels import rounded
from simtier.study.effects.measured import Field, Floats, Measured
from simtier.study.effects.pairs import Pair
from simtier.study.effects.pareto import Front

MOST_FIELDS = 8
MOST_MAPS = 6
"""Heat maps drawn, at most: those of the strongest interactions."""
MOST_LEVELS = 40
MOST_POINTS = 1500
"""Cells drawn as points, at most: of more, every second, or third."""
MOST_NAMED = 20
"""Pairs named that are not drawn."""
_PRICES = ("cost_usd", "energy_j")


def effects_picture(measured: Measured, found: Analysis) -> Picture:
    """Return the main effects of a metric, of the fields that explain most of it."""
    by_name = {field.name: field for field in measured.fields}
    drawn = [effect for effect in found.effects if len(effect.levels) <= MOST_LEVELS][:MOST_FIELDS]
    if not drawn:
        drawn = list(found.effects[:1])
    values = complete(measured.values[found.metric])
    assert values is not None  # an analysis has values
    shown = [_shown(by_name[effect.field], effect, values.kept, values.means) for effect in drawn]
    svg = effects(f"effects-{found.metric}", shown, float(values.means.mean()), unit(found.metric))
    caption = found.metric
    if len(drawn) < len(found.effects):
        caption += f": {len(drawn)} of {len(found.effects)} fields; the table has all"
    told = [
        f"{each.field}: {_where(each)}" + (f", {percent(each.share)} of the variance" if each.share is not None else "")
        for each in drawn
    ]
    return Picture(Markup(svg), f"Main effects on {found.metric}. " + "; ".join(told) + ".", f"{caption}.")  # noqa: S704 - drawn here, texts escaped


def _where(effect: Effect) -> str:
    lowest, highest, spread = ends(effect)
    return "changes nothing" if spread is None else f"lowest at {lowest}, highest at {highest}"


def _shown(field: Field, effect: Effect, kept: Flags, means: Floats) -> Shown:
    labels = tuple(level.text for level in effect.levels)
    at = np.array([level.interval.mean for level in effect.levels])
    halves = np.array([level.effect.half_width for level in effect.levels])
    title = field.short + (f" ({percent(effect.share)})" if effect.share is not None else "")
    if not field.drawn or field.sizes is None:
        return Shown(title, labels, at, halves)
    codes = field.codes[kept]
    sizes = np.asarray(field.sizes)[codes]
    order = np.argsort(sizes, kind="stable")
    ends = np.cumsum([level.cells for level in effect.levels])[:-1]
    middles = np.array([np.median(part) for part in np.split(sizes[order], ends)])
    edges = (rounded(field.levels[int(codes.min())]), rounded(field.levels[int(codes.max())]))
    some = slice(None, None, math.ceil(len(sizes) / MOST_POINTS))
    unit, one = _counted_in(field.levels[int(codes.max())], float(sizes.max()))
    return Shown(title, edges, at, halves, middles, (sizes[some], means[some]), field.log, unit, one)


def _counted_in(level: str, size: float) -> tuple[str, float]:
    """Return the unit that a quantity is written in, and how much one of it is in SI units; a plain number has none."""
    number, _, unit = level.partition(" ")
    try:
        one = size / float(number)
    except (ValueError, ZeroDivisionError):  # written in one word, or nothing: SI units then
        return "", 1.0
    return unit, one if math.isfinite(one) and one > 0 else 1.0


def heat_picture(measured: Measured, analyses: Sequence[Analysis]) -> tuple[Picture | None, str]:
    """Return the heat maps of the pairs of fields that interact most, over all metrics, and in words which are left out."""
    every = [(each, pair) for each in analyses for pair in each.pairs if pair.share is not None]
    fitting = [
        (each, pair) for each, pair in every if max(len(pair.rows), len(pair.columns)) <= heat_figure.MOST_LEVELS
    ]
    fitting.sort(key=lambda found: -(found[1].share or 0.0))
    chosen, rest = fitting[:MOST_MAPS], fitting[MOST_MAPS:]
    short = {field.name: field.short for field in measured.fields}
    words = []
    if rest:
        names = [f"{short[pair.one]} with {short[pair.other]} in {each.metric}" for each, pair in rest[:MOST_NAMED]]
        more = f" and {len(rest) - MOST_NAMED} more" if len(rest) > MOST_NAMED else ""
        words.append(
            f"Not drawn, for they explain less ({percent(rest[0][1].share or 0.0)} or less): {', '.join(names)}{more}."
        )
    if len(fitting) < len(every):
        words.append(
            f"{len(every) - len(fitting)} pairs have more than {heat_figure.MOST_LEVELS} levels, too many for a map; effects.json has them."
        )
    if not chosen:
        return None, " ".join(words)
    maps = [
        Map(
            _title(each, pair),
            short[pair.one],
            short[pair.other],
            pair.rows,
            pair.columns,
            pair.means,
            unit(each.metric),
        )
        for each, pair in chosen
    ]
    alt = (
        "Interactions: "
        + "; ".join(
            f"{short[pair.one]} with {short[pair.other]} explain {percent(pair.share or 0.0)} of {each.metric} beyond their sum"
            for each, pair in chosen
        )
        + "."
    )
    caption = (
        "Means of the cells at each pair of levels, light for high. In brackets, the share of the metric's variance that is beyond the sum of both fields' effects: where it is near 0, "
        "each field does the same whatever the other is set to; with its p-value in a full grid. Elsewhere the other fields are held fixed by an additive fit."
    )
    return Picture(Markup(heat("heat", maps)), alt, caption), " ".join(words)  # noqa: S704 - as above


def _title(found: Analysis, pair: Pair) -> str:
    p_value = "" if pair.p_value is None else ", p < 0.0001" if pair.p_value < 1e-4 else f", p = {pair.p_value:.2g}"
    return f"{found.metric} ({percent(pair.share or 0.0)}{p_value})"


def front_picture(found: Front) -> Picture:
    """Return the front in each plane of something paid and something served."""
    numbers = {point.place: number for number, point in enumerate(found.members, start=1)}
    paid = [place for place, each in enumerate(found.objectives) if each.metric in _PRICES] or [
        len(found.objectives) - 1
    ]
    served = [place for place in range(len(found.objectives)) if place not in paid]
    others = [point for point in found.points if not point.on_front]
    step = math.ceil(max(len(others), 1) / MOST_POINTS)
    drawn = [*found.members, *others[::step]]
    planes = []
    for y in served:
        for x in paid:
            spots = tuple(
                Spot(each.values[x], each.values[y], numbers.get(each.place, 0), each.sure is False) for each in drawn
            )
            names = (found.objectives[x].metric, found.objectives[y].metric)
            planes.append(Plane(*names, unit(names[0]), unit(names[1]), spots))
    told = [
        f"{numbers[point.place]}: {point.name}, "
        + ", ".join(
            f"{each.metric} {mean(each.metric, value).text}"
            for each, value in zip(found.objectives, point.values, strict=True)
        )
        for point in found.members[:12]
    ]
    several = (
        " The front is that of all objectives together, so in one plane a member may lie behind another."
        if len(planes) > 1
        else ""
    )
    sparse = f" Of the cells that are not on the front, one in {step} is drawn." if step > 1 else ""
    caption = f"Each mark is a cell; numbers are those of the table below, lines their 95 % intervals.{several}{sparse}"
    return Picture(Markup(front("front", planes)), "On the front: " + "; ".join(told) + ".", caption)  # noqa: S704 - as above
