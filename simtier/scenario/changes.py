"""Changes to a scenario from the command line: `--set links.uplink.latency="50 ms"`."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from simtier.errors import Problem, ScenarioError, did_you_mean
from simtier.scenario import document
from simtier.scenario.shape import Shape, child
from simtier.scenario.source import Steps, dotted

Changes = Mapping[str, str] | Sequence[str]


def pairs(changes: Changes) -> list[tuple[str, str]]:
    """Return `changes`, a mapping or texts such as `run.seed=2`, as pairs of path and value; raises ScenarioError."""
    if isinstance(changes, Mapping):
        return list(changes.items())
    split = [text.partition("=") for text in changes]
    wrong = [text for text, (path, sign, _) in zip(changes, split, strict=True) if not sign or not path.strip()]
    if wrong:
        raise ScenarioError(
            Problem(f"--set {text}", "is not of the form path=value, as in run.seed=2") for text in wrong
        )
    return [(path.strip(), value) for path, _, value in split]


def apply(data: dict[str, Any], changes: Iterable[tuple[str, str]], shape: Shape) -> tuple[Steps, ...]:
    """Change `data` in place; return the paths changed. Raises ScenarioError for every path that no scenario has."""
    paths: list[Steps] = []
    problems: list[Problem] = []
    for path, text in changes:
        try:
            paths.append(_set(data, path, document.parse_value(text), shape))
        except ScenarioError as error:
            problems += [Problem(f"--set {path}", problem.message) for problem in error.problems]
    if problems:
        raise ScenarioError(problems)
    return tuple(paths)


def _set(data: dict[str, Any], path: str, value: Any, shape: Shape) -> Steps:
    steps: Steps = ()
    here: Any = data
    rest = path.split(".")
    while rest:
        step = _step(rest, here, steps, data, shape)
        rest = rest[_width(step) :]
        steps = (*steps, step)
        if rest:
            here = _descend(here, step, steps, data, shape)
    here[steps[-1]] = value
    return steps


def _width(step: str | int) -> int:
    return str(step).count(".") + 1


def _step(rest: Sequence[str], here: Any, steps: Steps, data: Any, shape: Shape) -> str | int:
    """Return the next step of the path, one that exists or may exist; names may have dots in them."""
    if isinstance(here, list):
        if rest[0].isdecimal() and int(rest[0]) < len(here):
            return int(rest[0])
        raise _unknown(f"{rest[0]!r} is not a place in the list {dotted(steps)!r}: it has 0 to {len(here) - 1}")
    for width in range(len(rest), 0, -1):
        name = ".".join(rest[:width])
        if name in here:
            return name
    known = shape.keys(steps, data)
    if rest[0] in known:
        return rest[0]
    if shape.takes_any_key(steps, data) and (len(rest) == 1 or not here) and known:
        return rest[0]  # a policy's parameter: only the policy knows its names
    where = f" in {dotted(steps)!r}" if steps else ""
    raise _unknown(f"there is no {rest[0]!r}{where}{did_you_mean(rest[0], [*known, *here])}")


def _descend(here: Any, step: str | int, steps: Steps, data: Any, shape: Shape) -> Any:
    """Return the mapping or list under `step`, made if need be: a policy given by name becomes a mapping with `use`."""
    inner = child(here, step)
    if isinstance(inner, dict | list):
        return inner
    if inner is None:
        default = shape.default(steps, data)
        here[step] = copy.deepcopy(default) if isinstance(default, dict) else {}
    elif isinstance(inner, str) and shape.requires(steps, data, "use"):
        here[step] = {"use": inner}
    else:
        raise _unknown(f"{dotted(steps)!r} is {inner!r}, with nothing inside it to set; set it as a whole")
    return here[step]


def _unknown(message: str) -> ScenarioError:
    return ScenarioError([Problem("", message)])
