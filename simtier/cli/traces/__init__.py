"""`simtier traces`: what can be replayed, what it is, and how to get it; one command a file."""

from __future__ import annotations

import typer

from simtier.cli.traces.fetch import fetch
from simtier.cli.traces.fit import fit
from simtier.cli.traces.import_ import import_
from simtier.cli.traces.info import info
from simtier.cli.traces.list import list_
from simtier.cli.traces.samples import samples
from simtier.cli.traces.synthesize import synthesize

app = typer.Typer(no_args_is_help=True, help="The public traces that scenarios can name.")
app.command("list")(list_)
app.command("info")(info)
app.command("import")(import_)
app.command("fetch")(fetch)
app.command("synthesize")(synthesize)
app.command("fit")(fit)
app.command("samples")(samples)
