"""From the axes of a study to its cells: how many there are, and what each sets."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simtier.errors import Problem, ScenarioError
from simtier.scenario.changes import apply
from simtier.scenario.load import scenario_shape
from simtier.scenario.source import Steps
from simtier.streams import Streams
from simtier.study.file import Axis, Draw, Range, Study, text_of
from simtier.study.task import Base, Changes, in_order

MOST_CELLS = 100_000
_NUMBER = re.compile(r"^\s*([-+]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(.*?)\s*$")
_DIGITS = 6

Point = Mapping[str, str]
"""What fields are set to, as `--set` takes it."""


@dataclass(frozen=True)
class Cell:
    """One scenario of a study.

    Attributes:
        number: its place, from 0; the last axis changes fastest.
        values: what its point of each axis sets, by field.
        changes: these, after what the study sets everywhere.
    """

    number: int
    values: Point
    changes: Changes


def size(study: Study) -> int:
    """Return how many cells a study has, without making them."""
    return math.prod(map(_length, study.axes))


def cells(study: Study, base: Base) -> list[Cell]:
    """Return the cells of a study.

    Raises ScenarioError for more than MOST_CELLS of them, a field that the base scenario does not have, or one that several axes set.
    """
    total = size(study)
    if total > MOST_CELLS:
        lengths = " x ".join(f"{_length(axis):,}" for axis in study.axes)
        raise ScenarioError(
            [
                study.source.problem(
                    ("axes",),
                    f"the study has {total:,} cells ({lengths}), and may have {MOST_CELLS:,}: leave out values, or draw points with "
                    "`latin_hypercube` or `random`",
                )
            ]
        )
    points = points_of(study)
    _require_fields(study, base, points)
    fixed = {path: text_of(value) for path, value in study.set.items()}
    made = []
    for number, chosen in enumerate(itertools.product(*points)):
        values = {path: value for point in chosen for path, value in point.items()}
        made.append(Cell(number, values, in_order([*fixed.items(), *values.items()])))
    return made


def points_of(study: Study) -> list[list[Point]]:
    """Return the points of each axis."""
    return [list(_points(axis, number, study)) for number, axis in enumerate(study.axes)]


def fields(study: Study) -> list[str]:
    """Return the fields that the axes set, in order."""
    return list(dict.fromkeys(path for axis in study.axes for path in _fields(axis)))


def _length(axis: Axis) -> int:
    if axis.grid is not None:
        return math.prod(len(values) for values in axis.grid.values())
    if axis.zipped is not None:
        return len(next(iter(axis.zipped.values())))
    if axis.points is not None:
        return len(axis.points)
    return _draw(axis).count


def _draw(axis: Axis) -> Draw:
    draw = axis.random or axis.latin_hypercube
    assert draw is not None
    return draw


def _fields(axis: Axis) -> list[str]:
    if axis.points is not None:
        return list(dict.fromkeys(path for point in axis.points for path in point))
    return list(axis.grid or axis.zipped or _draw(axis).fields)


def _points(axis: Axis, number: int, study: Study) -> Iterator[Point]:
    if axis.grid is not None:
        for chosen in itertools.product(*axis.grid.values()):
            yield _texts(axis.grid, chosen)
    elif axis.zipped is not None:
        for chosen in zip(*axis.zipped.values(), strict=True):
            yield _texts(axis.zipped, chosen)
    elif axis.points is not None:
        for point in axis.points:
            yield _texts(point, point.values())
    else:
        yield from _drawn(axis, number, study)


def _texts(paths: Any, values: Any) -> Point:
    return {path: text_of(value) for path, value in zip(paths, values, strict=True)}


def _drawn(axis: Axis, number: int, study: Study) -> Iterator[Point]:
    """Yield points drawn from ranges; a field's draws depend on the seed, the axis' place and the field's name only."""
    draw = _draw(axis)
    streams = Streams(study.seed)
    columns = []
    for path, each in draw.fields.items():
        rng = streams.stream(f"study/axis {number}/{path}")
        shares = rng.random(draw.count)
        if axis.latin_hypercube is not None:
            shares = (rng.permutation(draw.count) + shares) / draw.count
        columns.append(
            _values(
                each, shares, ("axes", number, "random" if axis.random else "latin_hypercube", "fields", path), study
            )
        )
    for chosen in zip(*columns, strict=True):
        yield _texts(draw.fields, chosen)


