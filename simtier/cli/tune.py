"""`simtier tune`: the best parameters of a policy in a scenario, and what they gain where the search has not looked."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from simtier.cli.options import Changes, Debug, ScenarioFile, TraceDirectories

if TYPE_CHECKING:
    from simtier.search.tuning import Trial, Tuned


class Direction(StrEnum):
    """Which way a metric is better."""

    LOWER = "lower"
    HIGHER = "higher"


Policy = Annotated[
    str,
    typer.Option("--policy", metavar="FIELD", help="Where the policy stands, such as services.front.policies.routing."),
]
Params = Annotated[
    list[str],
    typer.Option(
        "--param",
        metavar="NAME=LOW..HIGH",
        help="A parameter: NAME=LOW..HIGH, the same with ' log' behind it, or NAME=A,B,C; repeatable.",
    ),
]
Metric = Annotated[str, typer.Option("--metric", metavar="NAME", help="What to make better, such as latency_s.p95.")]
Better = Annotated[
    Direction | None, typer.Option("--better", help="Which way it is better, if its name does not tell.")
]
Trials = Annotated[int, typer.Option("--trials", min=1, max=100_000, help="How many settings to try.")]
Seed = Annotated[
    int, typer.Option("--seed", min=0, max=2**32 - 1, help="Seed of the search; requests are the scenario's own.")
]
Fresh = Annotated[int, typer.Option("--fresh", min=2, max=10_000, help="Other replications to measure the gain in.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
_SHOWN = 5


def tune(
    scenario: ScenarioFile,
    policy: Policy,
    params: Params,
    metric: Metric,
    *,
    better: Better = None,
    trials: Trials = 30,
    seed: Seed = 1,
    fresh: Fresh = 10,
    changes: Changes = None,
    traces: TraceDirectories = None,
    as_json: Json = False,
    _debug: Debug = False,
) -> None:
    """Search the best parameters of a policy, and measure what they gain on other requests.

    All trials face the same requests. What the best of them gains there is partly luck; the gain that counts is that in replications
    the search has not seen, against the policy as the scenario has it.
    """
    from simtier.search.tuning import Question, tune

    question = Question(
        scenario=scenario,
        changes=tuple(changes or ()),
        field=policy,
        params=tuple(params),
        metric=metric,
        better=better.value if better is not None else None,
        trials=trials,
        seed=seed,
        fresh=fresh,
        traces=tuple(traces or ()),
    )
    found = tune(question, None if as_json else lambda trial: _watch(trial, trials))
    if as_json:
        typer.echo(json.dumps(described(found), indent=2, allow_nan=False))
    else:
        _show(found)


def _watch(trial: Trial, trials: int) -> None:
    value = "failed" if trial.value is None else f"{trial.value:.6g}"
    typer.echo(f"trial {trial.number + 1} of {trials}: {_written(trial.parameters)}: {value}", err=True)


def _show(found: Tuned) -> None:
    from simtier.cli.tables import console, table

    order = sorted(
        (trial for trial in found.trials if trial.value is not None),
        key=lambda trial: (-found.sign * (trial.value or 0.0), trial.number),
    )
    rows = [[str(trial.number + 1), _written(trial.parameters), f"{trial.value:.6g}"] for trial in order[:_SHOWN]]
    title = f"{found.use}: best of {len(found.trials)} trials, {found.metric} ({found.better} is better)"
    console().print(table(title, ["trial", "parameters", found.metric], rows, text=("parameters",)))
    failed = [trial for trial in found.trials if trial.value is None]
    if failed:
        typer.echo(f"{len(failed)} trials failed, the first because {failed[0].trouble}")
    fresh = found.fresh
    low, high = sorted((found.sign * fresh.low, found.sign * fresh.high))
    typer.echo(
        f"In the search's own {_replications(found.replications)} the best gains {_amount(found.gained_in_search, found.before)}, "
        "which flatters it: it was chosen there."
    )
    typer.echo(
        f"In {_replications(fresh.n)} that the search has not seen it gains {_amount(found.sign * fresh.difference, fresh.base)}, "
        f"95 % interval {low:.4g} to {high:.4g}: {_verdict(low, high)}."
    )
    typer.echo(f"To use it: --set '{found.change}'")


def _verdict(low: float, high: float) -> str:
    if low > 0:
        return "better than the policy as it was"
    return "worse than the policy as it was" if high < 0 else "no difference shown"


def _amount(gain: float, base: float) -> str:
    share = f" ({gain / abs(base):+.2%})" if base else ""
    return f"{gain:.4g}{share}"


def _replications(number: int) -> str:
    return "1 replication" if number == 1 else f"{number} replications"


def _written(parameters: Any) -> str:
    return ", ".join(f"{name}={value}" for name, value in parameters.items())


def described(found: Tuned) -> dict[str, Any]:
    """Return what was found as plain data."""
    from dataclasses import asdict
    from math import isfinite

    fresh = {
        name: value if not isinstance(value, float) or isfinite(value) else None
        for name, value in asdict(found.fresh).items()
    }
    return {
        "scenario": str(found.question.scenario),
        "field": found.question.field,
        "policy": found.use,
        "metric": found.metric,
        "better": found.better,
        "seed": found.question.seed,
        "best": dict(found.best.parameters),
        "set": found.change,
        "before": found.before,
        "in_search": found.best.value,
        "gain_in_search": found.gained_in_search,
        "search_replications": found.replications,
        "gain": found.sign * found.fresh.difference,
        "fresh": fresh,
        "trials": [asdict(trial) for trial in found.trials],
    }
