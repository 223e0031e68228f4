"""`simtier compare`: variants of a scenario, or results that are there, with confidence."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simtier.cli.options import Changes, Dask, Debug, Seed, TraceDirectories, WorkerCount

if TYPE_CHECKING:
    from simtier.study import Asked, Compared

Targets = Annotated[
    list[Path],
    typer.Argument(metavar="SCENARIO|DIR DIR...", help="A scenario file, or two or more directories of results."),
]
Vary = Annotated[
    list[str] | None,
    typer.Option(
        "--vary",
        metavar="FIELD=A,B",
        help="What differs between the variants, such as policies.scheduling=fifo,earliest_deadline; the first is the base. "
        "Repeatable: then every combination.",
    ),
]
Metrics = Annotated[
    list[str] | None,
    typer.Option(
        "--metric",
        metavar="NAME",
        help="A metric, its ending, or a pattern with *; repeatable. [default: latency, attainment, energy, cost]",
    ),
]
Replications = Annotated[
    int | None,
    typer.Option(
        "--replications",
        min=1,
        metavar="N",
        help="Replications of each variant; with --precision, at most. 1 compares by batches of one long run. [default: 5, or 200]",
    ),
]
Precision = Annotated[
    str | None,
    typer.Option(
        "--precision",
        metavar="SHARE",
        help="Stop when every difference is known to this share of the base, such as 2%.",
    ),
]
Alpha = Annotated[float, typer.Option("--alpha", metavar="RATE", help="Error rate of the verdicts of a metric.")]
WarmUp = Annotated[
    str | None,
    typer.Option(
        "--warmup",
        metavar="TIME",
        help="Leave out requests that arrive earlier: a time, or `auto` to find it (MSER-5).",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="Directory of the page, made anew. [default: under reports/]"),
]
Json = Annotated[bool, typer.Option("--json", help="Print the comparison as JSON and nothing else.")]


def compare(
    targets: Targets,
    *,
    vary: Vary = None,
    metrics: Metrics = None,
    replications: Replications = None,
    precision: Precision = None,
    alpha: Alpha = 0.05,
    warmup: WarmUp = None,
    changes: Changes = None,
    seed: Seed = None,
    workers: WorkerCount = None,
    dask: Dask = None,
    traces: TraceDirectories = None,
    out: Out = None,
    as_json: Json = False,
    _debug: Debug = False,
) -> None:
    """Compare variants of a scenario: the same requests for all, differences with intervals, a verdict in words."""
    from simtier.cli.compare_shown import show_compared
    from simtier.report.comparison import as_document, write_comparison
    from simtier.results import require_new
    from simtier.study import Asked, compare_results
    from simtier.study.shares import error_rate, share

    asked = Asked(
        tuple(metrics or ()),
        replications or (200 if precision else 5),
        None if precision is None else share(precision, "--precision"),
        error_rate(alpha),
    )
    folder = out or Path("reports") / "comparisons" / f"{targets[0].stem}-{time.strftime('%Y%m%d-%H%M%S')}"
    require_new(folder)
    if all(target.is_dir() for target in targets):
        given = {
            "--vary": vary,
            "--set": changes,
            "--precision": precision,
            "--warmup": warmup,
            "--seed": seed,
            "--replications": replications,
        }
        _refuse({name for name, value in given.items() if value is not None})
        compared, question = compare_results(targets, asked), ""
    else:
        if len(targets) != 1:
            raise typer.BadParameter("give one scenario file with --vary, or directories of results")
        compared, question = _play(
            targets[0], vary or [], asked, warmup, changes or [], seed, workers, dask, traces or [], quiet=as_json
        )
    how_made = shlex.join(["simtier", *sys.argv[1:]])
    page = write_comparison(compared, folder, how_made, question=question, scenario=", ".join(map(str, targets)))
    if as_json:
        import json

        typer.echo(json.dumps(as_document(compared), indent=1))
    else:
        show_compared(compared, page)


def _refuse(given: set[str]) -> None:
    if given:
        raise typer.BadParameter(f"{', '.join(sorted(given))} means nothing for results that are there: leave it out")


def _play(
    scenario: Path,
    vary: list[str],
    asked: Asked,
    warmup: str | None,
    changes: list[str],
    seed: int | None,
    count: int | None,
    dask: str | None,
    traces: list[Path],
    *,
    quiet: bool,
) -> tuple[Compared, str]:
    """Return the comparison, and the question of the scenario."""
    from simtier.cli.watching import count_bar, stopping
    from simtier.scenario.changes import pairs
    from simtier.study import Base, compare, find_warmup, variants, workers
    from simtier.study.compare import with_warmup
    from simtier.units import parse

    common = (*pairs(changes), *((("run.seed", str(seed)),) if seed is not None else ()))
    base, chosen = Base.load(scenario, traces), variants(vary, tuple(common))
    with (
        stopping("what is under way is given up") as stop,
        count_bar("replications", shown=not quiet) as draw,
        workers(count, dask) as hired,
    ):
        if warmup is not None:
            given = find_warmup(base, chosen, workers=hired, stop=stop) if warmup == "auto" else parse(warmup, "time")
            chosen = with_warmup(chosen, given)
            if warmup == "auto":
                typer.echo(f"Warm-up found: requests of the first {given:.6g} s are left out (MSER-5)", err=True)
        found = compare(base, chosen, asked, workers=hired, watch=draw, stop=stop)
    return found, base.scenario(common).question
