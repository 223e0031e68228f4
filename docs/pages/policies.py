"""The page of policies: what each kind is asked and may answer, and every built-in rule with its parameters."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

from pages.amounts import quantity
from pages.markdown import code, docstring, document, table
from simtier.catalogue.policies import (
    ParameterDescription,
    PolicyDescription,
    describe_policies,
    find_policy,
    questions,
)
from simtier.contract import KINDS, Partitioning, Policy, Routing

_ABOUT = (
    "# Policy reference\n\nA policy answers one kind of question with a plain value. A scenario chooses it by name under "
    "[`policies`](scenario.md#choosing-policies) of the scenario, a service or an application; "
    "[writing a policy](../writing-a-policy.md) shows how to make your own. `simtier policies list` and `simtier policies show NAME` "
    "print the same text as this page."
)


def page() -> str:
    """Return the page."""
    return document(_ABOUT, _overview(), *(part for kind in KINDS for part in _kind(kind)))


def _overview() -> str:
    rows = [
        [
            f"[{kind}](#{kind})",
            docstring(policy.__doc__),
            ", ".join(code(each.name) for each in describe_policies(kind)),
        ]
        for kind, policy in KINDS.items()
    ]
    return table(["kind", "question", "built in"], rows)


def _kind(kind: str) -> Iterator[str]:
    yield f"## {kind}"
    yield docstring(KINDS[kind].__doc__)
    for question in questions(kind):
        method = getattr(KINDS[kind], question)
        shown = ", ".join(name for name in inspect.signature(method).parameters if name != "self")
        yield f"`{question}({shown})`: {docstring(method.__doc__)}"
    for described in describe_policies(kind):
        yield from _policy(kind, described)


def _policy(kind: str, described: PolicyDescription) -> Iterator[str]:
    policy = find_policy(kind, described.name, Path())
    yield f"### {kind}: {described.name}"
    yield docstring(described.doc)
    yield from _flags(policy)
    if described.parameters:
        rows = [[code(each.name), _type(each), _default(each), each.doc] for each in described.parameters]
        yield table(["parameter", "type", "default", "meaning"], rows)
    else:
        yield "No parameters."


def _flags(policy: type[Policy]) -> Iterator[str]:
    """Yield what the engine knows of a policy without asking it."""
    if policy.passive:
        yield "This is the do-nothing policy of its kind; the engine does not ask it."
    if issubclass(policy, Partitioning) and policy.on_link_change:
        yield "Asked again only when a link has changed."
    if issubclass(policy, Routing) and policy.takes_only_one:
        yield "Not asked when only one replica is ready."


def _type(parameter: ParameterDescription) -> str:
    quantity_of, unit, _ = parameter.type.partition(" with its unit")
    plain = {"string": "text", "array": "list"}.get(parameter.type, parameter.type)
    return f"[{quantity_of}](scenario.md#quantities)" if unit else plain


def _default(parameter: ParameterDescription) -> str:
    if parameter.default is None:
        return "*required*"
    unit = " with its unit" in parameter.type
    return code(quantity(parameter.default) if unit else parameter.default)
