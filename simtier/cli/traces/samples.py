"""`simtier traces samples`: the look-alikes that the checkout ships."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Where to write.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of all random numbers.")]


def samples(out: Out, *, seed: Seed = 1) -> None:
    """Write the look-alikes that simtier ships: public traces' formats and published statistics, generated."""
    from simtier.streams import Streams
    from simtier.traces.paths import expanded
    from simtier.traces.samples import write_samples

    for path in write_samples(expanded(out), Streams(seed).stream):
        typer.echo(str(path))
