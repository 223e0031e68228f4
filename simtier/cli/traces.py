"""`simtier traces list` and `samples`: what can be replayed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from simtier.cli.options import TraceDirectories

app = typer.Typer(no_args_is_help=True, help="The public traces that scenarios can name.")

Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Where to write.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of all random numbers.")]


@app.command("list")
def list_(*, traces: TraceDirectories = None) -> None:
    """List every trace found, and the directories searched."""
    from simtier.cli.tables import console, table
    from simtier.traces import available, search_directories

    directories = search_directories(traces or ())
    found = available(directories)
    console().print(table("Traces", ["name", "file"], [[name, trace.label] for name, trace in found.items()]))
    searched = ", ".join(map(str, directories)) or "nothing"
    typer.echo(f"Searched: {searched}. Name more with --traces or SIMTIER_TRACES.")


@app.command("samples")
def samples(out: Out, *, seed: Seed = 1) -> None:
    """Write generated look-alikes of the public traces, with their formats and published statistics."""
    from simtier.streams import Streams
    from simtier.traces import write_samples

    for path in write_samples(out, Streams(seed).stream):
        typer.echo(str(path))
