"""What a search may set a policy's parameters to: a range between two values, or one of a few."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from simtier.catalogue.policies import validated
from simtier.contract import Policy
from simtier.errors import PolicyError, StudyError, did_you_mean
from simtier.scenario.document import parse_value

_LOG = " log"


@dataclass(frozen=True)
class Range:
    """From one number to another, both included, in SI.

    Attributes:
        name: of the parameter.
        low, high: the bounds.
        whole: only whole numbers.
        log: numbers are drawn by their logarithm.
    """

    name: str
    low: float
    high: float
    whole: bool
    log: bool


@dataclass(frozen=True)
class Choice:
    """One of several values.

    Attributes:
        name: of the parameter.
        texts: the values as given; by these they are told apart.
        values: the values in SI.
    """

    name: str
    texts: tuple[str, ...]
    values: tuple[Any, ...]


Space = Range | Choice


def space(text: str, policy: type[Policy], given: Mapping[str, Any], use: str) -> Space:
    """Return what `text` lets a search set a parameter to.

    Args:
        text: `name=low..high`, `name=low..high log`, or `name=a,b,c`; values as a scenario writes them.
        policy: whose parameter it is; its annotation reads the values.
        given: its other parameters, as the scenario has them.
        use: what the scenario calls it.

    Raises StudyError for a text of another form, an unknown parameter, values that it may not have, or a range that is empty or not of numbers.
    """
    name, sign, rest = (part.strip() for part in text.partition("="))
    if not sign or not name or not rest:
        raise StudyError(f"--param {text} is not of the form name=low..high or name=a,b,c, as in load_factor=0.1..2")
    known = [field.name for field in fields(policy)]  # type: ignore[arg-type]  # every policy is a dataclass
    if name not in known:
        raise StudyError(f"--param {text}: {use!r} has no parameter {name!r}{did_you_mean(name, known)}")
    low, dots, high = rest.removesuffix(_LOG).partition("..")
    texts = (low, high) if dots else tuple(each.strip() for each in rest.split(","))
    values = tuple(_value(each, name, text, policy, given, use) for each in texts)
    if not dots:
        if len(set(texts)) < len(texts) or len(texts) < 2:
            raise StudyError(f"--param {text} needs two or more different values, or a range such as {name}=1..8")
        return Choice(name, texts, values)
    return _range(name, values, rest.endswith(_LOG), text)


def _range(name: str, values: Sequence[Any], log: bool, text: str) -> Range:
    if any(
        isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) for value in values
    ):
        raise StudyError(
            f"--param {text}: a range goes from one finite number to another; list the values as in {name}=a,b"
        )
    low, high = values
    if not low < high:
        raise StudyError(f"--param {text}: {low!r} is not below {high!r}, so the range is empty")
    if log and low <= 0:
        raise StudyError(f"--param {text}: a logarithmic range begins above 0, not at {low!r}")
    return Range(name, low, high, isinstance(low, int) and isinstance(high, int), log)


def _value(written: str, name: str, text: str, policy: type[Policy], given: Mapping[str, Any], use: str) -> Any:
    try:
        return validated(policy, {**given, name: parse_value(written)}, use)[name]
    except PolicyError as error:
        raise StudyError(f"--param {text}: {error}") from error
