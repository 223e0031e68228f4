"""`simtier report`: the page of a result, made anew."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from simtier.cli.options import Debug

Directory = Annotated[
    Path, typer.Argument(metavar="DIR", help="A result's directory.", exists=True, file_okay=False, dir_okay=True)
]


def report(directory: Directory, *, _debug: Debug = False) -> None:
    """Write the page of a result again."""
    from simtier.report import write_report

    write_report(directory)
    typer.echo(str(directory))
