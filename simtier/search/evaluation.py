"""The evaluation of one policy on a suite: one score, what it is made of, and what went wrong."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from simtier.errors import StudyError
from simtier.search.account import wrong_account
from simtier.search.confined import Heard, run_confined
from simtier.search.problem import CHEAP, FULL, HELD_OUT
from simtier.search.suite import Suite
from simtier.search.task import Task
from simtier.search.told import Begun, Done, Failed, Faulty, Referred, Scored

_SCORED = (CHEAP, FULL)
_AFTER = "references"
_OTHER_MESSAGES = 3  # that it loads, begins the references, and is done or has failed


@dataclass(frozen=True)
class Evaluation:
    """What became of a policy.

    Attributes:
        policy, parameters, suite: what was evaluated, and on which suite.
        score: mean score of the cases of the last scored stage that was played, cheap or full; the suite's `worst` if it is not valid.
        valid: whether all cases of the scored stages that were begun have a score, and the process told what it can have to tell.
        stage: the last stage that was begun: load, cheap, full or held_out.
        parts: means of the figures of the same cases, and the mean score of each stage.
        held_out: mean score of the held-out cases, no part of `score`; None if they were not played, or failed.
        cases: name, stage, score and parts of each case played; none if what was told cannot be believed.
        failures: stage, case, error and trace of what went wrong.
        references: scores that are no policy's, by case and name.
        printed, printed_bytes: the end of what the policy printed, and how much that was.
        seconds: how long it took; everything else is the same each time.
    """

    policy: str
    parameters: Mapping[str, Any]
    suite: str
    score: float
    valid: bool
    stage: str
    parts: Mapping[str, float]
    held_out: float | None
    cases: Sequence[Mapping[str, Any]]
    failures: Sequence[Mapping[str, Any]]
    references: Mapping[str, Mapping[str, float]]
    printed: str
    printed_bytes: int
    seconds: float


def evaluate_policy(
    policy: str,
    suite: Suite,
    *,
    parameters: Mapping[str, Any] | None = None,
    traces: Sequence[Path] = (),
    stages: Sequence[str] = _SCORED,
    threshold: bool = True,
) -> Evaluation:
    """Return the evaluation of a policy, made in a process of its own within the suite's limits.

    Args:
        policy: a built-in name, module:Class, file.py:Class, or a file with one policy of the suite's kind.
        suite: what to play.
        parameters: of the policy, as a scenario writes them; the others keep their defaults.
        traces: directories in which traces are looked for first.
        stages: which stages, in this order.
        threshold: whether the suite's threshold for the cheap stage is heeded.

    Whatever the policy does, an evaluation is returned: one that is not valid says why. Raises StudyError if the suite itself cannot be
    played.
    """
    begun = time.monotonic()
    says = suite.says
    task = Task(
        suite=str(suite.path),
        traces=tuple(map(str, traces)),
        policy=policy,
        parameters=dict(parameters or {}),
        stages=tuple(stages),
        threshold=says.threshold if threshold else None,
    )
    asked = [(case.name, case.stage) for stage in stages for case in suite.problem.cases() if case.stage == stage]
    most = 2 * len(asked) + len(stages) + _OTHER_MESSAGES
    heard = run_confined("simtier.search.child", asdict(task), says.limits, most)
    if heard.messages and isinstance(heard.messages[0], Faulty):  # only there: then the policy has not been loaded
        raise StudyError(f"{suite.path} cannot be played: {heard.messages[0].error}")
    scored = [message for message in heard.messages if isinstance(message, Scored)]
    distrusted = heard.forged or wrong_account(heard.messages, asked, stages, task.threshold)
    failures = _failures(heard, distrusted)
    if distrusted:
        scored = []
    cases = [message.model_dump(exclude={"tells"}) for message in scored]
    failed = {failure["stage"] for failure in failures}
    ended = isinstance(heard.messages[-1], Done | Failed) and heard.exit_code == 0 if heard.messages else False
    valid = not distrusted and not failed & {"load", *_SCORED} and (ended or bool(heard.over))
    counted = _counted(cases, stages)
    held_out = [case["score"] for case in cases if case["stage"] == HELD_OUT and HELD_OUT not in failed]
    begun_stages = [each.stage for each in heard.messages if isinstance(each, Begun) and each.stage != _AFTER]
    return Evaluation(
        policy=policy,
        parameters=task.parameters,
        suite=says.name,
        score=_mean([case["score"] for case in counted]) if valid and counted else says.worst,
        valid=valid,
        stage=begun_stages[-1] if begun_stages else "load",
        parts=_parts(cases, counted) if valid else {},
        held_out=_mean(held_out) if held_out else None,
        cases=cases,
        failures=failures,
        references={each.name: each.scores for each in heard.messages if isinstance(each, Referred) and not distrusted},
        printed=heard.printed.decode("utf-8", errors="replace"),
        printed_bytes=heard.printed_bytes,
        seconds=time.monotonic() - begun,
    )


def _failures(heard: Heard, distrusted: str) -> list[dict[str, Any]]:
    """Return what went wrong: what the process said, or how it ended."""
    done = any(isinstance(message, Done) for message in heard.messages)
    told = [each for each in heard.messages if isinstance(each, Failed)]
    if distrusted:
        why = f"what the evaluation told of its results cannot be believed, most likely as the policy wrote to its pipe: {distrusted}"
    elif heard.over:
        why = heard.over
    elif told and heard.exit_code == 0:
        return [{"stage": heard.at, **each.model_dump(exclude={"tells"}), "trace": list(each.trace)} for each in told]
    elif heard.exit_code < 0:
        why = f"the process was ended by signal {-heard.exit_code}"
    elif not done:
        why = (
            f"the process ended with code {heard.exit_code} before it was done; most likely the policy calls os._exit()"
        )
    elif heard.exit_code:
        why = f"the process ended with code {heard.exit_code} when it was done; most likely the policy calls os._exit()"
    else:
        return []
    return [{"stage": heard.at, "case": None, "error": why, "trace": []}]


def _counted(cases: Sequence[Mapping[str, Any]], stages: Sequence[str]) -> list[Mapping[str, Any]]:
    """Return the cases of the last scored stage of which any was played."""
    played = [stage for stage in stages if stage in _SCORED and any(case["stage"] == stage for case in cases)]
    return [case for case in cases if played and case["stage"] == played[-1]]


def _parts(cases: Sequence[Mapping[str, Any]], counted: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    stages = {f"{stage}_score": [case["score"] for case in cases if case["stage"] == stage] for stage in _SCORED}
    found = {name: _mean(scores) for name, scores in stages.items() if scores}
    for name in dict.fromkeys(name for case in counted for name in case["parts"]):
        found[name] = _mean([case["parts"][name] for case in counted if name in case["parts"]])
    return found


def _mean(values: Sequence[float]) -> float:
    return float(sum(values) / len(values))
