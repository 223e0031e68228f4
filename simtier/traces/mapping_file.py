"""A mapping in YAML 1.2: which file, of which family, and what its columns stand for.

```yaml
file: my.csv                 # beside the mapping; csv, csv.gz, parquet
family: llm_requests
delimiter: ","               # optional
columns:                     # the family's column: the file's column, or {column, unit}, or {constant}
  arrival_s: {column: ts, unit: ms}
  input_tokens: prompt
  output_tokens: {column: completion}
  model: {constant: llama}
```
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from simtier.errors import TraceError, did_you_mean
from simtier.traces.mapping import Mapped, family_named
from simtier.traces.source import Source
from simtier.traces.tables import Family
from simtier.traces.text import decode

_KEYS = ("file", "family", "delimiter", "columns")


@dataclass(frozen=True)
class MappingFile:
    """What a mapping in YAML says, before the file it is about is looked at.

    Attributes:
        file: the file, beside the mapping.
        family: what its rows are.
        delimiter: what parts its fields, if it is text.
        columns: what stands for the family's columns.
    """

    file: Source
    family: Family
    delimiter: str
    columns: dict[str, Mapped]


def read_mapping(source: Source) -> MappingFile:
    """Return what the YAML file says; raises TraceError with the line of what is wrong."""
    told = _loaded(source)
    label = source.label
    _only(label, told, _KEYS, "")
    for key in ("file", "family", "columns"):
        if key not in told:
            raise TraceError(
                f"{label}: there is no {key!r}; a mapping has {', '.join(_KEYS)} (delimiter may be left out)"
            )
    path = source.path.parent / _text(label, told, "file")
    if not path.is_file():
        raise TraceError(f"{_place(label, told, 'file')}: there is no file {str(path)!r}")
    try:
        family = family_named(_text(label, told, "family"))
    except TraceError as error:
        raise TraceError(f"{_place(label, told, 'family')}: {error}") from error
    delimiter = _text(label, told, "delimiter") if "delimiter" in told else ","
    if len(delimiter) != 1 or not delimiter.isascii():
        raise TraceError(f"{_place(label, told, 'delimiter')}: {delimiter!r} is not one ASCII character")
    columns = told["columns"]
    if not isinstance(columns, dict):
        raise TraceError(
            f"{_place(label, told, 'columns')}: expected the family's columns, each with a column of the file"
        )
    return MappingFile(Source(path), family, delimiter, {str(name): _mapped(label, columns, name) for name in columns})


def _loaded(source: Source) -> Any:
    """Return the YAML as nested mappings that know their lines."""
    try:
        told = YAML(typ="rt", pure=True).load(decode(source.label, source.read_bytes()))
    except MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise TraceError(f"{source.label}{line}: not YAML ({error.problem})") from error
    except YAMLError as error:
        raise TraceError(f"{source.label}: not YAML ({error})") from error
    if not isinstance(told, dict):
        raise TraceError(f"{source.label}: expected a mapping with {', '.join(_KEYS)}")
    return told


def _mapped(label: str, columns: Any, name: Any) -> Mapped:
    """Return what stands for one column of the family."""
    told = columns[name]
    if isinstance(told, str):
        return Mapped(str(told))
    place = _place(label, columns, name)
    if not isinstance(told, dict):
        raise TraceError(f"{place}: expected a column's name, {{column, unit}} or {{constant}}, got {told!r}")
    _only(label, told, ("column", "unit", "constant"), f"columns.{name}.")
    if ("column" in told) == ("constant" in told):
        raise TraceError(f"{place}: expected either column or constant")
    unit = _text(label, told, "unit") if "unit" in told else None
    if "column" in told:
        return Mapped(_text(label, told, "column"), unit)
    value = told["constant"]
    if isinstance(value, bool):
        return Mapped(None, unit, str(value).lower())
    if not isinstance(value, str | int | float):
        raise TraceError(f"{place}: the constant {value!r} is neither text nor a number")
    return Mapped(None, unit, str(value))


def _only(label: str, told: Any, known: tuple[str, ...], inside: str) -> None:
    for key in told:
        if key not in known:
            raise TraceError(f"{_place(label, told, key)}: unknown key '{inside}{key}'{did_you_mean(str(key), known)}")


def _text(label: str, told: Any, key: str) -> str:
    if not isinstance(told[key], str) or not told[key]:
        raise TraceError(
            f"{_place(label, told, key)}: {key} is {told[key]!r}, expected text (in quotes if it is a number)"
        )
    return str(told[key])


def _place(label: str, told: Any, key: Any) -> str:
    """Return how a message calls the line of a key."""
    return f"{label}, line {told.lc.key(key)[0] + 1}"
