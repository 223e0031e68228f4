"""The command line: `simtier run`, `compare`, `sweep`, `check` and the others.

Results go to stdout, progress and errors to stderr. The exit code is 0 when all is done, 1 when something failed or was
interrupted, 2 when the scenario or the command is wrong, 130 when a second Ctrl-C aborted. Each command is a file in this folder.
"""

from __future__ import annotations

import typer

from simtier.cli import (
    capacity,
    catalogue,
    check,
    compare,
    evaluate,
    models,
    plan,
    policies,
    report,
    run,
    schema,
    shard,
    sweep,
    traces,
    tune,
    validate,
)
from simtier.cli.errors import Group
from simtier.cli.options import Debug

app = typer.Typer(
    name="simtier",
    cls=Group,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def simtier(*, _debug: Debug = False) -> None:
    """Simulate machine-learning applications over devices, edge servers and clouds, and compare policies."""


app.command("run")(run.run)
app.command("validate")(validate.validate)
app.command("compare")(compare.compare)
app.command("capacity")(capacity.capacity)
app.command("sweep")(sweep.sweep)
app.command("shard")(shard.shard)
app.command("check")(check.check)
app.command("plan")(plan.plan)
app.command("schema")(schema.schema)
app.command("report")(report.report)
app.command("evaluate")(evaluate.evaluate)
app.command("tune")(tune.tune)
app.command("hardware")(catalogue.hardware)
app.add_typer(models.app, name="models")
app.add_typer(policies.app, name="policies")
app.add_typer(traces.app, name="traces")


def main() -> None:
    """Run the command line; the process ends with its exit code."""
    app()
