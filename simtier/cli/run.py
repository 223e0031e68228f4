"""`simtier run`: one scenario, its report, and a summary."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from simtier.cli.options import Changes, Debug, ScenarioFile, Seed, TraceDirectories

Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="Directory of the result, made anew. [default: under reports/]"),
]
Replications = Annotated[
    int | None, typer.Option("--replications", min=1, help="Independent repetitions, in place of the scenario's.")
]
Explain = Annotated[
    int,
    typer.Option(
        "--explain",
        min=0,
        metavar="N",
        help="Keep the first N decisions of the first replication, with what the policies saw.",
    ),
]
Sampled = Annotated[bool, typer.Option("--explain-sampled", help="Keep a uniform sample of decisions, not the first.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print only where the result lies.")]
Json = Annotated[bool, typer.Option("--json", help="Print the summary as JSON and nothing else.")]


def run(
    scenario: ScenarioFile,
    *,
    out: Out = None,
    seed: Seed = None,
    replications: Replications = None,
    changes: Changes = None,
    traces: TraceDirectories = None,
    explain: Explain = 0,
    explain_sampled: Sampled = False,
    quiet: Quiet = False,
    as_json: Json = False,
    _debug: Debug = False,
) -> None:
    """Run a scenario, report and summarise it."""
    if explain_sampled and not explain:
        raise typer.BadParameter("--explain-sampled needs --explain N: how many decisions to keep")
    from simtier import runner
    from simtier.cli.summary import show
    from simtier.cli.watching import progress_bar, stopping
    from simtier.report import write_report
    from simtier.scenario.load import load

    given = {"run.seed": seed, "run.replications": replications}
    loaded = load(scenario, [*(changes or ()), *(f"{path}={n}" for path, n in given.items() if n is not None)])
    with stopping() as stop, progress_bar(shown=not quiet and not as_json) as watch:
        result = runner.run(
            loaded,
            out=out or "auto",
            traces=traces or (),
            explain=explain,
            explain_sampled=explain_sampled,
            watch=watch,
            stop=stop,
            also=write_report,
        )
    if as_json:
        typer.echo(json.dumps(result.summary, indent=2))
    elif quiet:
        typer.echo(str(result.directory))
    else:
        show(result)
    if result.status == "interrupted":
        raise typer.Exit(1)
