"""`simtier policies`: the rules a scenario can use, listed and shown; `new` writes one, `check` checks its promises."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simtier.cli.policies_check import check
from simtier.cli.policies_new import new

if TYPE_CHECKING:
    from simtier.catalogue.policies import PolicyDescription

app = typer.Typer(no_args_is_help=True, help="The policies that scenarios can use.")

Kind = Annotated[str | None, typer.Argument(metavar="KIND", help="Only policies of this kind, such as routing.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="A built-in name, module:Class or ./file.py:Class.")]


@app.command("list")
def list_(kind: Kind = None) -> None:
    """List the built-in policies with one sentence each."""
    from simtier.catalogue.policies import describe_policies
    from simtier.cli.tables import console, table

    rows = [[policy.kind, policy.name, policy.summary] for policy in describe_policies(kind)]
    made = table("Policies", ["kind", "name", "what it does"], rows)
    for column in made.columns:
        column.justify = "left"
    console().print(made)


@app.command("show")
def show(name: Name) -> None:
    """Show a policy: what it does, its source, its parameters with their defaults."""
    for policy in _named(name):
        typer.echo(f"{policy.kind}: {policy.name}\n\n{policy.doc}\n")
        for parameter in policy.parameters:
            default = "needed" if parameter.default is None else f"default {parameter.default}"
            typer.echo(f"  {parameter.name}: {parameter.type} ({default})\n      {parameter.doc}")


def _named(name: str) -> list[PolicyDescription]:
    """Return the policies called `name`, of whatever kind; raises PolicyError."""
    from simtier.catalogue.policies import describe_policy
    from simtier.search.named import policies_named

    return [describe_policy(kind, use, Path()) for kind, use in policies_named(name, Path())]


app.command("new")(new)
app.command("check")(check)
