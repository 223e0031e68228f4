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

It is read from YAML's node graph, two levels deep, so no alias can expand and no object is ever made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode

from simtier.errors import TraceError, did_you_mean
from simtier.traces.mapping import Mapped, family_named
from simtier.traces.shown import shown
from simtier.traces.source import Source, sole
from simtier.traces.tables import Family
from simtier.traces.text import decode

_KEYS = ("file", "family", "delimiter", "columns")
_STANDARD = "tag:yaml.org,2002:"


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


class _Entry(NamedTuple):
    """A value, where messages say that its key stands, and the key."""

    node: Any
    place: str
    key: str


def read_mapping(source: Source) -> MappingFile:
    """Return what the YAML file says; raises TraceError with the line of what is wrong."""
    root = _composed(source)
    if not isinstance(root, MappingNode):
        raise TraceError(f"{source.label}: expected a mapping with {', '.join(_KEYS)}")
    told = _entries(source.label, root, _KEYS, "")
    for key in ("file", "family", "columns"):
        if key not in told:
            raise TraceError(
                f"{source.label}: there is no {key!r}; a mapping has {', '.join(_KEYS)} (delimiter may be left out)"
            )
    try:
        family = family_named(_text(told["family"]))
    except TraceError as error:
        raise TraceError(f"{told['family'].place}: {error}") from error
    delimiter = _text(told["delimiter"]) if "delimiter" in told else ","
    if len(delimiter) != 1 or not delimiter.isascii() or delimiter in '"\r\n':
        raise TraceError(
            f"{told['delimiter'].place}: {shown(delimiter)} is not one ASCII character that can part fields"
        )
    columns = told["columns"]
    if not isinstance(columns.node, MappingNode):
        raise TraceError(f"{columns.place}: expected the family's columns, each with a column of the file")
    named = {name: _mapped(each) for name, each in _entries(source.label, columns.node, None, "columns.").items()}
    return MappingFile(_file(source, told["file"]), family, delimiter, named)


def _composed(source: Source) -> Any:
    """Return the root node."""
    label = source.label
    try:
        return YAML(typ="safe", pure=True).compose(decode(label, source.read_bytes()))
    except RecursionError as error:
        raise TraceError(f"{label}: nested too deeply; a mapping needs three levels") from error
    except MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise TraceError(f"{label}{line}: not YAML ({error.problem})") from error
    except YAMLError as error:
        raise TraceError(f"{label}: not YAML ({' '.join(str(error).split())})") from error


def _entries(label: str, node: Any, known: Sequence[str] | None, inside: str) -> dict[str, _Entry]:
    """Return a mapping's values by key; raises TraceError for a key that is unknown, written twice, or no word."""
    entries: dict[str, _Entry] = {}
    for key, value in node.value:
        place = f"{label}, line {key.start_mark.line + 1}"
        if not isinstance(key, ScalarNode):
            raise TraceError(f"{place}: a key is a plain word, not {_shown(key)}")
        name = str(key.value)
        if known is not None and name not in known:
            raise TraceError(f"{place}: unknown key {shown(inside + name)}{did_you_mean(name, known)}")
        if name in entries:
            raise TraceError(f"{place}: the key {shown(inside + name)} is written twice")
        entries[name] = _Entry(value, place, name)
    return entries


def _file(source: Source, entry: _Entry) -> Source:
    path = source.path.parent / _text(entry)
    try:
        return sole(path)
    except (OSError, ValueError) as error:  # such as a name too long
        raise TraceError(f"{entry.place}: {shown(entry.node.value)} cannot be the name of a file") from error
    except TraceError as error:
        raise TraceError(f"{entry.place}: {error}") from error


def _mapped(entry: _Entry) -> Mapped:
    """Return what stands for one column of the family."""
    if _is(entry.node, "str"):
        return Mapped(_text(entry), place=entry.place)
    if not isinstance(entry.node, MappingNode):
        raise TraceError(
            f"{entry.place}: expected a column's name, {{column, unit}} or {{constant}}, got {_shown(entry.node)}"
        )
    label = entry.place.rpartition(", line ")[0]
    told = _entries(label, entry.node, ("column", "unit", "constant"), f"columns.{entry.key}.")
    if ("column" in told) == ("constant" in told):
        raise TraceError(f"{entry.place}: expected either column or constant")
    unit = _text(told["unit"]) if "unit" in told else None
    if "column" in told:
        return Mapped(_text(told["column"]), unit, place=entry.place)
    constant = told["constant"].node
    if not _is(constant, "str", "int", "float", "bool", "timestamp"):
        raise TraceError(f"{entry.place}: the constant is {_shown(constant)}, neither text nor a number")
    return Mapped(None, unit, str(constant.value), place=entry.place)


def _is(node: Any, *kinds: str) -> bool:
    return isinstance(node, ScalarNode) and str(node.tag) in [_STANDARD + kind for kind in kinds]


def _text(entry: _Entry) -> str:
    if not _is(entry.node, "str") or not entry.node.value:
        raise TraceError(
            f"{entry.place}: {entry.key} is {_shown(entry.node)}, expected text (in quotes if it is a number)"
        )
    return str(entry.node.value)


def _shown(node: Any) -> str:
    """Return a value as messages show it; of lists and mappings, which may be endless, only that they are some."""
    if isinstance(node, ScalarNode):
        return str(node.value)[:40] or "nothing"
    return "a mapping" if isinstance(node, MappingNode) else "a list"
