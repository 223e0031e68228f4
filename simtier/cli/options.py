"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from simtier.cli.errors import DEBUG


def _remember(ctx: typer.Context, *, value: bool) -> bool:
    if value:
        ctx.meta[DEBUG] = True
    return value


ScenarioFile = Annotated[Path, typer.Argument(metavar="SCENARIO", help="The scenario, a YAML file.")]
Changes = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="PATH=VALUE", help="Change one value, such as links.uplink.latency='50 ms'; repeatable."
    ),
]
TraceDirectories = Annotated[
    list[Path] | None,
    typer.Option("--traces", metavar="DIR", help="Look for traces here first; repeatable."),
]
WorkerCount = Annotated[
    int | None,
    typer.Option("--workers", min=1, metavar="N", help="Processes that simulate side by side. [default: one a core]"),
]
Dask = Annotated[
    str | None,
    typer.Option(
        "--dask", metavar="ADDRESS", help="Simulate on the Dask cluster of this scheduler, such as tcp://10.0.0.1:8786."
    ),
]
Seed = Annotated[
    int | None, typer.Option("--seed", min=0, help="Seed of all random numbers, in place of the scenario's.")
]
Debug = Annotated[bool, typer.Option("--debug", callback=_remember, help="Show the traceback of an error.")]
