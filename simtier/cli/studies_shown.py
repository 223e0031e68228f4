"""A study as `simtier sweep` prints it: how far it is, what failed, and what its table says so far."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from simtier.cli.tables import console, table

if TYPE_CHECKING:
    from rich.console import Console

    from simtier.study import Swept
    from simtier.study.effects.measured import Measured

_MOST_MESSAGES = 8
_MOST_FIELDS = 5
_MOST_MEMBERS = 12


def show_swept(folder: Path, swept: Swept) -> None:
    """Print how far the study in `folder` is, what failed, and what its table says once all cells are finished.

    The first cells of a study are no fair choice of all: no best cell and no effect is told before the last one.
    """
    to = console()
    to.print(
        f"{swept.done:,} of {swept.cells:,} cells are finished"
        + (f", {swept.began:,} of them before" if swept.began else "")
    )
    if swept.done:
        from simtier.study.effects.measured import measured
        from simtier.study.sweep import load

        study, rows = load(folder)
        found = measured(study, rows)
        _failures(to, found)
        if swept.finished:
            _analysed(to, found)
    if swept.finished:
        to.print(f"Report: {folder / 'report.html'}, table: {folder / 'table.parquet'}", soft_wrap=True)
    else:
        to.print(f"Not finished: the same command with --resume goes on with {folder}", soft_wrap=True)


def _analysed(to: Console, found: Measured) -> None:
    _best(to, found)
    _effects(to, found)
    _front(to, found)


def _failures(to: Console, found: Measured) -> None:
    if not found.failures:
        return
    total = sum(each.rows for each in found.failures)
    to.print(f"{total:,} of {found.rows:,} replications failed:")
    for each in found.failures[:_MOST_MESSAGES]:
        to.print(f"  {each.rows:,} times, first in cell {each.cells[0]}: {each.message}", soft_wrap=True)
    if len(found.failures) > _MOST_MESSAGES:
        to.print(f"  and {len(found.failures) - _MOST_MESSAGES} other messages, in the report")


def _best(to: Console, found: Measured) -> None:
    from simtier.report.metric_words import mean
    from simtier.study.effects.best import best

    rows = []
    for metric in found.values:
        each = best(found, metric)
        if each is not None:
            ties = "" if each.ties is None else f"{len(each.ties):,}"
            rows.append(
                [
                    metric,
                    found.name(each.places[0]),
                    str(found.cells[each.places[0]]),
                    mean(metric, each.intervals[0]).text,
                    ties,
                ]
            )
    if rows:
        columns = ["metric", "best cell", "number", "mean", "others not told apart"]
        to.print(table("Best cell by each metric", columns, rows, text=("best cell",)))


def _effects(to: Console, found: Measured) -> None:
    """Print what the fields explain of each metric."""
    from simtier.report.metric_words import amount
    from simtier.report.numbers import NOTHING, percent
    from simtier.report.study_tables import ends
    from simtier.study.effects.analysis import analyse

    short = {field.name: field.short for field in found.fields}
    rows, most = [], 0
    for metric in found.values:
        each = analyse(found, metric)
        if each is None or each.replications_share is None:
            continue
        most = max(most, len(each.effects))
        for effect in each.effects[:_MOST_FIELDS]:
            lowest, highest, spread = ends(effect)
            change = NOTHING if spread is None else amount(metric, spread.difference, spread.half_width).text
            share = NOTHING if effect.share is None else percent(effect.share)
            rows.append([metric, short[effect.field], share, lowest, highest, change])
    if rows:
        columns = ["metric", "field", "of the variance", "lowest at", "highest at", "from lowest to highest"]
        to.print(table("What each field explains", columns, rows, text=("field", "lowest at", "highest at")))
        if most > _MOST_FIELDS:
            to.print(
                f"Of each metric the {_MOST_FIELDS} fields that explain most of it, of {most}; the report has all",
                soft_wrap=True,
            )


def _front(to: Console, found: Measured) -> None:
    from simtier.report.metric_words import mean
    from simtier.study.effects.pareto import front, objectives

    chosen = objectives(found)
    made = front(found, chosen) if chosen else None
    if made is None:
        return
    rows = [
        [
            point.name,
            str(found.cells[point.place]),
            *(mean(each.metric, value).text for each, value in zip(chosen, point.values, strict=True)),
        ]
        for point in made.members[:_MOST_MEMBERS]
    ]
    title = "Pareto front" + (
        f", the first {_MOST_MEMBERS} of {len(made.members)}" if len(made.members) > _MOST_MEMBERS else ""
    )
    to.print(table(title, ["cell", "number", *(each.metric for each in chosen)], rows))
    unsure = sum(point.sure is False and not point.on_front for point in made.points)
    if unsure:
        to.print(
            f"{unsure:,} other cell{'s are' if unsure > 1 else ' is'} not told apart from the front; the report says which"
        )
