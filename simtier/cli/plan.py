"""`simtier plan`: how to divide accelerators among the pools of a language model, or among several models."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simtier.cli.options import Changes, Debug, ScenarioFile, Seed, TraceDirectories

if TYPE_CHECKING:
    from simtier.planning.plans import Plan
    from simtier.planning.question import Question


class Method(StrEnum):
    """How to plan."""

    DISTSERVE = "distserve"
    SPLITWISE = "splitwise"
    ALPASERVE = "alpaserve"


How = Annotated[
    Method,
    typer.Option(
        "--method",
        help="distserve: parallelism of pools; splitwise: numbers and kinds of machines; alpaserve: several models on groups.",
    ),
]
App = Annotated[str | None, typer.Option("--app", metavar="NAME", help="Application, if several have `tokens`.")]
Rate = Annotated[
    str | None,
    typer.Option("--rate", metavar="RATE", help="Requests to plan for, such as '20 /s'. [default: the scenario's own]"),
]
Attainment = Annotated[
    float | None,
    typer.Option(
        "--attainment",
        metavar="SHARE",
        help="Share of requests that the objective must hold for, such as 0.9. [default: its `percentile`]",
    ),
]
Requests = Annotated[int, typer.Option("--requests", min=2, help="Requests simulated for each replica at each rate.")]
Within = Annotated[
    bool,
    typer.Option(
        "--within-nodes", help="distserve: pair prompts and tokens on one node, for slow networks (its algorithm 2)."
    ),
]
Budget = Annotated[
    str | None,
    typer.Option(
        "--budget",
        metavar="AMOUNT",
        help="splitwise: the highest rate for '60 USD/hour' or '10 kW', in place of --rate.",
    ),
]
ByPower = Annotated[
    bool, typer.Option("--by-power", help="splitwise: the least power for --rate, in place of the least cost.")
]
Out = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write a scenario with the pools there.")]
Json = Annotated[bool, typer.Option("--json", help="Print the plan as JSON and nothing else.")]


def plan(
    scenario: ScenarioFile,
    *,
    method: How = Method.DISTSERVE,
    app: App = None,
    rate: Rate = None,
    attainment: Attainment = None,
    requests: Requests = 300,
    within_nodes: Within = False,
    budget: Budget = None,
    by_power: ByPower = False,
    seed: Seed = None,
    out: Out = None,
    changes: Changes = None,
    traces: TraceDirectories = None,
    as_json: Json = False,
    _debug: Debug = False,
) -> None:
    """Plan the pools of a language model: how many replicas, and how each is divided among accelerators."""
    given = {
        "--app": app is not None,
        "--rate": rate is not None,
        "--within-nodes": within_nodes,
        "--budget": budget is not None,
        "--by-power": by_power,
        "--out": out is not None,
        "--traces": bool(traces),
    }
    _require_meant(method, given)
    from simtier import planning
    from simtier.cli.plan_shown import show, show_shared
    from simtier.scenario.load import load
    from simtier.units import parse

    if out is not None:
        planning.require_new(out)
    seeds = [] if seed is None else [f"run.seed={seed}"]
    loaded = load(scenario, [*(changes or ()), *seeds])
    if method is Method.ALPASERVE:
        show_shared(planning.alpaserve(loaded, attainment=attainment, number=requests), as_json=as_json)
        return
    asked = planning.question(
        loaded,
        app=app,
        rate=None if rate is None else parse(rate, "frequency"),
        attainment=attainment,
        number=requests,
        traces=traces or (),
    )
    if method is Method.SPLITWISE:
        made = _splitwise(asked, budget, by_power=by_power)
    else:
        made = planning.distserve(asked, within_nodes=within_nodes)
    show(made, as_json=as_json)
    _finish(made, out, quiet=as_json)


_MEANT = {
    Method.DISTSERVE: {"--app", "--rate", "--within-nodes", "--out", "--traces"},
    Method.SPLITWISE: {"--app", "--rate", "--budget", "--by-power", "--out", "--traces"},
    Method.ALPASERVE: set[str](),
}


def _require_meant(method: Method, given: dict[str, bool]) -> None:
    """Refuse options that a method has no use for."""
    idle = [name for name, there in given.items() if there and name not in _MEANT[method]]
    if idle:
        raise typer.BadParameter(f"{', '.join(idle)} means nothing to the method {method.value}: leave it out")
    if given["--budget"] and (given["--rate"] or given["--by-power"]):
        raise typer.BadParameter(
            "--budget looks for the highest rate, and its unit says what is counted: leave out --rate and --by-power"
        )


def _splitwise(asked: Question, budget: str | None, *, by_power: bool) -> Plan:
    from simtier.errors import UnitError
    from simtier.planning import splitwise
    from simtier.units import parse

    if budget is None:
        return splitwise(asked, unit="power" if by_power else "cost")
    try:
        return splitwise(asked, budget=parse(budget, "money rate"))
    except UnitError:
        return splitwise(asked, budget=parse(budget, "power"), unit="power")


def _finish(made: Plan, out: Path | None, *, quiet: bool) -> None:
    """Write the scenario, if one is asked for; raises PlanError for a plan that does not do."""
    from simtier.errors import PlanError
    from simtier.planning import write

    if made.trouble:
        raise PlanError(made.trouble)
    if out is not None:
        write(made, out)
        if not quiet:
            typer.echo(f"written: {out}")
