"""From YAML text to plain data, with the line of every value, and with nothing that a stranger's file could harm.

YAML 1.2 through ruamel.yaml's node graph; no object is ever constructed. Refused: tags other than the standard ones, duplicate
keys, aliases that expand without bound, nesting without bound, long files. Merge keys (`<<: *base`) are followed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from simtier.errors import Problem, ScenarioError
from simtier.scenario.source import Lines, Steps, dotted

LONGEST_BYTES = 1 << 20
DEEPEST = 40
MOST_VALUES = 300_000

_STANDARD = "tag:yaml.org,2002:"


BEGINS = "a scenario starts with `name:` and `run:`"


def read(path: Path, name: str, begins: str = BEGINS) -> tuple[Any, Lines]:
    """Return the data in the file at `path`, called `name` in messages, and the line of every value; `begins` tells how such a file begins.

    Raises ScenarioError when there is no such file, or when it is not YAML or more than simtier reads.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LONGEST_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ScenarioError([Problem("", f"cannot read {name}: {reason}")]) from error
    if len(content) > LONGEST_BYTES:
        raise ScenarioError([Problem("", "the file is longer than 1 MiB; a scenario is a few kilobytes", 1, name)])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ScenarioError([Problem("", f"not UTF-8 text: {error.reason}", line, name)]) from error
    return parse(text, name, begins)


def parse(text: str, name: str, begins: str = BEGINS) -> tuple[Any, Lines]:
    """Return the data in `text` and the line of every value; raises ScenarioError with every problem found."""
    try:
        root = YAML(typ="safe", pure=True).compose(text)
    except RecursionError as error:
        raise ScenarioError([Problem("", _too_deep(), 1, name)]) from error
    except YAMLError as error:
        raise ScenarioError([_not_yaml(error, name)]) from error
    if root is None:
        raise ScenarioError([Problem("", f"the file is empty; {begins}", 1, name)])
    reader = _Reader(name)
    data = reader.value(root, ())
    if reader.problems:
        raise ScenarioError(reader.problems)
    return data, reader.lines


def parse_value(text: str) -> Any:
    """Return what `text` means as a YAML scalar or flow collection, as given on the command line; raises ScenarioError."""
    return parse(text, "")[0] if text.strip() else None


class _Reader:
    """Walks the node graph once, expanding aliases, and collects lines and problems."""

    def __init__(self, name: str) -> None:
        self.lines: Lines = {}
        self.problems: list[Problem] = []
        self._name = name
        self._values = 0

    def value(self, node: Node, path: Steps) -> Any:
        """Return the plain data of `node`, which stands at `path`."""
        self.lines.setdefault(path, _line(node))
        self._count(node)
        if len(path) > DEEPEST:
            raise ScenarioError([*self.problems, Problem(dotted(path[:1]), _too_deep(), _line(node), self._name)])
        if not _is_standard(node):
            return self._problem(
                node,
                path,
                f"the tag {_clipped(_tag(node).replace(_STANDARD, '!!'))} is not allowed; write the value plainly",
            )
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self.value(item, (*path, place)) for place, item in enumerate(node.value)]
        return self._scalar(node, path)

    def _mapping(self, node: MappingNode, path: Steps) -> dict[str, Any]:
        data = {}
        for name, (key, item) in self._pairs(node, path, ()).items():
            self.lines[*path, name] = _line(key)
            data[name] = self.value(item, (*path, name))
        return data

    def _pairs(self, node: MappingNode, path: Steps, within: tuple[MappingNode, ...]) -> dict[str, tuple[Node, Node]]:
        """Return the key and the value nodes of a mapping by key; what it says itself wins over what it merges."""
        if node in within:
            self._problem(node, path, "this mapping merges itself")
            return {}
        pairs: dict[str, tuple[Node, Node]] = {}
        written: dict[str, int] = {}
        for key, item in node.value:
            self._count(key)
            name = str(key.value)
            if not isinstance(key, ScalarNode):
                self._problem(key, path, "a key must be a plain word, not a list or a mapping")
            elif name in written:
                self._problem(key, path, f"the key {_clipped(name)!r} is written twice, first in line {written[name]}")
            elif key.tag == _STANDARD + "merge":
                for merged, pair in self._merged(item, path, (*within, node)):
                    pairs.setdefault(merged, pair)
            else:
                pairs[name] = (key, item)
            written.setdefault(name, _line(key))
        return pairs

    def _merged(
        self, node: Node, path: Steps, within: tuple[MappingNode, ...]
    ) -> Iterator[tuple[str, tuple[Node, Node]]]:
        """Yield what a `<<` brings in: the pairs of one mapping, or of several, the earlier first."""
        for source in node.value if isinstance(node, SequenceNode) else [node]:
            if isinstance(source, MappingNode):
                yield from self._pairs(source, path, within).items()
            else:
                self._problem(source, path, "`<<` takes a mapping or a list of mappings, such as `<<: *base`")

    def _count(self, node: Node) -> None:
        """Count one more node of the file with its aliases expanded; raises ScenarioError when they are too many."""
        self._values += 1
        if self._values > MOST_VALUES:
            message = f"the file's aliases expand to more than {MOST_VALUES:,} values; write them out or use fewer"
            raise ScenarioError([*self.problems, Problem("", message, _line(node), self._name)])

    def _scalar(self, node: Node, path: Steps) -> Any:
        kind, text = _tag(node).removeprefix(_STANDARD), str(node.value)
        try:
            if kind == "null":
                return None
            if kind == "bool":
                return text.lower() == "true"
            if kind == "int":
                return _whole(text)
            if kind == "float":
                return float(text.lower().replace("_", "").replace(".inf", "inf").replace(".nan", "nan"))
        except ValueError:
            return self._problem(node, path, f"{_clipped(text)!r} cannot be read as a number")
        return text

    def _problem(self, node: Node, path: Steps, message: str) -> None:
        self.problems.append(Problem(dotted(path), message, _line(node), self._name))


def _is_standard(node: Node) -> bool:
    kind = _tag(node).removeprefix(_STANDARD) if _tag(node).startswith(_STANDARD) else ""
    if isinstance(node, MappingNode):
        return kind == "map"
    if isinstance(node, SequenceNode):
        return kind == "seq"
    return kind in ("null", "bool", "int", "float", "str", "timestamp", "value", "merge")


def _whole(text: str) -> int:
    digits = text.replace("_", "").lower()
    return int(digits, 0) if digits.lstrip("+-")[:2] in ("0x", "0o", "0b") else int(digits)


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1


def _tag(node: Node) -> str:
    return str(node.tag)


def _clipped(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."


def _too_deep() -> str:
    return f"nested more than {DEEPEST} levels deep; a scenario needs about 8"


def _not_yaml(error: YAMLError, name: str) -> Problem:
    """Return the problem for what ruamel.yaml could not read, on one line."""
    if not isinstance(error, MarkedYAMLError) or error.problem is None:
        return Problem("", f"not YAML: {' '.join(str(error).split())}", 1, name)
    mark = error.problem_mark or error.context_mark
    before = f"{error.context}, " if error.context and error.context.startswith("expected") else ""
    message = f"not YAML: {before}{error.problem.strip()}"
    if "'\\t'" in message:
        message = "a tab stands where YAML wants spaces: indent with spaces"
    return Problem("", message, mark.line + 1 if mark else 1, name)
