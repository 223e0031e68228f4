"""`simtier traces fetch`: the official files, from their public addresses to where simtier looks for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from simtier.traces.official import FileProgress, OfficialFile

Name = Annotated[str, typer.Argument(metavar="NAME", help="A dataset, or one item of it: azure-llm-2023/conv.")]
Into = Annotated[
    Path, typer.Option("--into", metavar="DIR", help="The traces directory; scenarios find it by --traces.")
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Show no progress.")]
Show = Annotated[bool, typer.Option("--show", help="Only show the files, their addresses and what speaks for them.")]


def fetch(name: Name, *, into: Into = Path("traces"), quiet: Quiet = False, show: Show = False) -> None:
    """Download the official files of a dataset; resumes, and checks size and hash where they are known."""
    from simtier.report.numbers import quantity
    from simtier.traces.official import fetch as fetch_files
    from simtier.traces.official import official_files
    from simtier.traces.paths import expanded

    if show:
        for file in official_files(name):
            _show(file)
        return
    with _bars(quiet=quiet) as progress:
        done = fetch_files(name, expanded(into), progress=progress)
    for each in done:
        typer.echo(f"{each.path}: {quantity(each.size, 'B')}, SHA-256 {each.sha256}")


def _show(file: OfficialFile) -> None:
    from simtier.report.numbers import quantity

    known = [quantity(file.size, "B")] if file.size is not None else []
    known += [f"SHA-256 {file.sha256}"] if file.sha256 else []
    typer.echo(f"{file.folder}/{file.filename}: {file.url or 'no address that a program may ask'}")
    for line in (", ".join(known), file.sure, file.note):
        if line:
            typer.echo(f"  {line}")


@contextmanager
def _bars(*, quiet: bool) -> Iterator[FileProgress]:
    """Give a progress bar to each file, on stderr; none if `quiet` or if stderr is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    tasks: dict[str, TaskID] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=quiet or not console.is_terminal) as bars:

        def tell(file: OfficialFile, done: int, total: int | None) -> None:
            if file.filename not in tasks:
                tasks[file.filename] = bars.add_task(file.filename, total=total)
            bars.update(tasks[file.filename], completed=done, total=total)

        yield tell