def _values(each: Range, shares: NDArray[np.float64], place: Steps, study: Study) -> list[Any]:
    """Return the values below which the given shares of the range lie."""
    if each.choices is not None:
        return [each.choices[int(share * len(each.choices))] for share in shares.tolist()]
    (low, unit), (high, other) = _parts(each.low), _parts(each.high)
    problem = ""
    if low is None or high is None:
        problem = (
            f"`from` and `to` must be numbers, with their unit if they have one, not {each.low!r} and {each.high!r}"
        )
    elif unit != other:
        problem = f"`from` is in {unit or 'no unit'!r}, `to` in {other or 'no unit'!r}: write both in the same unit"
    elif not low < high or (each.scale == "log" and low <= 0):
        problem = f"`from` ({each.low}) must be less than `to` ({each.high}){', and above 0 on a log scale' * (each.scale == 'log')}"
    if problem:
        raise ScenarioError([study.source.problem(place, problem)])
    assert low is not None
    assert high is not None
    if isinstance(each.low, int) and isinstance(each.high, int):
        return _whole(each, shares, each.low, each.high)
    drawn = low * (high / low) ** shares if each.scale == "log" else low + (high - low) * shares
    digits = _DIGITS + max(
        math.ceil(math.log10(max(abs(low), abs(high)) / (high - low))), 0
    )  # of the range, not of its place
    return [f"{value:.{digits}g} {unit}" if unit else float(f"{value:.{digits}g}") for value in drawn.tolist()]


def _whole(each: Range, shares: NDArray[np.float64], low: int, high: int) -> list[Any]:
    """Return whole numbers, both ends as likely as the others (on their scale)."""
    if each.scale == "log":
        drawn = (low - 0.5) * ((high + 0.5) / (low - 0.5)) ** shares
    else:
        drawn = low - 0.5 + (high - low + 1) * shares
    return [min(max(math.floor(value + 0.5), low), high) for value in drawn.tolist()]


def _parts(bound: str | float | None) -> tuple[float | None, str]:
    """Return the number and the unit of a bound."""
    match = _NUMBER.match(str(bound))
    return (float(match[1].replace("_", "")), match[2]) if match else (None, "")


def _require_fields(study: Study, base: Base, points: Sequence[Sequence[Point]]) -> None:
    """Refuse fields that no scenario has, and fields that two axes set."""
    problems: list[Problem] = [
        study.source.problem(
            ("axes", number), "`run.replications` is no field to vary: `replications` of the study says how many"
        )
        for number, axis in enumerate(study.axes)
        if "run.replications" in _fields(axis)
    ]
    problems += [
        study.source.problem(("axes", number), f"a point stands there twice: {dict(twice)}")
        for number, axis in enumerate(points)
        if study.axes[number].grid is not None
        if (twice := _first_twice(axis)) is not None
    ]
    seen: dict[str, int] = {}
    for number, axis in enumerate(study.axes):
        for path in _fields(axis):
            if path in seen:
                problems.append(
                    study.source.problem(
                        ("axes", number), f"{path!r} is set by axis {seen[path]} already (counted from 0)"
                    )
                )
            seen.setdefault(path, number)
    fixed = [(path, text_of(value)) for path, value in study.set.items()]
    problems += _unknown(study, base, fixed, (), ("set",))
    for number, axis_points in enumerate(points):
        firsts: dict[str, str] = {}
        for point in axis_points:
            firsts = {**point, **firsts}
        problems += _unknown(study, base, firsts.items(), () if problems else fixed, ("axes", number))
    if problems:
        raise ScenarioError(problems)


def _first_twice(points: Sequence[Point]) -> Point | None:
    """Return the first point that stands twice in an axis."""
    seen = set()
    for point in points:
        key = tuple(sorted(point.items()))
        if key in seen:
            return point
        seen.add(key)
    return None


def _unknown(
    study: Study, base: Base, changes: Iterable[tuple[str, str]], fixed: Iterable[tuple[str, str]], place: Steps
) -> Iterator[Problem]:
    """Yield a problem for each change to a field that the base, with what is `fixed`, does not have."""
    for path, text in changes:
        try:
            apply(base.plain(), [*fixed, (path, text)], scenario_shape())
        except ScenarioError as error:
            yield from (study.source.problem(place, f"{path}: {problem.message}") for problem in error.problems)
