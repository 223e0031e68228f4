"""`simtier capacity`: the largest rate of requests at which an objective is kept."""

from __future__ import annotations

import json
import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simtier.cli.options import Changes, Dask, Debug, ScenarioFile, Seed, TraceDirectories, WorkerCount

if TYPE_CHECKING:
    from simtier.study.capacity.found import Capacity

Rates = Annotated[
    str,
    typer.Option(
        "--rate",
        metavar="LOW..HIGH",
        help="Between which rates to look, such as 1..200, in requests/s of the workload.",
    ),
]
WorkloadName = Annotated[
    str | None, typer.Option("--workload", metavar="NAME", help="Whose rate, if there are several workloads.")
]
Objective = Annotated[
    str | None,
    typer.Option(
        "--slo",
        metavar="TARGETS",
        help="Change the `slo` of the workload's application, such as 'latency: 200 ms, percentile: 99'.",
    ),
]
Precision = Annotated[
    str, typer.Option("--precision", metavar="SHARE", help="How narrow the answer is to be, as a share of the rate.")
]
Replications = Annotated[int, typer.Option("--replications", min=2, metavar="N", help="At most so many at each rate.")]
Alpha = Annotated[float, typer.Option("--alpha", metavar="RATE", help="Error rate of all verdicts together.")]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="DIR", help="Directory of the plot and the data, made anew. [default: under reports/]"
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print what was found as JSON and nothing else.")]


def capacity(
    scenario: ScenarioFile,
    *,
    rate: Rates,
    workload: WorkloadName = None,
    slo: Objective = None,
    precision: Precision = "2%",
    replications: Replications = 50,
    alpha: Alpha = 0.05,
    changes: Changes = None,
    seed: Seed = None,
    workers: WorkerCount = None,
    dask: Dask = None,
    traces: TraceDirectories = None,
    out: Out = None,
    as_json: Json = False,
    _debug: Debug = False,
) -> None:
    """Find the largest rate at which an application keeps its objective, with confidence."""
    from simtier.cli.tables import console
    from simtier.cli.watching import count_bar, stopping
    from simtier.report.capacity import as_document, write_capacity
    from simtier.results import require_new
    from simtier.scenario.changes import pairs
    from simtier.study import Base
    from simtier.study import workers as hire
    from simtier.study.capacity.found import Sought
    from simtier.study.capacity.rates import objective, rates
    from simtier.study.capacity.search import capacity as find
    from simtier.study.shares import error_rate, share

    sought = Sought(*rates(rate), workload, share(precision, "--precision"), error_rate(alpha), replications)
    sought.require_sense()
    folder = out or Path("reports") / "capacities" / f"{scenario.stem}-{time.strftime('%Y%m%d-%H%M%S')}"
    require_new(folder)
    base = Base.load(scenario, traces or ())
    common = (*pairs(changes or ()), *((("run.seed", str(seed)),) if seed is not None else ()))
    if slo is not None:
        common = (*common, *objective(base.scenario(common), workload, slo))
    with (
        stopping("what is under way is given up") as stop,
        count_bar("replications", shown=not as_json) as draw,
        hire(workers, dask) as hired,
    ):
        found = find(base, sought, common, workers=hired, watch=draw, stop=stop)
    if as_json:
        typer.echo(json.dumps(as_document(found), indent=1))
    else:
        _show(found)
    # Only now, so that a full disk does not keep the answer from whoever waited for it.
    written = write_capacity(found, folder, how_made=shlex.join(["simtier", *sys.argv[1:]]))
    if not as_json:
        console().print(f"written: {written}", soft_wrap=True)


def _show(found: Capacity) -> None:
    from simtier.cli.tables import console, table
    from simtier.report.numbers import percent, promised

    rows = [
        [
            f"{each.rate:g}",
            f"{percent(each.mean)}",
            f"{percent(max(each.low, 0))} to {percent(min(each.high, 1))}",
            str(len(each.attainments)),
            each.verdict,
        ]
        for each in found.rates
    ]
    screen = console()
    screen.print(
        f"objective: {found.share * 100:g} % of the requests of {found.app} {promised(found.objective)}\n",
        soft_wrap=True,
    )
    columns = ("requests/s", "in time", "interval", "replications", "objective")
    screen.print(table(f"rates of {found.workload}", columns, rows, text=("objective",)))
    screen.print(_answer(found), soft_wrap=True)
    counted = found.duration_s - found.warmup_s
    screen.print(
        f"Each replication counts the requests of {counted:g} s; beyond saturation the share in time depends on that length.",
        soft_wrap=True,
    )
    for note in found.notes:
        screen.print(f"note: {note}", soft_wrap=True)


def _answer(found: Capacity) -> str:
    sure = f"error rate {found.sought.alpha:g}"
    if found.kept is None:
        missed = "" if found.missed is None else f", and {found.missed:g} requests/s is shown to miss it"
        return f"No rate asked is shown to keep the objective{missed} ({sure})."
    above = "" if found.missed is None else f"; {found.missed:g} requests/s misses it"
    each = "" if found.per_accelerator is None else f", {found.per_accelerator:.3g} for each accelerator"
    return f"Capacity: {found.kept:g} requests/s keeps the objective{each}{above} ({sure})."
