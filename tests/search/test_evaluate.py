"""A policy on a suite gets a score, or a reason why it has none; never a hang, never a traceback of ours."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import pytest
from typer.testing import CliRunner

from simtier.cli import app
from simtier.errors import ScenarioError, StudyError
from simtier.search import Suite, evaluate_policy, load_suite

ROOT = Path(__file__).parents[2]
SUITE = f"""
name: small
problem: scenarios
settings:
  kind: scheduling
  field: policies.scheduling
  baseline: fifo
  metrics: [{{name: latency_s.mean}}, {{name: latency_s.p95, weight: 3}}]
  cases:
    - {{name: first, stage: cheap, scenario: {ROOT / "scenarios/mm4.yaml"}, set: &short {{run.duration: 8 s, run.warmup: 1 s, run.replications: 1}}}}
    - {{name: second, stage: full, scenario: {ROOT / "scenarios/mm4.yaml"}, set: {{<<: *short, run.seed: 2}}}}
    - {{name: third, stage: held_out, scenario: {ROOT / "scenarios/mm4.yaml"}, set: {{<<: *short, run.seed: 3}}}}
limits: {{time: 3 min, stage_time: 1 min, memory: 900 MiB}}
"""
HEAD = "from simtier import Scheduling\n\nclass Mine(Scheduling):\n    def rank(self, request):\n"


def suite(folder: Path, text: str = SUITE) -> Suite:
    path = folder / "suite.yaml"
    path.write_text(text, encoding="utf-8")
    return load_suite(path)


def policy(folder: Path, body: str, head: str = HEAD) -> str:
    path = folder / "mine.py"
    path.write_text(head + "".join(f"        {line}\n" for line in body.splitlines()), encoding="utf-8")
    return str(path)


def alive(pid: int) -> bool:
    """Return whether a process runs; one that was killed may wait to be noticed by its parent."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_shortest_first_is_better_than_first_come_and_the_same_each_time(tmp_path: Path) -> None:
    mine = policy(tmp_path, "print('asked')\nreturn request.work_s")
    found = evaluate_policy(mine, suite(tmp_path))
    assert found.valid
    assert found.stage == "full"
    assert [case["name"] for case in found.cases] == ["first", "second"]
    second = found.cases[1]
    assert found.score == second["score"] == found.parts["full_score"]
    gains = [second["parts"][f"improvement.apps.ask.latency_s.{name}"] for name in ("mean", "p95")]
    assert found.score == pytest.approx((gains[0] + 3 * gains[1]) / 4)
    assert gains[0] > 0, "of all orders the mean is least with the shortest first"
    assert found.references == {"first": {"fifo": 0.0}, "second": {"fifo": 0.0}}
    assert found.held_out is None
    assert found.printed.endswith("asked\n")


@pytest.mark.slow
def test_all_but_the_time_is_the_same_again(tmp_path: Path) -> None:
    mine = policy(tmp_path, "return request.work_s")
    found, again = (evaluate_policy(mine, suite(tmp_path)) for _ in range(2))
    assert asdict(found) | {"seconds": 0} == asdict(again) | {"seconds": 0}


@pytest.mark.slow
def test_held_out_cases_stand_apart(tmp_path: Path) -> None:
    found = evaluate_policy("lifo", suite(tmp_path), stages=("cheap", "held_out"))
    assert found.stage == "held_out"
    assert found.score == found.cases[0]["score"] != found.held_out == found.cases[1]["score"]


@pytest.mark.slow
def test_the_full_stage_is_played_only_from_the_threshold_on(tmp_path: Path) -> None:
    found = evaluate_policy("fifo", suite(tmp_path, SUITE + "threshold: 0.001\n"))
    assert (found.valid, found.score, found.stage) == (True, 0.0, "cheap")
    assert [case["stage"] for case in found.cases] == ["cheap"]


@pytest.mark.parametrize(
    ("body", "stage", "error", "frame"),
    [
        ("return 1 / 0", "cheap", "ZeroDivisionError: division by zero", "mine.py:5 in rank: return 1 / 0"),
        pytest.param(
            "return float('nan')",
            "cheap",
            "PolicyError: scheduling policy 'mine.py:Mine' of 'queue' answered nan",
            "",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "import sys\nsys.exit(0)",
            "cheap",
            "SystemExit: 0",
            "mine.py:6 in rank: sys.exit(0)",
            marks=pytest.mark.slow,
        ),
        ("import os\nos._exit(0)", "cheap", "the process ended with code 0 before it was done", ""),
        pytest.param(
            "bytearray(10**12)", "cheap", "MemoryError", "mine.py:5 in rank: bytearray(10**12)", marks=pytest.mark.slow
        ),
        pytest.param(
            "import os\nos.kill(os.getpid(), 11)",
            "cheap",
            "the process was ended by signal 11",
            "",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "return len(input())", "cheap", "EOFError", "mine.py:5 in rank: return len(input())", marks=pytest.mark.slow
        ),
    ],
)
def test_what_goes_wrong_is_told(tmp_path: Path, body: str, stage: str, error: str, frame: str) -> None:
    found = evaluate_policy(policy(tmp_path, body), suite(tmp_path))
    assert not found.valid
    assert found.score == -1000.0
    assert found.stage == stage
    (failure,) = found.failures
    assert failure["stage"] == stage
    assert failure["error"].startswith(error)
    assert failure["trace"] == ([frame] if frame else [])


