"""Suites as evaluators of OpenEvolve and of searches that call like it.

Its evaluator file has `evaluate(program_path)` and, for `cascade_evaluation`, `evaluate_stage1` and `evaluate_stage2`; each returns a dict
of numbers with a `combined_score`, higher being better, or an `EvaluationResult` with texts beside them (`artifacts`). Source: the project's
`openevolve/evaluator.py` and `openevolve/evaluation_result.py`.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from simtier.errors import StudyError
from simtier.search.evaluation import Evaluation, evaluate_policy
from simtier.search.problem import CHEAP, FULL
from simtier.search.suite import load_suite

SUITE_VARIABLE = "SIMTIER_SUITE"
"""The environment variable that names the suite of the plain `evaluate`."""


class Evaluator(NamedTuple):
    """The functions of an evaluator file, each of a program's path.

    Attributes:
        evaluate: the cheap stage, then, if the suite's threshold is reached, the full one.
        evaluate_stage1: the cheap stage.
        evaluate_stage2: the full stage.
    """

    evaluate: Callable[[str], Any]
    evaluate_stage1: Callable[[str], Any]
    evaluate_stage2: Callable[[str], Any]


def evaluator(suite: Path | str, *, traces: Sequence[Path] = ()) -> Evaluator:
    """Return the functions that evaluate a policy file on `suite`, as an evaluator file needs them.

    They return what `metrics` returns; where OpenEvolve is installed, its `EvaluationResult` with the failures and the cases as artifacts.

    Args:
        suite: the suite file.
        traces: directories in which traces are looked for first.

    Raises ScenarioError for a wrong suite file.
    """
    loaded = load_suite(suite, traces)

    def playing(stages: Sequence[str], *, threshold: bool) -> Callable[[str], Any]:
        def play(program_path: str) -> Any:
            return _result(
                evaluate_policy(str(program_path), loaded, traces=traces, stages=stages, threshold=threshold)
            )

        return play

    return Evaluator(
        playing((CHEAP, FULL), threshold=True), playing((CHEAP,), threshold=False), playing((FULL,), threshold=False)
    )


def evaluate(program_path: str) -> Any:
    """Return the metrics of the policy in the file, on the suite that the environment variable SIMTIER_SUITE names.

    Raises StudyError without the variable, ScenarioError for a wrong suite file.
    """
    suite = os.environ.get(SUITE_VARIABLE)
    if not suite:
        raise StudyError(f"{SUITE_VARIABLE} is not set: it names the suite file, such as suites/routing.yaml")
    return evaluator(suite).evaluate(program_path)


def metrics(evaluation: Evaluation) -> dict[str, float]:
    """Return an evaluation as numbers: `combined_score` (the score), `valid` (1 or 0), and its parts."""
    return {"combined_score": evaluation.score, "valid": float(evaluation.valid), **evaluation.parts}


def artifacts(evaluation: Evaluation) -> dict[str, str]:
    """Return an evaluation as texts: the stage, what went wrong, the cases, and the end of what the policy printed."""
    found = {"stage": evaluation.stage, "cases": json.dumps(list(evaluation.cases))}
    if evaluation.failures:
        found["failures"] = "\n".join(_told(failure) for failure in evaluation.failures)
    if evaluation.printed:
        found["printed"] = evaluation.printed
    return found


def _told(failure: Mapping[str, Any]) -> str:
    where = f"{failure['stage']}, case {failure['case']}" if failure["case"] else failure["stage"]
    return "\n".join([f"{where}: {failure['error']}", *(f"  {frame}" for frame in failure["trace"])])


def _result(evaluation: Evaluation) -> Any:
    """Return OpenEvolve's own kind of result where it is installed, else the metrics."""
    if importlib.util.find_spec("openevolve") is None:
        return metrics(evaluation)
    results = importlib.import_module("openevolve.evaluation_result")
    return results.EvaluationResult(metrics=metrics(evaluation), artifacts=artifacts(evaluation))
