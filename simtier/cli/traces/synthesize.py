"""`simtier traces synthesize`: a look-alike of a public trace, or of one's own."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from simtier.traces.synthesis import Generator

Name = Annotated[
    str | None,
    typer.Argument(metavar="[NAME]", help="A look-alike's name, such as azure-llm-2023/code; none lists them."),
]
Rows = Annotated[int | None, typer.Option("--rows", min=1, help="How many rows.")]
Duration = Annotated[str | None, typer.Option("--duration", metavar="TIME", help="How long, with its unit: '2 h'.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of all random numbers.")]
Parameters = Annotated[
    Path | None, typer.Option("--parameters", metavar="FILE", help="Parameters that `simtier traces fit` wrote.")
]
As = Annotated[str | None, typer.Option("--as", metavar="NAME", help="What to call it, dataset/item; else NAME.")]
Into = Annotated[Path, typer.Option("--into", metavar="DIR", help="The traces directory to put it in.")]


def synthesize(
    name: Name = None,
    *,
    rows: Rows = None,
    duration: Duration = None,
    seed: Seed = 1,
    parameters: Parameters = None,
    called: As = None,
    into: Into = Path("synthesized"),
) -> None:
    """Generate a look-alike, as Parquet that scenarios can replay; the same seed gives the same rows."""
    from simtier.cli.traces.stopping import tidy
    from simtier.errors import TraceError
    from simtier.streams import Streams
    from simtier.traces.convert import target_for, write_generated
    from simtier.traces.datasets import DATASETS
    from simtier.traces.paths import check_new

    if name is None and parameters is None:
        _list()
        return
    if name is not None and parameters is not None:
        raise TraceError("a look-alike is made by NAME or from --parameters, not both; --as says what to call it")
    generator = _generator(name, parameters)
    known = called or (name if name is not None and "/" in name and name.partition("/")[0] in DATASETS else None)
    if known is None:
        raise TraceError("say by --as what to call it, for example own/mine")
    if rows is None and duration is None:
        raise TraceError("say how much: --rows, --duration, or both")
    target = target_for(known, into)
    check_new(target)
    streams = Streams(seed)
    made = generator.generate(
        lambda purpose: streams.stream(f"traces/{known}/{purpose}"), rows=rows, duration_s=_seconds(duration)
    )
    try:
        with tidy():
            done = write_generated(target, made, f"{name or parameters} with seed {seed}")
    except MemoryError as error:
        raise TraceError(
            f"{name or parameters}: takes more memory than there is: make its parameters smaller"
        ) from error
    typer.echo(f"{known}: {done.rows:,} generated rows in {done.path}; use it with --traces {into}")


def _generator(name: str | None, parameters: Path | None) -> Generator:
    from simtier.cli.traces.parameters import load
    from simtier.errors import TraceError, did_you_mean
    from simtier.traces.paths import quoted
    from simtier.traces.synthesis import GENERATORS

    if parameters is not None:
        return load(parameters)
    if name is None or name not in GENERATORS:
        raise TraceError(
            f"no look-alike {quoted(str(name))}{did_you_mean(str(name), GENERATORS)}; `simtier traces synthesize` lists them"
        )
    return GENERATORS[name].parameters


def _seconds(duration: str | None) -> float | None:
    """Return how long; raises TraceError or UnitError for what is no length of time."""
    from simtier.errors import TraceError
    from simtier.traces.shown import LONGEST, shown
    from simtier.traces.synthesis.generator import LONGEST_S
    from simtier.units import parse

    if duration is None:
        return None
    value = parse(duration, "time") if len(duration) <= LONGEST else math.inf
    if not 0 < value <= LONGEST_S:
        raise TraceError(f"--duration {shown(duration)}: expected a time above 0, a century at most, such as '2 h'")
    return value


def _list() -> None:
    from simtier.cli.tables import console, table
    from simtier.traces.synthesis import GENERATORS

    columns = ["look-alike", "family", "made from"]
    rows = [[name, each.family, each.notes] for name, each in GENERATORS.items()]
    console().print(table("Look-alikes", columns, rows, text=columns))