@pytest.mark.parametrize(
    ("head", "error"),
    [
        ("import nothing_like_that\n", "ModuleNotFoundError: No module named 'nothing_like_that'"),
        pytest.param("import sys\nsys.exit(1)\n", "SystemExit: 1", marks=pytest.mark.slow),
        pytest.param("def broken(:\n", "SyntaxError: invalid syntax", marks=pytest.mark.slow),
        pytest.param("print(undefined)\n", "NameError: name 'undefined' is not defined", marks=pytest.mark.slow),
        pytest.param("from simtier import Routing\n", "PolicyError", marks=pytest.mark.slow),
    ],
)
def test_a_file_that_cannot_be_imported_is_told(tmp_path: Path, head: str, error: str) -> None:
    if not error.startswith("PolicyError"):
        head += HEAD + "        return 0.0\n"
    found = evaluate_policy(policy(tmp_path, "", head), suite(tmp_path))
    assert (found.valid, found.stage) == (False, "load")
    assert found.failures[0]["error"].startswith(error)


def test_a_policy_that_loops_for_ever_is_stopped(tmp_path: Path) -> None:
    quick = suite(tmp_path, SUITE.replace("stage_time: 1 min", "stage_time: 8 s"))
    found = evaluate_policy(policy(tmp_path, "import time\nwhile True: time.sleep(0.01)"), quick)
    assert not found.valid
    assert found.failures[0]["error"] == f"the stage '{found.stage}' took longer than its limit of 8.0 s"


def test_a_policy_that_eats_memory_bit_by_bit_is_stopped(tmp_path: Path) -> None:
    body = "global held\nheld = globals().get('held', []) + [bytes([1]) * 30_000_000]\nreturn 0.0"
    found = evaluate_policy(policy(tmp_path, body), suite(tmp_path))
    assert (found.valid, found.stage) == (False, "cheap")
    error = found.failures[0]["error"]
    assert error.startswith("MemoryError") or "more than the limit of 0.88 GiB" in error


def test_a_policy_that_starts_processes_without_end_is_stopped_with_all_of_them(tmp_path: Path) -> None:
    body = "import subprocess\nstarted = subprocess.Popen(['sleep', '600'])\nopen('PIDS', 'a').write(f'{started.pid} ')\nreturn 0.0"
    found = evaluate_policy(policy(tmp_path, body.replace("PIDS", str(tmp_path / "pids"))), suite(tmp_path))
    assert not found.valid
    assert "has started processes" in found.failures[0]["error"]
    assert not any(alive(int(pid)) for pid in (tmp_path / "pids").read_text().split())


@pytest.mark.slow
def test_a_policy_that_forks_without_end_is_stopped(tmp_path: Path) -> None:
    found = evaluate_policy(policy(tmp_path, "import os\nwhile True: os.fork()"), suite(tmp_path))
    assert "has started processes" in found.failures[0]["error"]


@pytest.mark.slow
def test_a_policy_that_forks_once_is_heard_once(tmp_path: Path) -> None:
    body = "import os\nif not globals().get('forked'):\n    globals()['forked'] = True\n    os.fork()\nreturn 0.0"
    found = evaluate_policy(policy(tmp_path, body), suite(tmp_path))
    assert [case["name"] for case in found.cases] == ["first", "second"]


def test_what_a_policy_prints_is_kept_apart_from_the_json(tmp_path: Path) -> None:
    mine = policy(tmp_path, "print('{' * 20_000)\nreturn request.work_s")
    suite(tmp_path)
    done = CliRunner().invoke(app, ["evaluate", mine, "--suite", str(tmp_path / "suite.yaml"), "--json"])
    assert done.exit_code == 0
    told = json.loads(done.stdout)
    assert list(told)[:7] == ["score", "valid", "stage", "parts", "held_out", "cases", "failures"]
    assert told["printed_bytes"] > 10_000_000
    assert len(told["printed"]) == 2000


