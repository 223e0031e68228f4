"""`simtier sweep`: every cell of a study, on local processes or a Dask cluster."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simtier.cli.options import Changes, Dask, Debug, TraceDirectories, WorkerCount

if TYPE_CHECKING:
    from simtier.study.sweep import Swept

StudyFile = Annotated[Path, typer.Argument(metavar="STUDY", help="The study, a YAML file.")]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="The study's directory. [default: reports/studies/<its name>]"),
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Go on with a study that was stopped: finished cells are not played again.")
]
Retry = Annotated[bool, typer.Option("--retry", help="With --resume: play cells again that failed.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print only where the study lies.")]


def sweep(
    study: StudyFile,
    *,
    out: Out = None,
    workers: WorkerCount = None,
    dask: Dask = None,
    resume: Resume = False,
    retry: Retry = False,
    changes: Changes = None,
    traces: TraceDirectories = None,
    quiet: Quiet = False,
    _debug: Debug = False,
) -> None:
    """Play every cell of a study and write its table and report."""
    if retry and not resume:
        raise typer.BadParameter("--retry goes with --resume: it plays failed cells of an earlier sweep again")
    from simtier.cli.studies_shown import show_swept
    from simtier.cli.watching import count_bar, stopping
    from simtier.report.study import write_study_report
    from simtier.scenario.changes import pairs
    from simtier.study.file import Study
    from simtier.study.sweep import failures
    from simtier.study.sweep import sweep as play
    from simtier.study.workers import workers as hire

    loaded = Study.load(study).changed(dict(pairs(changes or [])))
    folder = out or Path("reports") / "studies" / loaded.name
    with (
        stopping("what is under way is given up, finished cells are kept") as stop,
        count_bar("replications", shown=not quiet) as draw,
        hire(workers, dask) as hired,
    ):

        def watch(swept: Swept) -> None:
            draw(swept.played, swept.to_play, f"{swept.failed} failed" if swept.failed else "")

        swept = play(
            loaded, folder, workers=hired, traces=traces or (), resume=resume, retry=retry, watch=watch, stop=stop
        )
    if swept.finished:
        write_study_report(folder)
    failed = failures(folder) if swept.done else 0
    if quiet:
        typer.echo(str(folder))
        if failed:
            typer.echo(f"{failed} replications failed, as their rows and the report say", err=True)
    else:
        show_swept(folder, swept)
    if not swept.finished or failed:
        raise typer.Exit(1)
