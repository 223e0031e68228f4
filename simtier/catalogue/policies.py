"""From a scenario's `{use: ..., parameters}` to a policy: built-in names, "module:Class", or "./file.py:Class"."""

from __future__ import annotations

import ast
import copy
import hashlib
import importlib
import importlib.util
import inspect
import itertools
import sys
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import TypeAdapter, ValidationError

from simtier.contract import KINDS, Policy
from simtier.errors import PolicyError, did_you_mean
from simtier.policies import BUILT_IN


def load_policy(kind: str, use: str, parameters: Mapping[str, object], base: Path) -> Policy:
    """Return the policy of `kind` that `use` names, with `parameters` as a scenario writes them (quantities as text).

    Args:
        kind: a name of `simtier.contract.KINDS`.
        use: a built-in name, "module:Class", or "./file.py:Class" relative to `base`.
        parameters: validated against the policy's annotations; those left out keep their defaults.
        base: the folder of the scenario file.

    Raises:
        PolicyError: for every mistake; the message has one line per wrong parameter.
    """
    return policy_maker(kind, use, parameters, base)()


def policy_maker(kind: str, use: str, parameters: Mapping[str, object], base: Path) -> Callable[[], Policy]:
    """Return what makes a new policy at each call, as `load_policy` does; it is looked up and checked only once."""
    found = find_policy(kind, use, base)
    values = validated(found, parameters, use)
    return lambda: found(**copy.deepcopy(values))


def find_policy(kind: str, use: str, base: Path) -> type[Policy]:
    """Return the class that `use` names, checked to be a whole policy of `kind`; raises PolicyError."""
    if kind not in KINDS:
        raise PolicyError(f"no kind of policy is called {kind!r}{did_you_mean(kind, KINDS)}")
    return _checked(_named(use if ":" in use else _built_in(kind, use), base), kind, use)


def find_any_policy(use: str, base: Path) -> type[Policy]:
    """Return the class that "module:Class" or "./file.py:Class" names, a whole policy of whatever kind; raises PolicyError."""
    found = _named(use, base)
    kind = getattr(found, "kind", None)
    if kind not in KINDS:
        raise PolicyError(f"{use!r} is no policy of any kind: derive it from one of simtier's, such as simtier.Routing")
    return _checked(found, kind, use)


def validated(policy: type[Policy], parameters: Mapping[str, object], use: str) -> dict[str, Any]:
    """Return the values of `parameters` in SI, without the defaults; raises PolicyError that names each wrong one."""
    hints, known = _hints(policy), {field.name: field for field in _fields(policy)}
    values: dict[str, Any] = {}
    wrong = []
    for name, value in parameters.items():
        if name not in known:
            way_out = did_you_mean(name, known) if known else ": it takes no parameters"
            wrong.append(f"parameter {name!r} is unknown to {use!r}{way_out}")
            continue
        adapter: TypeAdapter[Any] = TypeAdapter(hints[name])
        try:
            values[name] = adapter.validate_python(value)
        except ValidationError as error:
            wrong += [_explain(name, problem) for problem in error.errors()]
        if isinstance(value, bool) and not isinstance(values.get(name, value), bool):  # pydantic takes true for 1
            wrong.append(f"parameter {name!r}: expected {_type_text(adapter)}, got {value!r}")
    wrong += [
        f"parameter {name!r} is missing: {use!r} has no default for it"
        for name, field in known.items()
        if name not in parameters and _default(field) is MISSING
    ]
    if wrong:
        raise PolicyError("\n".join(wrong))
    return values


def written(policy: Policy) -> dict[str, Any]:
    """Return all parameters as a scenario would write them: 0.01 becomes "0.01 s" where the annotation says time."""
    hints = _hints(type(policy))
    return {
        name: TypeAdapter(hints[name]).dump_python(value, mode="json") for name, value in policy.parameters().items()
    }


@dataclass(frozen=True)
class ParameterDescription:
    """One parameter as `simtier policies show` prints it.

    Attributes:
        name: its name.
        type: what may be written, e.g. "time with its unit, for example '20 ms'".
        default: as a scenario would write it; None when it must be given.
        doc: the text below it in the class.
    """

    name: str
    type: str
    default: str | None
    doc: str


@dataclass(frozen=True)
class PolicyDescription:
    """One policy as `simtier policies list` and `show` print it.

    Attributes:
        kind: its kind.
        name: what `use` says.
        summary: the first sentence or line of its docstring.
        doc: the whole docstring.
        parameters: in the order of the class.
    """

    kind: str
    name: str
    summary: str
    doc: str
    parameters: tuple[ParameterDescription, ...]


def describe_policies(kind: str | None = None) -> list[PolicyDescription]:
    """Return all built-in policies, or those of one kind, in the order of `BUILT_IN`; raises PolicyError."""
    if kind is not None and kind not in KINDS:
        raise PolicyError(f"no kind of policy is called {kind!r}{did_you_mean(kind, KINDS)}")
    kinds = BUILT_IN if kind is None else [kind]
    return [describe_policy(each, name, Path()) for each in kinds for name in BUILT_IN[each]]


def describe_policy(kind: str, use: str, base: Path) -> PolicyDescription:
    """Return the description of the policy that `use` names, built in or one's own; raises PolicyError."""
    policy = find_policy(kind, use, base)
    hints, docs = _hints(policy), _attribute_docs(policy)
    parameters = []
    for field in _fields(policy):
        adapter: TypeAdapter[Any] = TypeAdapter(hints[field.name])
        default = _default(field)
        shown = None if default is MISSING else str(adapter.dump_python(default))
        parameters.append(ParameterDescription(field.name, _type_text(adapter), shown, docs.get(field.name, "")))
    doc = inspect.cleandoc(policy.__doc__ or "")
    return PolicyDescription(kind, use, doc.partition("\n")[0], doc, tuple(parameters))


