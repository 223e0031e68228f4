"""The page of a study, and its analysis as data."""

from __future__ import annotations

import io
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from ruamel.yaml import YAML

from simtier.errors import ResultError
from simtier.report import study_pictures as pictures
from simtier.report import study_tables as tables
from simtier.report.numbers import listing
from simtier.report.writing import dump, environment, plain, put
from simtier.study.axes import size
from simtier.study.effects.analysis import Analysis, analyse
from simtier.study.effects.best import Best, best
from simtier.study.effects.levels import NOT_SET
from simtier.study.effects.measured import Measured, measured
from simtier.study.effects.pareto import Front, front, objectives
from simtier.study.file import Study, text_of
from simtier.study.store import read_about
from simtier.study.sweep import load
from simtier.study.task import in_order

FORMAT = 1
"""Version of effects.json."""
MOST_METRICS = 12
"""Metrics with plots of their own."""
MOST_COMMANDS = 8


def write_study_report(folder: Path) -> Path:
    """Write `report.html` and `effects.json` into a study's folder and return the path of the page.

    The same study gives the same bytes, in whatever order its cells were played. Raises StudyError if `folder` holds no study, or none with a
    finished cell; ResultError if it cannot be written, or its table is not one of a study.
    """
    folder = Path(folder)
    about = read_about(folder)
    study, table = load(folder)
    try:
        found = measured(study, table)
    except (KeyError, ValueError, pa.ArrowException) as error:
        raise ResultError(
            f"{folder} does not hold the rows of its study ({type(error).__name__}: {error}): sweep it again"
        ) from error
    analyses = [each for each in (analyse(found, metric) for metric in found.values) if each is not None]
    chosen = objectives(found)
    members = front(found, chosen) if chosen else None
    put(folder / "effects.json", dump(_document(found, analyses, members)))
    put(folder / "report.html", _page(study, about, found, analyses, members))
    return folder / "report.html"


def _page(
    study: Study, about: Mapping[str, Any], found: Measured, analyses: Sequence[Analysis], members: Front | None
) -> str:
    ranked = [each for each in (best(found, metric) for metric in found.values) if each is not None]
    varying = [each for each in analyses if each.replications_share is not None]
    maps, left_out = pictures.heat_picture(found, varying)
    text = (
        environment()
        .get_template("study.html.j2")
        .render(
            study=study,
            version=about["version"],
            question=study.question or about["study"].get("question") or about.get("question") or "",
            base=about["base"],
            cells=size(study),
            found=found,
            swept=tables.swept_table(found),
            failures=tables.failures_table(found) if found.failures else None,
            best=tables.best_table(found, ranked) if ranked else None,
            every=tables.cells_table(found),
            most_cells=tables.MOST_CELLS,
            drawn=[
                (each, pictures.effects_picture(found, each), tables.levels_table(found, each))
                for each in varying[:MOST_METRICS]
            ],
            constant=[name for name in found.values if name not in {each.metric for each in varying}],
            analyses=varying,
            importance=tables.importance_table(found, varying) if varying else None,
            left_out=_left_out(analyses),
            fits=[
                (each.metric, each.trends.r_squared)
                for each in varying
                if each.trends and each.trends.r_squared is not None
            ],
            maps=maps,
            maps_left_out=left_out,
            front=members,
            front_picture=pictures.front_picture(members) if members else None,
            front_table=tables.front_table(found, members) if members else None,
            behind=_behind(members),
            study_yaml=_yaml({"name": study.name, "base": "scenario.yaml", **_written(about["study"])}),
            base_yaml=_yaml(about["base"]),
            traces=about["traces"],
            commands=_commands(study, found, ranked, members),
        )
    )
    return text + "\n"


def _commands(study: Study, found: Measured, ranked: Sequence[Best], members: Front | None) -> list[tuple[str, str]]:
    """Return for the cells that the page names what they are, and the command that runs one by itself."""
    places: dict[int, list[str]] = {}
    for each in ranked:
        places.setdefault(each.places[0], []).append(f"best by {each.metric}")
    for number, point in enumerate(members.members if members else (), start=1):
        places.setdefault(point.place, []).append(f"number {number} of the front")
    return [
        (f"cell {found.cells[place]}: {', '.join(words)}", _command(study, found, place))
        for place, words in list(places.items())[:MOST_COMMANDS]
    ]


def _command(study: Study, found: Measured, place: int) -> str:
    changes = {path: text_of(value) for path, value in study.set.items()}
    levels = {field.name: field.levels[int(field.codes[place])] for field in found.fields}
    changes |= {path: level for path, level in levels.items() if level != NOT_SET}
    options = [part for path, text in in_order(changes.items()) for part in ("--set", f"{path}={text}")]
    return shlex.join(["simtier", "run", "scenario.yaml", *options, "--replications", str(study.replications)])


def _left_out(analyses: Sequence[Analysis]) -> str:
    """Return in words what each analysis leaves out, metrics alike together."""
    found: dict[tuple[int, int], list[str]] = {}
    for each in analyses:
        found.setdefault((each.cells_left_out, each.replications_left_out), []).append(each.metric)
    told = []
    for (cells, replications), metrics in found.items():
        parts = [
            f"{number} {noun}{'s' * (number > 1)}"
            for number, noun in ((cells, "cell"), (replications, "replication"))
            if number
        ]
        if parts:
            told.append(f"{' and '.join(parts)} in {'all metrics' if len(found) == 1 else listing(metrics)}")
    return "; ".join(told)


def _behind(members: Front | None) -> str:
    """Return in words how many cells are behind the front, and how surely."""
    if members is None:
        return ""
    others = [point for point in members.points if not point.on_front]
    unsure = sum(point.sure is False for point in others)
    told = f"{len(members.members)} of {len(members.points)} cells are on the front"
    if others and others[0].sure is not None:
        told += f"; of the {len(others)} others, {len(others) - unsure} are surely behind it, and {unsure} are not told apart from it"
    if members.left_out:
        told += f"; {members.left_out} cells without a value of each objective are left out"
    return told


def _document(found: Measured, analyses: Sequence[Analysis], members: Front | None) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "cells": len(found.cells),
        "rows": found.rows,
        "failures": plain(found.failures),
        "effects": [plain(each) for each in analyses],
        "front": None if members is None else _front(found, members),
    }


def _front(found: Measured, members: Front) -> dict[str, Any]:
    return {
        "objectives": plain(members.objectives),
        "left_out": members.left_out,
        "points": [
            {
                **plain(point),
                "place": found.cells[point.place],
                "beside": [found.cells[place] for place in point.beside],
            }
            for point in members.points
        ],
    }


def _written(written: Mapping[str, Any]) -> dict[str, Any]:
    """Return a study as its author would write it: keys that are not set left out."""
    kept = {key: value for key, value in written.items() if value not in ({}, [], "", None)}
    kept["axes"] = [_without_none(axis) for axis in written["axes"]]
    return kept


def _without_none(part: Any) -> Any:
    return (
        {key: _without_none(value) for key, value in part.items() if value is not None}
        if isinstance(part, Mapping)
        else part
    )


def _yaml(data: Mapping[str, Any]) -> str:
    yaml = YAML()
    yaml.width = 110
    yaml.allow_unicode = True
    text = io.StringIO()
    yaml.dump(data, text)
    return text.getvalue()
