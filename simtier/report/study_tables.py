"""The tables of a study: what was swept, failures, the best cells, every cell, and which fields matter."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from simtier.report.metric_words import amount, mean
from simtier.report.numbers import NOTHING, Shown, listing, percent
from simtier.report.tables import Cell, Table
from simtier.statistics import Comparison, mean_interval
from simtier.study.effects.analysis import Analysis, Effect
from simtier.study.effects.best import Best
from simtier.study.effects.levels import readable
from simtier.study.effects.measured import Field, Measured
from simtier.study.effects.pareto import Front, Point
from simtier.study.effects.trends import Trend

MOST_CELLS = 500
"""Rows of the table of cells, at most."""
MOST_TIES = 8
"""Cells named beside the best."""
MOST_LEVELS = 12
_ROUNDING = 1e-12
_WAYS = {"lower": "less", "higher": "more", "neither": ""}


def swept_table(measured: Measured) -> Table:
    """Return the fields that the axes set, and what to."""
    rows: list[tuple[Cell, ...]] = []
    for field in measured.fields:
        levels = list(map(readable, field.levels))
        shown = f"{levels[0]} to {levels[-1]}, drawn" if field.drawn else listing(levels, MOST_LEVELS)
        rows.append((field.name, str(field.axis + 1), Shown(f"{len(levels):,}", repr(len(levels))), shown))
    return Table("What the axes set", ("field", "axis", "levels", "set to"), rows, (0, 1, 3))


def failures_table(measured: Measured) -> Table:
    """Return the messages of failures, the most frequent first."""
    rows: list[tuple[Cell, ...]] = [
        (
            each.message,
            Shown(f"{each.rows:,}", repr(each.rows)),
            listing([str(cell) for cell in each.cells], MOST_LEVELS),
        )
        for each in measured.failures
    ]
    return Table("Replications that failed, by message", ("message", "replications", "cells"), rows, (0, 2))


def best_table(measured: Measured, found: Sequence[Best]) -> Table:
    """Return the best cell by each metric, and the cells not told apart from it."""
    rows: list[tuple[Cell, ...]] = [
        (
            each.metric,
            _WAYS[each.better],
            measured.name(each.places[0]),
            Shown(str(measured.cells[each.places[0]]), repr(measured.cells[each.places[0]])),
            mean(each.metric, each.intervals[0]),
            _ties(measured, each),
        )
        for each in found
    ]
    return Table(
        "The best cell by each metric",
        ("metric", "better", "best mean", "cell", "mean", "not told apart from"),
        rows,
        (0, 1, 2, 5),
    )


def _ties(measured: Measured, found: Best) -> str:
    if found.ties is None:
        return "one replication: not to be told"
    if len(found.ties) == len(found.places) - 1 and found.ties:
        return f"any of the {len(found.ties)} others"
    return _cells(measured, found.ties) or "told apart from all"


def _cells(measured: Measured, places: Sequence[int]) -> str:
    numbers = listing([str(measured.cells[place]) for place in places], MOST_TIES)
    return f"cell{'s' if len(places) > 1 else ''} {numbers}" if places else ""


def cells_table(measured: Measured) -> Table:
    """Return what every cell sets, and its means with intervals; the first MOST_CELLS cells."""
    fields = [field for field in measured.fields if len(field.levels) > 1] or list(measured.fields)
    known = {name: np.isfinite(values) for name, values in measured.values.items()}
    some = (
        np.any([each.any(axis=1) for each in known.values()], axis=0)
        if known
        else np.zeros(len(measured.cells), dtype=bool)
    )
    rows: list[tuple[Cell, ...]] = []
    for place, cell in enumerate(measured.cells[:MOST_CELLS]):
        values = [mean(name, mean_interval(table[place])) for name, table in measured.values.items()]
        rows.append(
            (
                Shown(f"{cell}{'' if some[place] else ' (failed)'}", repr(cell)),
                *(_level(field, place) for field in fields),
                *values,
            )
        )
    columns = ("cell", *(field.short for field in fields), *measured.values)
    return Table(
        "Every cell: means over replications, with 95 % intervals", columns, rows, tuple(range(len(fields) + 1))
    )


def _level(field: Field, place: int) -> Cell:
    code = int(field.codes[place])
    text = readable(field.levels[code])
    return text if field.sizes is None else Shown(text, repr(field.sizes[code]))


def importance_table(measured: Measured, analyses: Sequence[Analysis]) -> Table:
    """Return for each metric the fields by the share of its variance that they explain."""
    rows: list[tuple[Cell, ...]] = []
    short = {field.name: field.short for field in measured.fields}
    for each in analyses:
        trends = {trend.field: trend for trend in each.trends.trends} if each.trends else {}
        rows += [_importance(each, effect, short, trends.get(effect.field)) for effect in each.effects]
        if each.replications_share is not None:
            rows.append((each.metric, "(replications)", _share(each.replications_share), *(("",) * 6)))
    columns = (
        "metric",
        "field",
        "share of variance",
        "p",
        "lowest at",
        "highest at",
        "from lowest to highest",
        "rank correlation",
        "coefficient",
    )
    shown = len(columns) if any(each.trends for each in analyses) else len(columns) - 2
    return Table("What each field explains", columns[:shown], [row[:shown] for row in rows], (0, 1, 4, 5))


def _importance(found: Analysis, effect: Effect, short: dict[str, str], trend: Trend | None) -> tuple[Cell, ...]:
    lowest, highest, spread = ends(effect)
    return (
        found.metric,
        short[effect.field],
        _share(effect.share),
        Shown(NOTHING)
        if effect.p_value is None
        else Shown("< 0.0001" if effect.p_value < 1e-4 else f"{effect.p_value:.2g}", repr(effect.p_value)),
        lowest,
        highest,
        Shown(NOTHING) if spread is None else amount(found.metric, spread.difference, spread.half_width),
        _signed(trend.rank_correlation if trend else None),
        _signed(trend.coefficient.mean if trend and trend.coefficient else None),
    )


def ends(effect: Effect) -> tuple[str, str, Comparison | None]:
    """Return where a metric is lowest and highest, and what is between; dashes and None for a field that changes nothing but by rounding."""
    size = max(abs(level.interval.mean) for level in effect.levels)
    if effect.spread is None or abs(effect.spread.difference) <= _ROUNDING * size:
        return NOTHING, NOTHING, None
    return effect.lowest, effect.highest, effect.spread


def _share(value: float | None) -> Shown:
    return Shown(NOTHING) if value is None else Shown(percent(value), repr(value), min(max(value, 0.0), 1.0))


def _signed(value: float | None) -> Cell:
    return "" if value is None else Shown(f"{value:+.2f}".replace("-", "\N{MINUS SIGN}"), repr(value))


def levels_table(measured: Measured, found: Analysis) -> Table:
    """Return a metric's mean at each level of each field."""
    short = {field.name: field.short for field in measured.fields}
    rows: list[tuple[Cell, ...]] = [
        (
            short[effect.field],
            level.text,
            Shown(f"{level.cells:,}", repr(level.cells)),
            mean(found.metric, level.interval),
            amount(found.metric, level.effect.mean, level.effect.half_width),
        )
        for effect in found.effects
        for level in effect.levels
    ]
    return Table(
        f"{found.metric} by level", ("field", "level", "cells", "mean", "above the mean of all cells"), rows, (0, 1)
    )


def front_table(measured: Measured, found: Front) -> Table:
    """Return the members of the front, numbered as in the picture."""
    rows: list[tuple[Cell, ...]] = [
        (
            Shown(str(number), repr(number)),
            point.name,
            Shown(str(measured.cells[point.place]), repr(measured.cells[point.place])),
            *(mean(each.metric, value) for each, value in zip(found.objectives, point.values, strict=True)),
            _firm(point),
            _cells(measured, point.beside) or NOTHING,
        )
        for number, point in enumerate(found.members, start=1)
    ]
    objectives = [f"{each.metric} ({_WAYS[each.better]} is better)" for each in found.objectives]
    columns = ("number", "cell sets", "cell", *objectives, "place", "not told apart from")
    return Table("The front", columns, rows, (0, 1, len(columns) - 2, len(columns) - 1))


def _firm(point: Point) -> str:
    return {None: "not to be told", True: "firm", False: "open"}[point.sure]
