"""`simtier check`: a scenario against its baseline; the command that guards a policy in CI."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simtier.cli.options import Changes, Dask, Debug, ScenarioFile, Seed, TraceDirectories, WorkerCount

if TYPE_CHECKING:
    from simtier.study.check.baseline import Rule
    from simtier.study.check.guard import Checked, Guard
    from simtier.study.task import Base
    from simtier.study.workers import Workers

BaselineFile = Annotated[
    Path, typer.Option("--baseline", metavar="FILE", help="The baseline, a JSON file to keep beside the scenario.")
]
Update = Annotated[bool, typer.Option("--update", help="Make the baseline anew; its rules are kept.")]
Metrics = Annotated[
    list[str] | None,
    typer.Option(
        "--metric",
        metavar="NAME",
        help="With --update: guard this metric, its ending, or a pattern with *; repeatable.",
    ),
]
Tolerances = Annotated[
    list[str] | None,
    typer.Option(
        "--tolerance",
        metavar="NAME=SHARE",
        help="With --update: the metric's mean may be so much worse, such as cost_usd=2% (a number without % is in the metric's unit), and is not tested; repeatable.",
    ),
]
Margins = Annotated[
    list[str] | None,
    typer.Option(
        "--margin",
        metavar="NAME=SHARE",
        help="With --update: the metric may be shown to be so much worse, such as 1% (a number without % is in the metric's unit); repeatable.",
    ),
]
Alpha = Annotated[
    float | None,
    typer.Option(
        "--alpha",
        metavar="RATE",
        help="With --update: how often an unchanged policy may be flagged, in all metrics together. [default: 0.05]",
    ),
]
Replications = Annotated[
    int | None,
    typer.Option(
        "--replications",
        min=1,
        metavar="N",
        help="How many to play; a check plays no more than the baseline has. [default: the baseline's; of a new one the scenario's, or 5 if that is one]",
    ),
]
Strict = Annotated[
    bool, typer.Option("--strict", help="Fail if any replication takes another course, whatever the metrics say.")
]
Junit = Annotated[Path | None, typer.Option("--junit", metavar="FILE", help="Write the verdicts as JUnit XML.")]
GitHub = Annotated[
    bool | None,
    typer.Option(
        "--github/--no-github", help="Print annotations for GitHub Actions. [default: where GITHUB_ACTIONS is true]"
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print the check as JSON and nothing else.")]


def check(
    scenario: ScenarioFile,
    *,
    baseline: BaselineFile,
    update: Update = False,
    metrics: Metrics = None,
    tolerances: Tolerances = None,
    margins: Margins = None,
    alpha: Alpha = None,
    replications: Replications = None,
    seed: Seed = None,
    changes: Changes = None,
    strict: Strict = False,
    junit: Junit = None,
    github: GitHub = None,
    workers: WorkerCount = None,
    dask: Dask = None,
    traces: TraceDirectories = None,
    as_json: Json = False,
    _debug: Debug = False,
) -> None:
    """Check that a policy did not get worse than its baseline says.

    The exit code is 1 if it did, 2 if it cannot be told. With another --seed than the baseline's other requests are compared.
    """
    from simtier.cli.watching import count_bar, stopping
    from simtier.scenario.changes import pairs
    from simtier.study.check.guard import Guard
    from simtier.study.task import Base
    from simtier.study.workers import workers as hire

    guarding = {"--metric": metrics, "--tolerance": tolerances, "--margin": margins, "--alpha": alpha}
    judging = {"--strict": strict, "--junit": junit, "--github": github, "--json": as_json}
    meaningless = [name for name, value in (judging if update else guarding).items() if value]
    if meaningless:
        raise typer.BadParameter(f"{', '.join(meaningless)}: {'leave it out of' if update else 'goes with'} --update")
    guard = Guard(tuple(metrics or ()), _rules(tolerances, margins), alpha, seed, replications)
    base, changed = Base.load(scenario, traces or ()), tuple(pairs(changes or ()))
    with (
        stopping("nothing is checked") as stop,
        count_bar("replications", shown=not as_json) as draw,
        hire(workers, dask) as hired,
    ):
        if update:
            _update(base, baseline, guard, changed, hired, draw, stop)
            return
        from simtier.study.check.guard import check as play

        found = play(
            base,
            baseline,
            changed,
            seed=seed,
            replications=replications,
            strict=strict,
            workers=hired,
            watch=draw,
            stop=stop,
        )
    _tell(found, as_json=as_json, github=os.environ.get("GITHUB_ACTIONS") == "true" if github is None else github)
    if junit is not None:
        _write(found, junit)
    if found.failed:
        raise typer.Exit(1)


def _rules(tolerances: list[str] | None, margins: list[str] | None) -> dict[str, Rule]:
    from simtier.study.check.baseline import Rule, tolerance
    from simtier.study.check.given import merged

    rules: dict[str, dict[str, Rule]] = {"mean": {}, "worse": {}}
    for option, test, texts in (("--tolerance", "mean", tolerances), ("--margin", "worse", margins)):
        for text in texts or ():
            name, sign, amount = text.rpartition("=")
            if not sign or not name.strip():
                raise typer.BadParameter(f"{option} {text}: write it as NAME=SHARE, such as latency_s.mean=2%")
            if name.strip() in rules[test]:
                raise typer.BadParameter(f"{option} {text}: {name.strip()} has another {option} already")
            rules[test][name.strip()] = Rule.model_validate({"test": test, "tolerance": tolerance(amount)})
    return merged(rules["mean"], rules["worse"])


def _update(
    base: Base,
    path: Path,
    guard: Guard,
    changes: tuple[tuple[str, str], ...],
    workers: Workers,
    watch: Callable[[int, int, str], object],
    stop: Callable[[], bool],
) -> None:
    from simtier.study.check.baseline import load, save
    from simtier.study.check.guard import make, way_out
    from simtier.study.check.words import updated

    before = load(path, way_out(base, path)) if path.exists() else None
    made = make(base, guard, before, changes, workers=workers, watch=watch, stop=stop)
    for line in updated(before, made):
        typer.echo(line)
    if made == before:
        typer.echo(f"{path} stays as it is: nothing changed")
        return
    save(path, made)
    typer.echo(
        f"{path} is written: {made.replications} replications, seed {made.seed}; review it and keep it beside the scenario"
    )


def _tell(found: Checked, *, as_json: bool, github: bool) -> None:
    from simtier.cli.tables import console, table
    from simtier.study.check.reports import as_data, for_github
    from simtier.study.check.words import COLUMNS, conclusion, row, sentence

    if as_json:
        typer.echo(json.dumps(as_data(found), indent=1, allow_nan=False))
    else:
        console().print(
            table(f"{found.scenario} against {found.baseline}", COLUMNS, map(row, found.metrics), text=("verdict",))
        )
        for line in [*(sentence(each) for each in found.metrics if each.failed), *conclusion(found)]:
            typer.echo(line)
    if github:
        for line in for_github(found):
            typer.echo(line, err=as_json)


def _write(found: Checked, junit: Path) -> None:
    """Write the JUnit XML once the verdict is told; if that fails, the exit code stays 1 for a regression, and is 2 without one."""
    from simtier.errors import ResultError, StudyError
    from simtier.study.check.reports import as_junit
    from simtier.whole import write_whole

    try:
        write_whole(junit, as_junit(found).encode(), "the check itself is told above")
    except ResultError as error:
        if found.failed:
            raise
        raise StudyError(str(error)) from error