def test_the_exit_code_tells_whether_the_policy_is_valid(tmp_path: Path) -> None:
    suite(tmp_path)
    words = ["evaluate", policy(tmp_path, "return 1 / 0"), "--suite", str(tmp_path / "suite.yaml")]
    bad = CliRunner().invoke(app, words)
    assert bad.exit_code == 1
    assert "failed at cheap, case first: ZeroDivisionError: division by zero\n  mine.py:5 in rank" in bad.stdout
    assert "score -1000, not valid (last stage: cheap);" in bad.stdout


@pytest.mark.slow
def test_baselines_are_shown_beside(tmp_path: Path) -> None:
    suite(tmp_path, SUITE + "baselines: [lifo]\n")
    words = ["evaluate", "shortest_first", "--suite", str(tmp_path / "suite.yaml"), "--baselines", "--held-out"]
    table = CliRunner().invoke(app, words)
    assert table.exit_code == 0
    assert "third" in table.stdout
    told = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert set(told["baselines"]) == {"lifo"}
    assert f"lifo: {told['baselines']['lifo']['score']:.4g}, held out" in table.stdout
    assert told["score"] > told["baselines"]["lifo"]["score"]


@pytest.mark.slow
def test_parameters_reach_the_policy_and_wrong_ones_are_told(tmp_path: Path) -> None:
    head = "from simtier import Scheduling\nfrom simtier.units import Seconds\n\nclass Mine(Scheduling):\n    slack: Seconds\n    def rank(self, request):\n"
    mine = policy(tmp_path, "return request.work_s if self.slack == 0.02 else 0.0", head)
    small = suite(tmp_path)
    with_it = evaluate_policy(mine, small, parameters={"slack": "20 ms"}, stages=("cheap",))
    assert with_it.score != evaluate_policy(mine, small, parameters={"slack": "30 ms"}, stages=("cheap",)).score == 0.0
    without = evaluate_policy(mine, small)
    assert "parameter 'slack' is missing" in without.failures[0]["error"]


def test_a_caller_that_is_interrupted_leaves_no_process_behind(tmp_path: Path) -> None:
    body = f"import os, time\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)"
    mine = policy(tmp_path, body)
    suite(tmp_path)
    command = [sys.executable, "-m", "simtier", "evaluate", mine, "--suite", str(tmp_path / "suite.yaml")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as caller:
        for _ in range(200):
            if (tmp_path / "pid").exists() and (tmp_path / "pid").read_text():
                break
            time.sleep(0.1)
        caller.send_signal(signal.SIGTERM)
        assert caller.wait(timeout=20) == 128 + signal.SIGTERM
    assert not alive(int((tmp_path / "pid").read_text()))


def test_a_caller_that_is_killed_leaves_no_process_behind(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    body = (
        "import os, subprocess, time\nstarted = subprocess.Popen(['sleep', '600'])\n"
        f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{started.pid}} ')\ntime.sleep(600)"
    )
    mine = policy(tmp_path, body)
    suite(tmp_path)
    command = [sys.executable, "-m", "simtier", "evaluate", mine, "--suite", str(tmp_path / "suite.yaml")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as caller:
        for _ in range(200):
            if pids.exists() and pids.read_text().endswith(" "):
                break
            time.sleep(0.1)
        caller.kill()
    played = [int(pid) for pid in pids.read_text().split()]
    assert len(played) == 2, "the process of the policy, and what it started"
    for _ in range(100):
        if not any(map(alive, played)):
            break
        time.sleep(0.1)
    assert not any(map(alive, played))


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (
            "problem: scenarios",
            "problem: scenario",
            "suite.yaml:3: problem: no problem is called 'scenario' (did you mean 'scenarios'?)",
        ),
        ("limits: {time", "limits: {tiem", "limits: unknown key 'tiem' (did you mean 'time'?)"),
        ("memory: 900 MiB", "memory: 900", "limits.memory: 900 has no unit"),
        ("kind: scheduling", "knd: scheduling", "suite.yaml:5: unknown key 'knd' (did you mean 'kind'?)"),
        ("stage: cheap", "stage: cheep", "cases.0.stage: 'cheep' must be 'cheap', 'full' or 'held_out'"),
    ],
)
def test_a_wrong_suite_file_is_refused_with_line_and_way_out(
    tmp_path: Path, before: str, after: str, message: str
) -> None:
    with pytest.raises(ScenarioError) as told:
        suite(tmp_path, SUITE.replace(before, after))
    assert message in str(told.value)


@pytest.mark.slow
def test_a_suite_that_cannot_be_played_is_not_the_policys_fault(tmp_path: Path) -> None:
    broken = suite(tmp_path, SUITE.replace("name: latency_s.mean", "name: latency_s.maen"))
    with pytest.raises(StudyError, match=r"suite\.yaml cannot be played: no metric is called 'latency_s\.maen'"):
        evaluate_policy("fifo", broken)
