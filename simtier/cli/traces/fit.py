"""`simtier traces fit`: the parameters of a look-alike of one's own trace."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from simtier.cli.options import TraceDirectories

Names = Annotated[
    list[str],
    typer.Argument(metavar="NAME_OR_FILE...", help="The trace; of bandwidth several, as rides of one kind."),
]
Out = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="Write the parameters there, as YAML; else print them.")
]


def fit(names: Names, *, out: Out = None, traces: TraceDirectories = None) -> None:
    """Fit the look-alike generator of a trace's family to it, and write its parameters for `simtier traces synthesize`."""
    from simtier.cli.traces.parameters import written
    from simtier.errors import TraceError
    from simtier.traces import read, search_directories
    from simtier.traces.guess import find_any
    from simtier.traces.part import writing
    from simtier.traces.paths import check_new, check_output, expanded
    from simtier.traces.shown import listed
    from simtier.traces.synthesis import fit as fitted

    if out is not None:
        out = expanded(out)
        check_new(out)
        check_output(out)
    directories = search_directories(traces or ())
    found = [find_any(name, directories) for name in names]
    read_ones = [read(each) for each in found]
    family = read_ones[0].family
    if any(each.family != family for each in read_ones):
        raise TraceError(
            f"{listed([each.name for each in found])}: traces of one family can be fitted together, these are of several"
        )
    if len(found) > 1 and family != "bandwidth":
        raise TraceError(f"{len(found)} traces of {family}: a look-alike is fitted to one; several are for bandwidth")
    tables = [each.table for each in read_ones]
    functions = found[0].functions() if family == "rates" else None
    made = fitted(family, tables if family == "bandwidth" else tables[0], functions=functions)
    text = written(made, source=", ".join(f"{each.found.name} ({each.sha256[:12]})" for each in read_ones))
    if out is None:
        typer.echo(text, nl=False)
        return
    with writing(out):
        out.write_text(text, encoding="utf-8")
    typer.echo(
        f"Parameters of {type(made).__name__} written to {out}; use them with simtier traces synthesize --parameters {out}"
    )
