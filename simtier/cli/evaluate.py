"""`simtier evaluate`: one score for a policy, made in a process of its own."""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from simtier.cli.options import Debug, TraceDirectories

if TYPE_CHECKING:
    from simtier.search import Evaluation, Suite

PolicyName = Annotated[
    str,
    typer.Argument(
        metavar="POLICY",
        help="A built-in name, module:Class, file.py:Class, or a file with one policy of the suite's kind.",
    ),
]
SuiteFile = Annotated[Path, typer.Option("--suite", metavar="SUITE", help="The suite, a YAML file.")]
Parameters = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A parameter of the policy; repeatable.")
]
HeldOut = Annotated[
    bool, typer.Option("--held-out", help="Play the held-out cases too; they are no part of the score.")
]
Baselines = Annotated[bool, typer.Option("--baselines", help="Evaluate the suite's baselines too.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


def evaluate(
    policy: PolicyName,
    suite: SuiteFile,
    *,
    parameters: Parameters = None,
    held_out: HeldOut = False,
    baselines: Baselines = False,
    traces: TraceDirectories = None,
    as_json: Json = False,
    _debug: Debug = False,
) -> None:
    """Give a policy one score on a suite, within limits of time and memory.

    The policy's file runs in a process of its own, which is killed with all that it started when a limit is passed; that keeps mistakes
    in, not malice. The exit code is 1 if the policy is not valid.
    """
    from simtier.cli.parameters import given
    from simtier.search import evaluate_policy, load_suite
    from simtier.search.problem import CHEAP, FULL, HELD_OUT

    loaded = load_suite(suite, traces or ())
    stages = (CHEAP, FULL, HELD_OUT) if held_out else (CHEAP, FULL)
    names = loaded.says.baselines if baselines else ()
    with _leaving():
        found = evaluate_policy(policy, loaded, parameters=given(parameters), traces=traces or (), stages=stages)
        others = {name: evaluate_policy(name, loaded, traces=traces or (), stages=stages) for name in names}
    if as_json:
        typer.echo(json.dumps(_described(found, others), indent=2, allow_nan=False))
    else:
        _show(found, loaded, others)
    if not found.valid:
        raise typer.Exit(1)


@contextmanager
def _leaving() -> Iterator[None]:
    """Leave in good order, with all processes ended, when this one is told to end."""

    def leave(number: int, _frame: object) -> None:
        sys.exit(128 + number)

    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may handle signals
        return
    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _described(found: Evaluation, others: dict[str, Evaluation]) -> dict[str, Any]:
    """Return the evaluation as plain data, the score first."""
    data = asdict(found)
    first = {name: data.pop(name) for name in ("score", "valid", "stage", "parts", "held_out", "cases", "failures")}
    beside = {
        name: {"score": each.score, "valid": each.valid, "stage": each.stage, "held_out": each.held_out}
        for name, each in others.items()
    }
    return {**first, **data, **({"baselines": beside} if others else {})}


def _show(found: Evaluation, suite: Suite, others: dict[str, Evaluation]) -> None:
    from simtier.cli.tables import console, table

    rows = [
        [case["name"], case["stage"], f"{case['score']:.4g}", _shown(found.references.get(case["name"], {}))]
        for case in found.cases
    ]
    columns = ["case", "stage", "score", "references"]
    if rows:
        console().print(table(f"{found.policy} on {found.suite}", columns, rows, text=("stage",)))
    for failure in found.failures:
        case = f", case {failure['case']}" if failure["case"] else ""
        typer.echo(f"failed at {failure['stage']}{case}: {failure['error']}")
        for frame in failure["trace"]:
            typer.echo(f"  {frame}")
    if found.printed_bytes:
        typer.echo(f"The policy printed {found.printed_bytes:,} bytes, which end in:\n{found.printed[-500:]}", err=True)
    for name, each in others.items():
        typer.echo(f"{name}: {_scored(each)}")
    below = found.valid and found.stage == "cheap" and suite.says.threshold is not None
    why = f", below the threshold of {suite.says.threshold:g}" if below else ""
    typer.echo(f"score {_scored(found)} (last stage: {found.stage}{why}); {found.seconds:.1f} s")


def _shown(scores: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {score:.4g}" for name, score in scores.items())


def _scored(found: Evaluation) -> str:
    apart = "" if found.held_out is None else f", held out {found.held_out:.4g}"
    return f"{found.score:.4g}{'' if found.valid else ', not valid'}{apart}"
