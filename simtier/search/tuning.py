"""The best parameters of a policy in a scenario, and what they gain on requests that the search has not seen.

All trials face the same requests (common random numbers), so the search compares policies and not luck. The best of many trials looks
better than it is, because it was chosen for its luck with these requests too; so it is run again, beside the policy as the scenario has it,
in replications of other numbers, and the gain reported is the mean of the paired differences there, with its interval.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from simtier.catalogue.policies import find_policy, validated, written
from simtier.contract import KINDS
from simtier.errors import MissingPackage, PolicyError, ScenarioError, StudyError, did_you_mean
from simtier.metrics.naming import direction, find, flat
from simtier.results import Result
from simtier.runner import run
from simtier.scenario.base import PolicyRef
from simtier.scenario.load import load
from simtier.scenario.scenario import Scenario
from simtier.search.parameters import Range, Space, space
from simtier.statistics import Comparison, paired

Better = Literal["lower", "higher"]


@dataclass(frozen=True)
class Question:
    """What is searched.

    Attributes:
        scenario: the file.
        changes: to it, as after `--set`.
        field: where the policy stands, such as services.front.policies.routing.
        params: for each parameter a text as `simtier.search.parameters.space` takes.
        metric: what is to be made better, by its dotted name or the end of it.
        better: which way; None if its name tells.
        trials: how many settings are tried.
        seed: of the search.
        fresh: how many replications, other than those of the search, the best setting is run in.
        traces: directories in which traces are looked for first.
    """

    scenario: Path
    changes: tuple[str, ...]
    field: str
    params: tuple[str, ...]
    metric: str
    better: Better | None
    trials: int
    seed: int
    fresh: int
    traces: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Trial:
    """One setting and what came of it.

    Attributes:
        number: from 0.
        parameters: those searched, as a scenario writes them.
        value: of the metric; None if the run failed or left nothing to measure.
        trouble: why there is no value; empty if there is one.
    """

    number: int
    parameters: Mapping[str, Any]
    value: float | None
    trouble: str


@dataclass(frozen=True)
class Tuned:
    """What was found.

    Attributes:
        question: what was searched.
        use: the policy.
        given: its parameters as the scenario has them.
        metric, better: the metric's full name, and which way it is better.
        trials: all of them, in order.
        best: the best of them.
        before: the metric of the policy as the scenario has it, in the replications of the search.
        replications: how many these were.
        fresh: the comparison, in other replications, of the policy as it is (base) with the best setting (other).
    """

    question: Question
    use: str
    given: Mapping[str, Any]
    metric: str
    better: Better
    trials: tuple[Trial, ...]
    best: Trial
    before: float
    replications: int
    fresh: Comparison

    @property
    def change(self) -> str:
        """The best setting as a change to the scenario, for `--set`."""
        return f"{self.question.field}={json.dumps({'use': self.use, **self.given, **self.best.parameters})}"

    @property
    def gained_in_search(self) -> float:
        """By how much the best trial is better in the replications of the search; more than it gains elsewhere."""
        assert self.best.value is not None
        return self.sign * (self.best.value - self.before)

    @property
    def sign(self) -> int:
        """1 if more of the metric is better, else -1."""
        return 1 if self.better == "higher" else -1


def tune(question: Question, watch: Callable[[Trial], None] | None = None) -> Tuned:
    """Return the best of `question.trials` settings, by the tree-structured Parzen estimator, and what it gains elsewhere.

    `watch` is called after each trial. The same question gives the same answer. Raises MissingPackage without Optuna, StudyError for a
    question that makes no sense or a search in which every trial failed, and what loading and running the scenario raise.

    Source: Bergstra et al., "Algorithms for hyper-parameter optimization", NIPS 2011, section 4; Optuna's TPESampler.
    """
    optuna = _optuna()
    scenario = load(question.scenario, question.changes)
    use, kind, given = _policy_at(scenario, question.field)
    policy = find_policy(kind, use, scenario.folder)
    spaces = [space(text, policy, given, use) for text in question.params]
    if len({each.name for each in spaces}) < len(spaces):
        raise StudyError("--param names a parameter twice: give each one range or one list of values")
    search = range(scenario.run.replications)
    base = _run(question, {"use": use, **given}, search)
    named = find([question.metric], flat(base.summary))
    if len(named) > 1:
        raise StudyError(
            f"--metric {question.metric} names {len(named)} metrics, such as {named[0]}: a search takes one"
        )
    name = named[0]
    better = question.better or direction(name)
    if better == "neither":
        raise StudyError(
            f"the name of {name!r} does not tell which way it is better: give --better lower or --better higher"
        )
    before = flat(base.summary)[name]
    if before is None:
        raise StudyError(f"{name!r} has nothing to measure in {question.scenario} as it is: choose another metric")
    trials: list[Trial] = []
    own = validated(policy, given, use)

    def play(drawn: Any) -> float | None:
        text = written(policy(**{**own, **{each.name: _drawn(drawn, each) for each in spaces}}))
        parameters = {each.name: text[each.name] for each in spaces}
        value, trouble = _tried(question, {"use": use, **given, **parameters}, search, name)
        trials.append(Trial(drawn.number, parameters, value, trouble))
        if watch is not None:
            watch(trials[-1])
        return value if value is not None else float("nan")  # which Optuna takes for a failed trial

    sampler = optuna.samplers.TPESampler(seed=question.seed)
    study = optuna.create_study(sampler=sampler, direction="maximize" if better == "higher" else "minimize")
    study.optimize(play, n_trials=question.trials)
    sign = 1 if better == "higher" else -1
    known = [(sign * trial.value, -trial.number) for trial in trials if trial.value is not None]
    if not known:
        raise StudyError(f"every trial failed, the first because {trials[0].trouble}")
    best = trials[-max(known)[1]]
    fresh = range(len(search), len(search) + question.fresh)
    as_it_is = _values(_run(question, {"use": use, **given}, fresh), name)
    compared = paired(as_it_is, _values(_run(question, {"use": use, **given, **best.parameters}, fresh), name))
    return Tuned(question, use, given, name, better, tuple(trials), best, before, len(search), compared)


def _optuna() -> Any:
    if importlib.util.find_spec("optuna") is None:
        raise MissingPackage("simtier tune needs Optuna: pip install 'simtier[tune]'")
    optuna = importlib.import_module("optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _policy_at(scenario: Scenario, field: str) -> tuple[str, str, dict[str, Any]]:
    """Return use, kind and given parameters of the policy at `field`; raises StudyError if none may stand there."""
    *path, kind = field.split(".")
    if kind not in KINDS or not path or path[-1] != "policies":
        raise StudyError(
            f"--policy {field} names no policy: write where one stands, as in policies.scheduling or services.NAME.policies.routing"
        )
    here: Any = scenario
    rest = path
    while rest:
        here, rest = _step(here, rest, field)
    ref = getattr(here, kind, None) or getattr(scenario.policies, kind, None)
    if not isinstance(ref, PolicyRef):
        raise StudyError(f"--policy {field}: no {kind} policy stands there; choose one with --set {field}=NAME")
    return ref.use, kind, ref.given


def _step(here: Any, rest: Sequence[str], field: str) -> tuple[Any, list[str]]:
    """Return what stands under the next step of a path, and what is left of it; names may have dots in them."""
    if not isinstance(here, Mapping):
        if hasattr(here, rest[0]):
            return getattr(here, rest[0]), list(rest[1:])
        raise StudyError(f"--policy {field}: there is no {rest[0]!r}{did_you_mean(rest[0], type(here).model_fields)}")
    for width in range(len(rest), 0, -1):
        name = ".".join(rest[:width])
        if name in here:
            return here[name], list(rest[width:])
    raise StudyError(f"--policy {field}: there is no {rest[0]!r}{did_you_mean(rest[0], here)}")


def _drawn(trial: Any, each: Space) -> Any:
    """Return the value that the search tries next; of numbers four digits, which people can read and write."""
    if not isinstance(each, Range):
        return each.values[each.texts.index(trial.suggest_categorical(each.name, list(each.texts)))]
    if each.whole:
        return trial.suggest_int(each.name, each.low, each.high, log=each.log)
    return min(
        max(float(f"{trial.suggest_float(each.name, each.low, each.high, log=each.log):.4g}"), each.low), each.high
    )


def _tried(
    question: Question, policy: Mapping[str, Any], replications: Sequence[int], name: str
) -> tuple[float | None, str]:
    try:
        value = flat(_run(question, policy, replications).summary).get(name)
    except (PolicyError, ScenarioError) as error:
        return None, str(error)
    return value, "" if value is not None else f"there is nothing to measure for {name!r}"


def _run(question: Question, policy: Mapping[str, Any], replications: Sequence[int]) -> Result:
    changes = [*question.changes, f"{question.field}={json.dumps(policy)}"]
    return run(load(question.scenario, changes), traces=question.traces, replications=replications)


def _values(result: Result, name: str) -> list[float | None]:
    return [flat(each["summary"]).get(name) for each in result.document["replications"]]