def _type_text(adapter: TypeAdapter[Any]) -> str:
    """Return in words what a parameter may be."""
    schema = adapter.json_schema()
    for key in ("description", "const"):
        if key in schema:
            return str(schema[key])
    if "enum" in schema:
        return " or ".join(map(str, schema["enum"]))
    signs = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
    bounds = [f"{sign} {schema[key]}" for key, sign in signs.items() if key in schema]
    return " ".join([schema.get("type", "any"), ", ".join(bounds)]).strip()


def _attribute_docs(policy: type[Policy]) -> dict[str, str]:
    """Return the text below each annotated attribute of a policy, base classes included."""
    docs: dict[str, str] = {}
    for cls in reversed(policy.__mro__[:-1]):
        body = ast.parse(inspect.cleandoc("\n" + inspect.getsource(cls))).body[0]
        assert isinstance(body, ast.ClassDef)
        for item, below in itertools.pairwise(body.body):
            if (
                isinstance(item, ast.AnnAssign)
                and isinstance(below, ast.Expr)
                and isinstance(below.value, ast.Constant)
            ):
                docs[ast.unparse(item.target)] = inspect.cleandoc(str(below.value.value))
    return docs


def is_whole(policy: type[Policy]) -> bool:
    """Return whether the class answers its kind's question (one of them, where a kind has two ways to ask)."""
    kind = KINDS[policy.kind]
    return any(getattr(policy, question) is not getattr(kind, question) for question in questions(kind.kind))


def questions(kind: str) -> list[str]:
    """Return the names of the methods by which policies of `kind` are asked."""
    return [name for name, item in vars(KINDS[kind]).items() if inspect.isfunction(item) and not name.startswith("_")]


_KIND_NAMES = {kind.__name__ for kind in KINDS.values()} | {Policy.__name__}


def _named(place: str, base: Path) -> object:
    """Return what `place`, a module or file and a name in it, stands for; raises PolicyError if there is nothing."""
    source, _, name = place.rpartition(":")
    module = _module(source, base)
    found = getattr(module, name, None)
    if found is None:
        classes = [key for key, item in vars(module).items() if inspect.isclass(item) and issubclass(item, Policy)]
        raise PolicyError(f"{source!r} has no {name!r}{did_you_mean(name, set(classes) - _KIND_NAMES)}")
    return found


def _built_in(kind: str, name: str) -> str:
    if name in BUILT_IN[kind]:
        return BUILT_IN[kind][name]
    others = [other for other, names in BUILT_IN.items() if name in names]
    if others:
        raise PolicyError(f"{name!r} is {_a(others[0])} policy, not {kind}{did_you_mean('', BUILT_IN[kind])}")
    raise PolicyError(f"no {kind} policy is called {name!r}{did_you_mean(name, BUILT_IN[kind])}")


def _module(source: str, base: Path) -> ModuleType:
    """Return the module called `source`, or the one in the file `source`, relative to `base`."""
    path = (base / source).resolve() if source.endswith(".py") else None
    if path and not path.is_file():
        raise PolicyError(f"there is no file {source!r} in {str(base)!r}")
    try:
        return _file_module(path) if path else importlib.import_module(source)
    except (Exception, SystemExit) as error:
        raise PolicyError(f"{source!r} cannot be imported: {type(error).__name__}: {error}") from error


def _file_module(path: Path) -> ModuleType:
    """Run the file anew, so that a changed one is never stale; its name keeps files of one name in two folders apart."""
    name = f"simtier_file_{hashlib.blake2b(str(path).encode(), digest_size=6).hexdigest()}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # before it runs: dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _checked(found: object, kind: str, use: str) -> type[Policy]:
    if not inspect.isclass(found) or not issubclass(found, Policy):
        raise PolicyError(f"{use!r} is no policy: derive it from simtier.contract.{KINDS[kind].__name__}")
    if found.kind != kind:
        is_now = f"is {_a(found.kind)} policy, not {kind}" if found.kind else "has no kind"
        raise PolicyError(f"{use!r} {is_now}: derive it from simtier.contract.{KINDS[kind].__name__}")
    if not is_whole(found):
        asked = " or ".join(f"{question}()" for question in questions(kind))
        raise PolicyError(f"{use!r} does not answer {asked}, which every {kind} policy must")
    return found


def _hints(policy: type[Policy]) -> dict[str, Any]:
    """Return the annotations of a policy's parameters."""
    try:
        return typing.get_type_hints(policy, include_extras=True)
    except NameError as error:
        raise PolicyError(f"an annotation of {policy.__qualname__} cannot be read: {error}") from error


def _fields(policy: type[Policy]) -> tuple[Field[Any], ...]:
    return fields(policy)  # type: ignore[arg-type]  # Policy.__init_subclass__ makes every subclass a dataclass


def _default(field: Field[Any]) -> Any:
    """Return a parameter's default, or MISSING."""
    return field.default if field.default_factory is MISSING else field.default_factory()


def _explain(name: str, problem: Mapping[str, Any]) -> str:
    """Return one sentence for one of pydantic's problems with the parameter `name`."""
    where = name + "".join(f"[{part}]" for part in problem["loc"] if isinstance(part, int))
    if problem["type"] == "value_error":
        return f"parameter {where!r}: {problem['ctx']['error']}"
    return f"parameter {where!r}: {problem['msg'][0].lower()}{problem['msg'][1:]}, got {problem['input']!r}"


def _a(word: str) -> str:
    return f"an {word}" if word[0] in "aeiou" else f"a {word}"
