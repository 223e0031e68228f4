"""What pydantic found wrong with a scenario, as problems in plain words: one for each mistake, with value, line and way out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from simtier.errors import Problem, did_you_mean
from simtier.scenario.shape import Shape, child
from simtier.scenario.source import Source, Steps

_TAGS = (
    "distribution",
    "process",
)  # keys that tell the members of a union apart; pydantic adds their values to its paths
_KEY = "[key]"

_MESSAGES: Mapping[str, str] = MappingProxyType(
    {
        "missing": "is missing",
        "greater_than": "{value} must be more than {gt:g}",
        "greater_than_equal": "{value} must be {ge:g} or more",
        "less_than": "{value} must be less than {lt:g}",
        "less_than_equal": "{value} must be {le:g} or less",
        "finite_number": "{value} must be finite",
        "int_type": "{value} must be a whole number",
        "int_parsing": "{value} must be a whole number",
        "int_from_float": "{value} must be a whole number",
        "int_parsing_size": "{value} is too large",
        "float_type": "{value} must be a number",
        "float_parsing": "{value} must be a number",
        "bool_type": "{value} must be true or false",
        "bool_parsing": "{value} must be true or false",
        "string_type": "{value} must be text; write it in quotes",
        "string_pattern_mismatch": "{value} is not a name: use letters, digits, '_', '-' and '.', and begin with a letter or '_'",
        "model_type": "{value} must be a mapping of keys to values",
        "model_attributes_type": "{value} must be a mapping of keys to values",
        "dict_type": "{value} must be a mapping of keys to values",
        "tuple_type": "{value} must be a list",
        "literal_error": "{value} must be {expected}",
    }
)


def explain(error: ValidationError, data: Any, source: Source, shape: Shape) -> list[Problem]:
    """Return every mistake behind `error`, raised for `data`, in the order of the file.

    A value that fits no member of a union is one mistake, however many members there are.
    """
    places: dict[Steps, list[ErrorDetails]] = defaultdict(list)
    for detail in error.errors(include_url=False):
        places[_place(detail, data)].append(detail)
    kept = [place for place in places if not any(_is_inside(other, place) for other in places)]
    problems = [_problem(place, places[place], data, source, shape) for place in kept]
    return sorted(problems, key=lambda problem: problem.line)


def _place(detail: ErrorDetails, data: Any) -> Steps:
    """Return where in `data` the mistake is: pydantic's path without the names of union members and validators."""
    path: list[str | int] = []
    tagged = False
    steps = [step for step in detail["loc"] if step != _KEY]
    for number, step in enumerate(steps):
        is_tag = not tagged and step in [child(data, tag) for tag in _TAGS] and isinstance(data, Mapping)
        absent = detail["type"] == "missing" and number == len(steps) - 1
        if not is_tag and (absent or child(data, step) is not None or (isinstance(data, Mapping) and step in data)):
            path.append(step)
            data = child(data, step)
            tagged = False
        else:
            tagged = tagged or is_tag
    return (*path, _KEY) if detail["loc"][-1:] == (_KEY,) else tuple(path)


def _is_inside(inner: Steps, outer: Steps) -> bool:
    return len(inner) > len(outer) and inner[: len(outer)] == outer and inner[-1] != _KEY


def _problem(place: Steps, details: Sequence[ErrorDetails], data: Any, source: Source, shape: Shape) -> Problem:
    detail = details[0]
    if detail["type"] == "extra_forbidden":
        *around, key = place
        outer = tuple(around)
        known = shape.keys(outer, data)
        return source.problem(place, f"unknown key {key!r}{did_you_mean(str(key), known)}", shown=outer)
    if detail["type"].startswith("union_tag"):
        return _untold(place, detail, source)
    if place[-1:] == (_KEY,):
        return source.problem(place[:-1], _sentence(detail, place[-2]), shown=place[:-2])
    value = data
    for step in place:
        value = child(value, step)
    return source.problem(place, _one_of(details, value))


def _untold(place: Steps, detail: ErrorDetails, source: Source) -> Problem:
    """Return the problem of a union whose members a key tells apart, when that key is missing or wrong."""
    context = detail.get("ctx", {})
    key = str(context["discriminator"]).strip("'")
    if detail["type"] == "union_tag_not_found":
        return source.problem((*place, key), "is missing")
    tag = str(context["tag"])
    known = [name.strip("' ") for name in str(context["expected_tags"]).split(",")]
    return source.problem((*place, key), f"{tag!r} is unknown{did_you_mean(tag, known)}")


def _one_of(details: Sequence[ErrorDetails], value: Any) -> str:
    """Return one sentence for all that a value might have been and is not."""
    words = [detail["ctx"]["expected"] for detail in details if detail["type"] == "literal_error"]
    others = [detail for detail in details if detail["type"] != "literal_error"]
    telling = [detail for detail in others if detail["type"] not in ("model_type", "dict_type")] or others
    if not telling:
        return _sentence(details[0], value)
    return " or ".join([_sentence(telling[0], value), *words])


def _sentence(detail: ErrorDetails, value: Any) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind == "too_short":
        return f"has {context['actual_length']} entries; at least {context['min_length']} needed"
    if value is None and kind != "missing":
        return "has no value"
    message = _MESSAGES.get(kind)
    if message is None:
        return f"{_short(value)}: {detail['msg'][:1].lower()}{detail['msg'][1:]}"
    return message.format(value=_short(value), **context)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
