"""`simtier shard`: one run in parts that do not interact, each in a process of its own; or only what these parts are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simtier.cli.options import Changes, Debug, ScenarioFile, TraceDirectories, WorkerCount

if TYPE_CHECKING:
    from simtier.study.shard.plan import Component, Plan

Parts = Annotated[
    int | None,
    typer.Option("--parts", min=1, metavar="K", help="Into how many parts to divide the run. [default: one a worker]"),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="Directory of the result, made anew. [default: under reports/]"),
]
OnlyPlan = Annotated[
    bool, typer.Option("--plan", help="Print what can be played apart, and where the rest meets; run nothing.")
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print only where the result lies.")]
Json = Annotated[bool, typer.Option("--json", help="Print the summary, or the plan, as JSON and nothing else.")]
_NAMES = 4


def shard(
    scenario: ScenarioFile,
    *,
    workers: WorkerCount = None,
    parts: Parts = None,
    out: Out = None,
    only_plan: OnlyPlan = False,
    changes: Changes = None,
    traces: TraceDirectories = None,
    quiet: Quiet = False,
    as_json: Json = False,
    _debug: Debug = False,
) -> None:
    """Run a scenario in parts that do not interact, on several processes; the result is that of `simtier run`, byte for byte."""
    from simtier.cli.summary import show
    from simtier.cli.watching import progress_bar, stopping
    from simtier.report import write_report
    from simtier.scenario.load import load
    from simtier.study.shard import running as sharding

    loaded = load(scenario, [*(changes or ())])
    if only_plan:
        _show(sharding.plan_of(loaded, traces or ()), as_json=as_json)
        return
    with stopping("the parts are given up") as stop, progress_bar(shown=not quiet and not as_json) as watch:
        try:
            result = sharding.shard(
                loaded,
                workers=workers,
                parts=parts,
                out=out or "auto",
                traces=traces or (),
                watch=watch,
                stop=stop,
                also=write_report,
            )
        except sharding.Stopped as stopped:
            raise typer.Exit(1) from stopped
    if as_json:
        typer.echo(json.dumps(result.summary, indent=2))
    elif quiet:
        typer.echo(str(result.directory))
    else:
        show(result)


def _show(made: Plan, *, as_json: bool) -> None:
    """Print how a scenario divides."""
    from simtier.cli.tables import console, table

    if as_json:
        typer.echo(json.dumps(_plain(made), indent=2))
        return
    to = console()
    sending = [each for each in made.components if each.sources]
    to.print(f"{made.pieces} {'piece' if made.pieces == 1 else 'pieces'} can be played apart")
    rows = [
        (_few(_hosts(each)), _few(_workloads(each)), str(len(each.sources)), f"{each.requests:,.0f}")
        for each in sending
    ]
    if made.functions:
        functions = f"{len(made.functions)} functions, each by itself: {_few([*made.functions])}"
        rows.append((functions, "those that call them by a trace", "", f"{sum(made.functions.values()):,.0f}"))
    to.print(table("Pieces", ["hosts", "workloads", "sources", "requests, about"], rows, text=["workloads"]))
    for each in sending:
        for meeting in each.meetings:
            to.print(f"Together: {meeting}", soft_wrap=True)
    for reason in dict.fromkeys(made.whole.values()):
        names = [name for name, each in made.whole.items() if each == reason]
        to.print(f"As a whole, for {reason}: {_few(names)}", soft_wrap=True)


def _plain(made: Plan) -> dict[str, object]:
    pieces = [
        {
            "hosts": _hosts(each),
            "workloads": _workloads(each),
            "sources": len(each.sources),
            "requests": each.requests,
            "meetings": list(each.meetings),
        }
        for each in made.components
    ]
    return {"pieces": made.pieces, "components": pieces, "functions": dict(made.functions), "whole": dict(made.whole)}


def _hosts(component: Component) -> list[str]:
    return [name for kind, name in component.entities if kind != "source"]


def _workloads(component: Component) -> list[str]:
    return [*dict.fromkeys(source.partition("/")[0] for source in component.sources)]


def _few(names: Sequence[str]) -> str:
    """Return some names, and how many there are more."""
    shown = ", ".join(names[:_NAMES])
    return f"{shown} and {len(names) - _NAMES} more" if len(names) > _NAMES else shown
