"""Loading a scenario from a file, and writing a resolved one out."""

from __future__ import annotations

import io
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML

from simtier.errors import Problem, ScenarioError
from simtier.scenario import changes as changing
from simtier.scenario import document
from simtier.scenario.changes import Changes
from simtier.scenario.problems import explain
from simtier.scenario.scenario import Scenario
from simtier.scenario.shape import Shape
from simtier.scenario.source import Source


def load(path: Path | str, changes: Changes = ()) -> Scenario:
    """Return the scenario in the file at `path`, with `changes` such as `run.seed=2` made to it.

    Raises ScenarioError with every mistake found: place, value and line. What names what (`on`, `from`, `use`) is for
    `simtier.scenario.check` to look at.
    """
    data, lines = document.read(Path(path), str(path))
    return from_dict(data, changes, folder=Path(path).parent, source=Source(str(path), lines))


def from_dict(
    data: Mapping[str, Any], changes: Changes = (), *, folder: Path | None = None, source: Source | None = None
) -> Scenario:
    """Return the scenario in `data`, plain mappings, lists, texts and numbers as in the file; raises ScenarioError.

    `folder` is where relative policy files are looked for; the working directory if not given.
    """
    source = source or Source()
    if not isinstance(data, Mapping):
        message = f"a scenario is a mapping that starts with `name:` and `run:`, not {_kind(data)}"
        raise ScenarioError([Problem("", message, source.line(()), source.file)])
    plain = copied(data)
    wanted = changing.pairs(changes)
    if wanted:
        changed = changing.apply(plain, wanted, scenario_shape())
        source = Source(source.file, source.lines, changed)
    try:
        scenario = Scenario.model_validate(plain)
    except ValidationError as error:
        raise ScenarioError(explain(error, plain, source, scenario_shape())) from error
    return scenario.from_source(source, folder or Path())


def dump(scenario: Scenario) -> str:
    """Return `scenario` as YAML with every default written out; loading that gives an equal scenario."""
    yaml = YAML()
    yaml.width = 120
    yaml.allow_unicode = True
    text = io.StringIO()
    yaml.dump(scenario.model_dump(mode="json", by_alias=True), text)
    return text.getvalue()


@cache
def scenario_shape() -> Shape:
    """Return which keys a scenario may have where."""
    return Shape(Scenario.model_json_schema())


def copied(data: Any) -> Any:
    """Return `data` with its own mappings and lists, so that changes leave the caller's alone (and aliases apart)."""
    if isinstance(data, Mapping):
        return {key: copied(value) for key, value in data.items()}
    return [copied(value) for value in data] if isinstance(data, list | tuple) else data


def _kind(data: Any) -> str:
    if data is None:
        return "an empty file"
    return "a list" if isinstance(data, list) else f"the value {data!r}"
