"""Values that no cell could have: found before anything is played, with their axis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from simtier.errors import Problem, ScenarioError
from simtier.scenario.check import require_valid
from simtier.study.axes import Point, points_of
from simtier.study.file import Study, text_of
from simtier.study.task import Base, in_order

_MOST_LOOKED_AT = 50
"""Of a longer axis, so many points are looked at, evenly over it."""


def require_levels(study: Study, base: Base) -> None:
    """Refuse a study of which a point of an axis makes no valid scenario, whichever points of the others stand beside it.

    Looked at are the first and the last points of the others: one that fails with both is refused. Others that make no valid scenario are rows
    with their message. Raises ScenarioError with every mistake.
    """
    axes = points_of(study)
    problems = [
        study.source.problem(("axes", number), f"{problem.place.removeprefix('--set ')}: {problem.message}")
        for number in range(len(axes))
        for problem in _wrong(study, base, axes, number)
    ]
    if problems:
        raise ScenarioError(dict.fromkeys(problems))


def _wrong(study: Study, base: Base, axes: Sequence[Sequence[Point]], number: int) -> Iterator[Problem]:
    points = axes[number]
    for point in points[:: -(-len(points) // _MOST_LOOKED_AT)]:
        found = [_problems(study, base, axes, number, point, place) for place in (0, -1)]
        if all(found):
            yield from found[0]


def _problems(
    study: Study, base: Base, axes: Sequence[Sequence[Point]], number: int, point: Point, place: int
) -> Sequence[Problem]:
    """Return what is wrong with a scenario of this point of an axis and the first, or last, of the others."""
    changes = [(path, text_of(value)) for path, value in study.set.items()]
    for other, points in enumerate(axes):
        changes += (point if other == number else points[place]).items()
    try:
        require_valid(base.scenario(in_order(changes)), [Path(each) for each in base.traces])
    except ScenarioError as error:
        return error.problems
    return ()
