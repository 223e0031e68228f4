"""`simtier check`: a scenario against its baseline, on the command line."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from checking import MEAN, P95, SHARE, WORSE, scenario_in, with_baseline
from typer.testing import CliRunner, Result

from simtier.cli import app
from simtier.errors import StudyError
from simtier.study.check.baseline import load
from simtier.study.check.guard import check
from simtier.study.task import Base
from simtier.study.workers import workers

SET_WORSE = ("--set", "=".join(WORSE[0]))


@pytest.fixture
def guarded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a scenario with its baseline, which is the working directory."""
    with_baseline(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    return tmp_path


def run(*more: str) -> Result:
    return CliRunner().invoke(app, ["check", "scenario.yaml", "--baseline", "baseline.json", "--workers", "1", *more])


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_an_unchanged_policy_passes(guarded: Path) -> None:
    done = run("--strict")
    assert done.exit_code == 0, done.output
    assert "no regression in 4 metrics (3 replications, the baseline's requests" in done.stdout
    assert "every replication took the same course as in the baseline" in done.stdout


def test_a_worse_policy_fails_with_a_table_of_what_moved(guarded: Path) -> None:
    done = run(*SET_WORSE)
    assert done.exit_code == 1
    row = next(line for line in done.stdout.splitlines() if MEAN in line and "│" in line)
    assert "WORSE" in row
    assert re.search(r"\+\d+\.\d\d % ", row)
    assert f"{MEAN} went from" in done.stdout
    assert "chance does not explain it" in done.stdout
    assert "of 4 metrics regressed" in done.stdout


def test_a_policy_file_that_got_worse_fails_too(guarded: Path) -> None:
    edit(guarded / "nearest.py", "wrong_every: int = 0", "wrong_every: int = 4")
    assert run().exit_code == 1


def test_a_better_policy_passes_and_is_told(guarded: Path) -> None:
    assert run("--update", *SET_WORSE).exit_code == 0
    done = run()
    assert done.exit_code == 0
    assert "better" in done.stdout
    assert "it got better: --update the baseline" in done.stdout
    strict = run("--strict")
    assert strict.exit_code == 1
    assert "strict: the course of replications 0, 1, 2 changed, and none may" in strict.stdout


def test_junit_has_a_case_for_each_metric(guarded: Path) -> None:
    assert run("--junit", "out/check.xml", "--strict", *SET_WORSE).exit_code == 1
    suite = ET.parse(guarded / "out" / "check.xml").getroot()[0]
    cases = {case.get("name"): case.find("failure") for case in suite.iter("testcase")}
    assert len(cases) == 5
    assert suite.get("tests") == "5"
    assert suite.get("failures") == str(sum(failure is not None for failure in cases.values()))
    failure = cases[MEAN]
    assert failure is not None
    assert "chance does not explain it" in str(failure.get("message"))
    assert cases["the course of every replication"] is not None
    first = (guarded / "out" / "check.xml").read_bytes()
    run("--junit", "out/check.xml", "--strict", *SET_WORSE)
    assert (guarded / "out" / "check.xml").read_bytes() == first


def test_github_shows_what_got_worse_at_the_policies_line(guarded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "::error" not in run(*SET_WORSE).stdout
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    told = [line for line in run(*SET_WORSE).stdout.splitlines() if line.startswith("::")]
    line = (guarded / "scenario.yaml").read_text(encoding="utf-8").splitlines().index(
        '    policies: {routing: {use: "./nearest.py:Nearest"}}'
    ) + 1
    assert told[0].startswith(f"::error file=scenario.yaml,line={line},title={MEAN}%3A WORSE::{MEAN} went from ")
    assert "%25" in told[0]
    assert "::error" not in run(*SET_WORSE, "--no-github").stdout
    assert run().stdout.count("::error") == 0


def test_json_is_all_there_is_on_stdout(guarded: Path) -> None:
    done = run("--json", *SET_WORSE)
    told = json.loads(done.stdout)
    assert told["failed"]
    assert {each["name"]: each["verdict"] for each in told["metrics"]}[MEAN] == "WORSE"
    assert "NaN" not in done.stdout


def test_other_requests_are_compared_with_another_seed(guarded: Path) -> None:
    done = run("--seed", "99")
    assert done.exit_code == 0, done.output
    assert "(3 replications, other requests than the baseline's" in done.stdout
    assert run("--seed", "99", *SET_WORSE).exit_code == 1


def test_the_same_is_found_by_any_number_of_workers_and_in_another_process(guarded: Path) -> None:
    base = Base.load("scenario.yaml")
    with workers(2) as two:
        assert check(base, Path("baseline.json"), WORSE, workers=two) == check(base, Path("baseline.json"), WORSE)
    command = [
        sys.executable,
        "-m",
        "simtier",
        "check",
        "scenario.yaml",
        "--baseline",
        "baseline.json",
        "--json",
        *SET_WORSE,
    ]
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONHASHSEED": "12", "PYTHONPATH": str(root)}
    other = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert other.returncode == 1, other.stderr
    assert other.stdout == run("--json", *SET_WORSE).stdout


def test_fewer_replications_are_compared_with_their_own(guarded: Path) -> None:
    done = run("--replications", "2", "--strict")
    assert done.exit_code == 0, done.output
    assert "(2 replications, the baseline's requests" in done.stdout


def test_update_keeps_the_rules_and_tells_what_changed(guarded: Path) -> None:
    path = guarded / "baseline.json"
    done = run(
        "--update",
        "--metric",
        "latency_s.mean",
        "--tolerance",
        "apps.ask.slo.attainment=1%",
        "--margin",
        "latency_s.mean=2%",
    )
    assert done.exit_code == 0, done.output
    assert f"{MEAN}: allowed none before, 2 % now" in done.stdout
    assert f"no longer guards {P95}" in done.stdout
    rules = {name: (each.rule.test, each.rule.tolerance) for name, each in load(path, "?").metrics.items()}
    assert rules == {MEAN: ("worse", "2 %"), SHARE: ("mean", "1 %")}
    before = load(path, "?").metrics[MEAN].values
    done = run("--update", *SET_WORSE)
    assert re.search(rf"{re.escape(MEAN)}: 0\.\d+ before, 0\.\d+ now \(\+\d+ %\)", done.stdout)
    after = load(path, "?")
    assert {name: (each.rule.test, each.rule.tolerance) for name, each in after.metrics.items()} == rules
    assert after.metrics[MEAN].values != before
    assert "stays as it is: nothing changed" in run("--update", *SET_WORSE).stdout


def test_a_new_baseline_of_a_single_replication_takes_five(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edit(scenario_in(tmp_path), ", replications: 3", "")
    monkeypatch.chdir(tmp_path)
    assert run("--update").exit_code == 0
    assert load(tmp_path / "baseline.json", "?").replications == 5


def test_another_version_is_a_note_not_a_refusal(guarded: Path) -> None:
    edit(guarded / "baseline.json", '"simtier": "', '"simtier": "0.0.1-')
    done = run("--github")
    assert done.exit_code == 0
    assert "the baseline was made with simtier 0.0.1-" in done.stdout
    assert "::warning file=baseline.json,line=1,title=baseline::" in done.stdout


def test_a_course_that_changed_though_no_policy_did_is_told(guarded: Path) -> None:
    path = guarded / "baseline.json"
    fingerprint = load(path, "?").fingerprints[1]
    edit(path, fingerprint, fingerprint[::-1])
    done = run()
    assert done.exit_code == 0
    assert "what changed is something that they import or read" in done.stdout


REFUSED = {
    "another world": (
        ["--set", "services.web.concurrency=3"],
        "not only policies differ but the part services.web; restore that",
    ),
    "two parts": (
        ["--set", "services.web.concurrency=3", "--set", "run.duration=7 s"],
        "not only policies differ but the parts run.duration, services.web;",
    ),
    "more replications": (
        ["--replications", "4"],
        "has 3 replications, not 4: ask for fewer, or --update it with more",
    ),
    "more replications of other requests": (
        ["--seed", "99", "--replications", "4"],
        "has 3 replications, not 4: ask for fewer, or --update it with more",
    ),
    "one replication": (["--replications", "1"], "is tested, which needs two replications at least"),
    "strict on other requests": (["--strict", "--seed", "2"], "leave out one of --strict and --seed"),
    "a rule without an update": (["--margin", "latency_s.mean=2%"], "--margin: goes with --update"),
    "an update that is strict": (["--update", "--strict"], "--strict: leave it out of --update"),
    "a metric that there is not": (
        ["--update", "--metric", "latency_s.p96"],
        "no metric is called 'latency_s.p96' (did you mean",
    ),
    "a rule of no form": (["--update", "--tolerance", "2%"], "write it as NAME=SHARE"),
    "a rule of no number": (["--update", "--tolerance", "cost_usd=much"], "'much' is no tolerance"),
    "an update to one replication": (
        ["--update", "--replications", "1"],
        "would be tested on one replication, and a test needs two",
    ),
    "a margin of more than there is": (
        ["--update", "--margin", "latency_s.mean=1"],
        "% of the baseline's mean 0.0",
    ),
    "two rules of one name": (
        ["--update", "--margin", "cost_usd=1%", "--tolerance", "cost_usd=2%"],
        "cost_usd has two rules, --tolerance and --margin: give one of them",
    ),
    "two rules by two names": (
        ["--update", "--margin", "latency_s.mean=1%", "--tolerance", f"{MEAN}=2%"],
        f"{MEAN} has two rules",
    ),
    "two margins": (["--update", "--margin", "cost_usd=1%", "--margin", "cost_usd=2%"], "another --margin already"),
    "an error rate": (["--update", "--alpha", "2"], "--alpha must be an error rate"),
    "a policy that there is not": (["--set", "services.web.policies.routing=nearset"], "nearset"),
    "a policy that fails": (["--set", "services.web.policies.routing.wrong_every=x"], "wrong_every"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_checked_ends_with_2_and_one_sentence(case: str, guarded: Path) -> None:
    options, message = REFUSED[case]
    before = (guarded / "baseline.json").read_bytes()
    done = run(*options)
    assert done.exit_code == 2, done.output
    assert message in " ".join(done.stderr.replace("│", " ").split())
    assert done.stdout == ""
    assert (guarded / "baseline.json").read_bytes() == before


def test_a_missing_baseline_is_refused_with_the_way_to_make_it(guarded: Path) -> None:
    (guarded / "baseline.json").unlink()
    done = run()
    assert done.exit_code == 2
    assert (
        "there is no baseline baseline.json: make one with `simtier check scenario.yaml --baseline baseline.json --update`"
        in done.stderr
    )


def test_a_metric_that_is_no_more_is_refused(guarded: Path) -> None:
    edit(guarded / "baseline.json", MEAN, "apps.ask.latency_s.middle")
    done = run()
    assert done.exit_code == 2
    assert "guards what is no more: no metric is called 'apps.ask.latency_s.middle'" in done.stderr


def test_a_trace_that_is_another_file_is_refused(guarded: Path) -> None:
    edit(guarded / "baseline.json", '"traces": {}', '"traces": {"calls": "0123456789ab"}')
    done = run()
    assert done.exit_code == 2
    assert "not only policies differ but the trace calls" in done.stderr


def test_a_policy_that_raises_ends_with_2_and_its_name(guarded: Path) -> None:
    edit(guarded / "nearest.py", "self._asked += 1", "raise KeyError('lost')")
    done = run()
    assert done.exit_code == 2
    assert "scenario.yaml failed in replication 0:" in done.stderr
    assert "Nearest" in done.stderr
    assert "lost" in done.stderr


def test_a_check_that_is_stopped_says_nothing_of_the_policy(guarded: Path) -> None:
    with pytest.raises(StudyError, match="stopped after 0 of 3 replications: nothing was checked"):
        check(Base.load("scenario.yaml"), Path("baseline.json"), stop=lambda: True)


def test_junit_that_cannot_be_written_ends_with_its_sentence_after_the_verdict(guarded: Path) -> None:
    done = run("--junit", "scenario.yaml/check.xml")
    assert done.exit_code == 2
    assert "no regression in 4 metrics" in done.stdout
    assert "cannot write scenario.yaml/check.xml" in done.stderr
    worse = run("--junit", "scenario.yaml/check.xml", *SET_WORSE)
    assert worse.exit_code == 1, "a regression stays one"
    assert "of 4 metrics regressed" in worse.stdout
