"""A suite file: the problem on which policies are scored, the limits they run under, and who they are compared with."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError

from simtier.errors import Problem as Mistake
from simtier.errors import ScenarioError, did_you_mean
from simtier.scenario import document
from simtier.scenario.base import Name, Part
from simtier.scenario.problems import explain
from simtier.scenario.shape import Shape, child
from simtier.scenario.source import Lines, Source
from simtier.search.problem import Problem, ProblemClass
from simtier.units import Bytes, Seconds

PROBLEMS: Mapping[str, str] = MappingProxyType(
    {
        "scenarios": "simtier.search.problems.scenarios:Scenarios",
        "cant_be_late": "simtier.search.problems.spot:CantBeLate",
        "expert_balance": "simtier.search.problems.experts:ExpertBalance",
    }
)
"""Problems by name, as text, so that one is imported only when it is posed."""


class Limits(Part):
    """What the evaluation of one policy may take."""

    time: Annotated[Seconds, Field(gt=0)] = 300.0
    """All stages together, on the clock on the wall."""
    stage_time: Annotated[Seconds, Field(gt=0)] = 120.0
    """Each stage."""
    memory: Annotated[Bytes, Field(gt=0)] = 2 * 1024**3
    """All processes of the evaluation together; simtier's own 200 MB are among them."""
    processes: Annotated[int, Field(ge=1)] = 8
    """Processes of the evaluation at a time, its own and ended ones that nobody waited for among them."""


class SuiteFile(Part):
    """What a suite file says."""

    name: Name
    """Name of the suite."""
    question: str = ""
    """The question it asks."""
    problem: str
    """What is posed: a name of `PROBLEMS`."""
    settings: dict[str, Any] = Field(default={})
    """The problem's own settings."""
    limits: Limits = Limits()
    """What the evaluation of one policy may take."""
    threshold: float | None = None
    """Mean score of the cheap cases that a policy needs for the full ones to be played; none if not given."""
    worst: float = -1000.0
    """Score of a policy that is not valid; a case never counts less than that."""
    baselines: tuple[str, ...] = ()
    """Built-in policies whose scores are shown beside."""


@dataclass(frozen=True)
class Suite:
    """A suite, checked.

    Attributes:
        path: its file.
        says: what stands there.
        problem: what it poses.
    """

    path: Path
    says: SuiteFile
    problem: Problem


def load_suite(path: Path | str, traces: Sequence[Path] = ()) -> Suite:
    """Return the suite in the file at `path`.

    Args:
        path: the file; paths in it are relative to its folder.
        traces: directories in which traces are looked for first.

    Raises ScenarioError with every mistake: place, value, line and way out.
    """
    path = Path(path)
    data, lines = document.read(path, str(path))
    source = Source(str(path), lines)
    if not isinstance(data, Mapping):
        raise ScenarioError([Mistake("", "a suite is a mapping that starts with `name:` and `problem:`", 1, str(path))])
    says = _read(SuiteFile, data, source)
    if says.problem not in PROBLEMS:
        message = f"no problem is called {says.problem!r}{did_you_mean(says.problem, PROBLEMS)}"
        raise ScenarioError([source.problem(("problem",), message)])
    module, _, name = PROBLEMS[says.problem].partition(":")
    posed: ProblemClass = getattr(importlib.import_module(module), name)
    settings = _read(posed.Settings, child(data, "settings") or {}, Source(str(path), _inside(lines, "settings")))
    return Suite(path, says, posed(settings, traces=traces, folder=path.parent))


def _read(model: type[BaseModel], data: Any, source: Source) -> Any:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise ScenarioError(explain(error, data, source, Shape(model.model_json_schema()))) from error


def _inside(lines: Lines, key: str) -> Lines:
    """Return the lines of what stands under `key`, by the path from there."""
    return {steps[1:]: line for steps, line in lines.items() if steps[:1] == (key,)}
