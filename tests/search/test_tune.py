"""A search over parameters: what it may try, that it finds what is there, and that it reports no luck as gain."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from typer.testing import CliRunner

from simtier.cli import app
from simtier.contract import Scheduling
from simtier.errors import MissingPackage, SimtierError, StudyError
from simtier.search.parameters import Choice, Range, space
from simtier.search.tuning import Question, tune
from simtier.units import Seconds

ROOT = Path(__file__).parents[2]
optuna = pytest.mark.skipif(importlib.util.find_spec("optuna") is None, reason="needs Optuna")
SHORT = ("run.duration=20 s", "run.warmup=2 s", "run.replications=1")


class Weighed(Scheduling):
    wait: Seconds = 1.0
    number: int = 3
    weight: float = 0.5
    mode: Literal["a", "b"] = "a"
    flag: bool = True

    def rank(self, request: object) -> float:
        return self.wait


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("wait=10 ms..2 s", Range("wait", 0.01, 2.0, whole=False, log=False)),
        ("wait = 10 ms..2 s log", Range("wait", 0.01, 2.0, whole=False, log=True)),
        ("number=1..8", Range("number", 1, 8, whole=True, log=False)),
        ("weight=0..1", Range("weight", 0.0, 1.0, whole=False, log=False)),
        ("mode=a,b", Choice("mode", ("a", "b"), ("a", "b"))),
        ("flag=true, false", Choice("flag", ("true", "false"), (True, False))),
        ("wait=1 s,1 min", Choice("wait", ("1 s", "1 min"), (1.0, 60.0))),
    ],
)
def test_a_text_becomes_what_may_be_tried(text: str, expected: object) -> None:
    found = space(text, Weighed, {}, "weighed")
    assert found == expected
    if isinstance(found, Range):
        assert (type(found.low), type(found.high)) == ((int, int) if found.whole else (float, float))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("wait", "is not of the form name=low..high or name=a,b,c"),
        ("wiat=1 s..2 s", "has no parameter 'wiat' (did you mean 'wait'?)"),
        ("wait=1..2", "1 has no unit"),
        ("number=1..2.5", "2.5"),
        ("mode=a..b", "a range goes from one finite number to another"),
        ("mode=a,c", "'c'"),
        ("mode=a", "needs two or more different values"),
        ("weight=1..1", "1.0 is not below 1.0, so the range is empty"),
        ("weight=0..1 log", "a logarithmic range begins above 0, not at 0.0"),
    ],
)
def test_a_text_that_makes_no_sense_is_refused(text: str, message: str) -> None:
    with pytest.raises(StudyError) as told:
        space(text, Weighed, {}, "weighed")
    assert message in str(told.value)


def question(tmp_path: Path, rule: str, *, trials: int = 12, fresh: int = 4) -> Question:
    """Return a search over `weight` from -1 to 1 of a policy whose rank is `rule`."""
    body = f"from simtier import Scheduling\n\nclass Mine(Scheduling):\n    weight: float = 0.0\n    def rank(self, request):\n        return {rule}\n"
    (tmp_path / "mine.py").write_text(body, encoding="utf-8")
    (tmp_path / "mm4.yaml").write_text((ROOT / "scenarios/mm4.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    return Question(
        scenario=tmp_path / "mm4.yaml",
        changes=(*SHORT, "policies.scheduling=./mine.py:Mine"),
        field="policies.scheduling",
        params=("weight=-1..1",),
        metric="latency_s.mean",
        better=None,
        trials=trials,
        seed=1,
        fresh=fresh,
    )


@optuna
def test_it_finds_that_short_requests_should_go_first_and_says_what_that_gains_elsewhere(tmp_path: Path) -> None:
    asked = question(tmp_path, "self.weight * request.work_s")
    found = tune(asked)
    assert found.better == "lower"
    assert found.metric == "apps.ask.latency_s.mean"
    assert found.best.parameters["weight"] > 0
    assert found.best.value == min(trial.value for trial in found.trials if trial.value is not None)
    assert found.gained_in_search > 0
    assert found.fresh.n == 4
    assert found.fresh.high < 0, "shortest first is better on fresh requests too, and four replications show it"
    assert json.loads(found.change.partition("=")[2])["weight"] == found.best.parameters["weight"]
    again = tune(asked)
    assert [trial.parameters for trial in again.trials] == [trial.parameters for trial in found.trials]
    assert again.fresh == found.fresh


@optuna
@pytest.mark.slow
def test_the_gain_of_pure_luck_is_not_reported_as_gain(tmp_path: Path) -> None:
    """A rank that only shuffles gains nothing: the best of many shuffles looks good where it was chosen, and nowhere else."""
    shuffle = "(request.id * 7919 * (1 + self.weight)) % 1.0 if self.weight else 0.5"
    found = tune(replace(question(tmp_path, shuffle, trials=15, fresh=8), metric="latency_s.p95"))
    in_search, elsewhere = found.gained_in_search, -found.fresh.difference
    assert in_search > elsewhere
    assert found.fresh.low < 0 < found.fresh.high or elsewhere <= 0


@optuna
def test_trials_that_fail_are_told_and_a_search_of_failures_is_refused(tmp_path: Path) -> None:
    found = tune(question(tmp_path, "request.work_s / (0 if self.weight > 0.2 else 1)", trials=6, fresh=2))
    failed = [trial for trial in found.trials if trial.value is None]
    assert failed
    assert all("division by zero" in trial.trouble for trial in failed)
    assert found.best.value is not None
    with pytest.raises(StudyError, match="every trial failed, the first because"):
        tune(question(tmp_path, "request.work_s / (0 if self.weight else 1)", trials=2))


@optuna
def test_the_command_prints_what_to_set(tmp_path: Path) -> None:
    asked = question(tmp_path, "self.weight * request.work_s")
    words = [
        "tune",
        str(asked.scenario),
        "--policy",
        asked.field,
        "--param",
        "weight=-1..1",
        "--metric",
        "latency_s.mean",
    ]
    words += ["--trials", "3", "--fresh", "2", *(word for change in asked.changes for word in ("--set", change))]
    shown = CliRunner().invoke(app, words)
    assert shown.exit_code == 0, shown.output
    assert "best of 3 trials, apps.ask.latency_s.mean (lower is better)" in " ".join(shown.stdout.split())
    assert "that the search has not seen it gains" in shown.stdout
    told = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert f"--set '{told['set']}'" in shown.stdout.replace("\n", "")
    assert len(told["trials"]) == 3


def test_without_optuna_the_way_out_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingPackage, match=r"needs Optuna: pip install 'simtier\[tune\]'"):
        tune(question(tmp_path, "0.0"))


@optuna
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"field": "policies.schedulng"}, "--policy policies.schedulng names no policy"),
        ({"field": "services.queu.policies.routing"}, "there is no 'queu' (did you mean 'queue'?)"),
        ({"metric": "*.latency_s.p9*"}, "a search takes one"),
        ({"metric": "apps.ask.arrived"}, "give --better lower or --better higher"),
        ({"params": ("weight=0..1", "weight=0..2")}, "names a parameter twice"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(tmp_path: Path, change: dict[str, str], message: str) -> None:
    with pytest.raises(SimtierError) as told:
        tune(replace(question(tmp_path, "0.0"), **change))  # type: ignore[arg-type]
    assert message in str(told.value)
