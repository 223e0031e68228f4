"""Parameters that can be written down as plain values (JSON, YAML) and read back."""

from __future__ import annotations

import math
import types
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self, Union, get_args, get_origin, get_type_hints

from simtier.errors import TraceError, did_you_mean
from simtier.traces.shown import listed, shown


@dataclass(frozen=True)
class Parameters:
    """Base of everything that a generator is described by: frozen, checked when made, and a tree of plain values."""

    def as_dict(self) -> dict[str, Any]:
        """Return the parameters as numbers, texts, lists and dicts; `from_dict` reads them back, equal."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_dict(cls, given: Mapping[str, Any], where: str = "parameters") -> Self:
        """Return the parameters in `given`; `where` names the place in messages.

        Raises TraceError for an unknown or missing key, a value of another type, or a value that is out of range.
        """
        if not isinstance(given, Mapping):
            raise TraceError(f"{where}: {shown(given)} is not a mapping of {cls.__name__}'s parameters")
        names = [field.name for field in fields(cls)]
        for key in given:
            if key not in names:
                raise TraceError(
                    f"{where}.{listed([str(key)])}: not a parameter of {cls.__name__}{did_you_mean(str(key), names)}"
                )
        missing = [name for name in names if name not in given]
        if missing:
            raise TraceError(f"{where}: {cls.__name__} also takes {', '.join(missing)}")
        hints = get_type_hints(cls)
        values = {name: _read(given[name], hints[name], f"{where}.{name}") for name in names}
        try:
            return cls(**values)
        except TraceError as error:
            raise TraceError(f"{where}: {error}") from error


def check(condition: bool, sentence: str) -> None:
    """Raise TraceError with `sentence` unless `condition` holds."""
    if not condition:
        raise TraceError(sentence)


def _plain(value: Any) -> Any:
    if isinstance(value, Parameters):
        return value.as_dict()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


def _read(value: Any, kind: Any, where: str) -> Any:
    """Return `value` as one of the types that fields have: a number, text, a tuple of one type, parameters, or None."""
    if get_origin(kind) in (types.UnionType, Union):
        if value is None:
            return None
        (kind,) = (option for option in get_args(kind) if option is not type(None))
    if get_origin(kind) is tuple:
        if not isinstance(value, list | tuple):
            raise TraceError(f"{where}: {shown(value)} is not a list")
        return tuple(_read(item, get_args(kind)[0], f"{where}[{i}]") for i, item in enumerate(value))
    if issubclass(kind, Parameters):
        return kind.from_dict(value, where)
    whole = isinstance(value, int) and not isinstance(value, bool)
    if whole and abs(value) > _LARGEST:
        raise TraceError(f"{where}: {shown(value)} has more than 18 digits")
    if kind is float and whole:
        return float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise TraceError(f"{where}: {shown(value)} is not {_NAMES[kind]}")
    if isinstance(value, float) and not math.isfinite(value):
        raise TraceError(f"{where}: {value} is not a finite number")
    return value


_LARGEST = 10**18 - 1  # fits 64 bits
_NAMES = types.MappingProxyType({float: "a number", int: "a whole number", str: "a text", bool: "true or false"})
