"""The command line: what goes to stdout and stderr, exit codes, Ctrl-C; runs themselves are faked here."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from simtier.cli import app
from simtier.cli.summary import measured
from simtier.errors import PolicyError, ResultError
from simtier.report.numbers import NOTHING

ROOT = Path(__file__).parents[2]
MM4 = str(ROOT / "scenarios" / "mm4.yaml")
HEAVY = (
    "numpy",
    "pandas",
    "pyarrow",
    "scipy",
    "matplotlib",
    "networkx",
    "pydantic",
    "pint",
    "ruamel.yaml",
    "simpy",
    "jinja2",
)
PROGRESS = SimpleNamespace(replication=0, replications=2, time_s=5.0, until_s=10.0, requests_done=400)
APP = {
    "arrived": 1000,
    "ok": 990,
    "rejected": 4,
    "dropped": 3,
    "timed_out": 2,
    "failed": 1,
    "unfinished": 0,
    "throughput_per_s": 99.0,
    "latency_s": {
        "mean": 0.0986,
        "p50": 0.09,
        "p90": 0.1,
        "p95": 0.2,
        "p99": 0.3,
        "max": 1.0,
        "half_width_95": {"mean": 0.0012},
    },
    "slo": {"target_s": 0.25, "percentile": 95.0, "attainment": 0.97, "met": True},
}
BUSY = {"utilisation": 0.8, "mean_queue": 2.3, "replicas": 1.0, "energy_j": 5.0, "cost_usd": 0.01}
FUNCTIONS = {
    "served": 1234,
    "cold_ratio": 0.042,
    "cold_start_s": {"p90": 1.25, "half_width_95": {"p90": 0.3}},
    "instances": {"starting": 0.5, "idle": 6.5, "busy": 1.5},
    "memory": {
        "idle_byte_s": 96e9,
        "wasted_share": 0.875,
        "half_width_95": {"idle_byte_s": 4.8e9, "wasted_share": None},
    },
    "cost_usd": 0.0321,
}
ANSWERS = {
    "served": 4321,
    **{time: {"p50": 0.0123, "p99": 0.456} for time in ("ttft_s", "tpot_s", "itl_s", "latency_s")},
    "output_tokens_per_s": 5432.1,
    "goodput_per_s": None,
    "batch": {"over_time": 17.3},
    "kv_use": {"mean": 0.345},
    "preemptions": 12,
    "moves": 3,
    "joules_per_output_token": 0.452,
    "usd_per_million_output_tokens": 2.22,
}
SUMMARY = {
    "apps": {"ask": APP, "idle": {**APP, "slo": None, "latency_s": dict.fromkeys(("mean", "p50", "p95", "p99"))}},
    "services": {"queue": BUSY},
    "llm": {"chat": ANSWERS},
    "platforms": {"lambda": FUNCTIONS},
    "window_s": 100.0,
    "nodes": {"server": BUSY},
    "links": {},
    "energy_j": 3_600_000.0,
    "cost_usd": 0.01,
}


def cli(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def process(*arguments: str) -> subprocess.CompletedProcess[str]:
    path = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "simtier", *arguments], capture_output=True, text=True, env=path, check=False, cwd=ROOT
    )


class FakeRun:
    """Stands in for the runner: remembers how it was called, and does what it is told."""

    def __init__(self, status: str = "done", error: Exception | None = None) -> None:
        self.status, self.error = status, error
        self.given: dict[str, Any] = {}
        self.during: Callable[[Callable[[], bool]], None] = lambda stop: None

    def __call__(self, scenario: Any, **options: Any) -> Any:
        self.given = {"scenario": scenario, **options}
        if options["watch"]:
            options["watch"](PROGRESS)
        self.during(options["stop"])
        if self.error:
            raise self.error
        options["also"](Path("there"))
        status = "interrupted" if options["stop"]() else self.status
        return SimpleNamespace(
            summary=SUMMARY, status=status, fingerprint="0123456789", directory=Path("there"), assumptions=["little"]
        )


@pytest.fixture
def reported(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    written: list[Path] = []
    monkeypatch.setattr("simtier.report.write_report", written.append, raising=False)
    return written


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch, reported: list[Path]) -> FakeRun:
    fake = FakeRun()
    monkeypatch.setattr("simtier.runner.run", fake)
    return fake


def test_help_names_every_command_and_loads_nothing_heavy() -> None:
    look = f"import sys\nimport simtier.cli\nprint([name for name in {HEAVY!r} if name in sys.modules])"
    path = {**os.environ, "PYTHONPATH": str(ROOT)}
    loaded = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, env=path, check=True)
    assert loaded.stdout == "[]\n"
    answer = cli("--help")
    assert answer.exit_code == 0
    for command in ("run", "validate", "schema", "report", "hardware", "models", "policies", "traces"):
        assert f"  {command} " in answer.stdout


def test_a_valid_scenario_is_said_to_be_valid() -> None:
    answer = process("validate", "scenarios/mm4.yaml", "--set", "nodes.server.count=2")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert (
        answer.stdout == "scenarios/mm4.yaml is valid: scenario 'mm4' with 3 nodes, 1 services, 1 apps, 1 workloads\n"
    )


def test_a_wrong_scenario_ends_with_2_and_its_problems_on_stderr() -> None:
    answer = process("validate", "scenarios/mm4.yaml", "--set", "links.hop.latency=5")
    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr == "--set links.hop.latency: 5 has no unit: expected time, such as '20 ms'\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["run"],
        ["fly"],
        ["run", MM4, "--sed", "1"],
        ["run", MM4, "--replications", "0"],
        ["run", MM4, "--explain-sampled"],
    ],
)
def test_a_wrong_command_ends_with_2(arguments: list[str], runner: FakeRun) -> None:
    answer = cli(*arguments)
    assert answer.exit_code == 2
    assert answer.stdout == ""
    assert "Traceback" not in answer.stderr
    assert runner.given == {}


def test_options_of_run_reach_the_runner(runner: FakeRun, reported: list[Path], tmp_path: Path) -> None:
    options = [
        "--seed",
        "7",
        "--replications",
        "3",
        "--set",
        "run.duration=99 s",
        "--traces",
        str(tmp_path),
        "--explain",
        "5",
    ]
    answer = cli("run", MM4, *options, "--explain-sampled", "--out", "new", "--quiet")
    assert answer.exit_code == 0, answer.stderr
    run = runner.given["scenario"].run
    assert (run.seed, run.replications, run.duration) == (7, 3, 99)
    given = {key: runner.given[key] for key in ("out", "traces", "explain", "explain_sampled", "watch")}
    assert given == {"out": Path("new"), "traces": [tmp_path], "explain": 5, "explain_sampled": True, "watch": None}
    assert (answer.stdout, answer.stderr) == ("there\n", "")
    assert reported == [Path("there")]


def test_the_summary_begins_with_the_promises(runner: FakeRun) -> None:
    answer = cli("run", MM4)
    assert answer.exit_code == 0
    assert runner.given["out"] == "auto"
    lines = answer.stdout.splitlines()
    assert lines[0] == "SLO met: ask: 97.0 % of requests are answered within 250 ms; promised are 95 %"
    text = answer.stdout
    for part in ("98.6 ± 1.2 ms", "80.0 %", "Energy 3.60 MJ, cost 0.0100 USD", "Assumed: little", "Result: there"):
        assert part in text
    [row] = [line for line in lines if "lambda" in line]
    for part in ("1,234", "4.2 %", "1.25 ± 0.30 s", "6.50", "1.50", "960 ± 48 MB", "87.5 %", "0.0321 USD"):
        assert part in row
    tokens, load = (
        [cell.strip() for cell in line.strip("│").split("│")] for line in lines if line.startswith("│ chat")
    )
    assert tokens == ["chat", "12.3 ms", "456 ms", "12.3 ms", "456 ms", "456 ms", "12.3 ms", "456 ms"]
    assert load == ["chat", "4,321", "5,432 /s", NOTHING, "17.3", "34.5 %", "12", "3", "452 mJ", "2.22 USD"]
    row = next(line for line in lines if line.startswith("│ ask"))
    assert [cell.strip() for cell in row.strip("│").split("│")] == ["ask", "1,000", "990", "4", "3", "2", "1", "0"]
    assert "simulated" not in text


def test_json_is_all_there_is_on_stdout(runner: FakeRun) -> None:
    answer = cli("run", MM4, "--json")
    assert json.loads(answer.stdout) == SUMMARY
    assert answer.stderr == ""


def test_a_failed_run_ends_with_its_sentence(runner: FakeRun, reported: list[Path]) -> None:
    runner.error = PolicyError("routing policy 'mine' raised ValueError")
    answer = cli("run", MM4, "--quiet")
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert answer.stderr == "error: routing policy 'mine' raised ValueError\n"
    assert reported == []


def test_a_defect_is_one_line_unless_debugging(runner: FakeRun) -> None:
    runner.error = ZeroDivisionError("division by zero")
    answer = cli("run", MM4, "--quiet")
    assert answer.exit_code == 1
    assert answer.stderr.startswith("internal error: ZeroDivisionError: division by zero (")
    assert answer.stderr.count("\n") == 1
    for arguments in (["run", MM4, "--quiet", "--debug"], ["--debug", "run", MM4, "--quiet"]):
        assert isinstance(cli(*arguments).exception, ZeroDivisionError)


def test_the_first_interrupt_ends_the_run_in_good_order(runner: FakeRun, reported: list[Path]) -> None:
    before = signal.getsignal(signal.SIGINT)
    asked: list[bool] = []

    def interrupt(stop: Callable[[], bool]) -> None:
        asked.append(stop())
        os.kill(os.getpid(), signal.SIGINT)
        asked.append(stop())

    runner.during = interrupt
    answer = cli("run", MM4)
    assert asked == [False, True]
    assert answer.exit_code == 1
    assert "Interrupted" in answer.stdout
    assert "press Ctrl-C again" in answer.stderr
    assert reported == [Path("there")]
    assert signal.getsignal(signal.SIGINT) is before


def test_the_second_interrupt_aborts_at_once(runner: FakeRun, reported: list[Path]) -> None:
    before = signal.getsignal(signal.SIGINT)

    def interrupt(stop: Callable[[], bool]) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop()
        os.kill(os.getpid(), signal.SIGINT)
        stop()

    runner.during = interrupt
    answer = cli("run", MM4, "--quiet")
    assert answer.exit_code != 0
    assert answer.stdout == ""
    assert reported == []
    assert signal.getsignal(signal.SIGINT) is before


def test_the_schema_is_json_and_describes_each_field() -> None:
    schema = json.loads(cli("schema").stdout)
    assert set(schema["required"]) == {"name", "run", "nodes", "apps", "workloads"}
    assert schema["$defs"]["Links"]["properties"]["latency"]["description"].startswith(("Propagation", "time"))


def test_the_page_of_a_result_is_made_again(reported: list[Path], tmp_path: Path) -> None:
    answer = cli("report", str(tmp_path))
    assert (answer.exit_code, answer.stdout, reported) == (0, f"{tmp_path}\n", [tmp_path])
    assert cli("report", str(tmp_path / "nowhere")).exit_code == 2


def test_a_directory_that_holds_no_result_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(directory: Path) -> None:
        raise ResultError(f"{directory} is not a result directory")

    monkeypatch.setattr("simtier.report.write_report", refuse, raising=False)
    answer = cli("report", str(tmp_path))
    assert (answer.exit_code, answer.stderr) == (1, f"error: {tmp_path} is not a result directory\n")


def test_policies_are_listed_and_shown() -> None:
    everything, routing = cli("policies", "list"), cli("policies", "list", "routing")
    assert "earliest_deadline" in everything.stdout
    assert "round_robin" in routing.stdout
    assert "earliest_deadline" not in routing.stdout
    shown = cli("policies", "show", "power_of_two")
    assert shown.stdout.startswith("routing: power_of_two\n")
    assert "  d: integer" in shown.stdout
    missing = cli("policies", "show", "power_of_too")
    assert (missing.exit_code, missing.stderr) == (
        1,
        "error: no policy is called 'power_of_too' (did you mean 'power_of_two'?)\n",
    )
    assert "did you mean 'routing'?" in cli("policies", "list", "routting").stderr


def test_a_policy_of_ones_own_is_shown() -> None:
    own = cli("policies", "show", "simtier.policies.routing.power_of_two:PowerOfTwo")
    assert own.stdout.startswith("routing: simtier.policies.routing.power_of_two:PowerOfTwo\n")
    assert "no 'Nothing'" in cli("policies", "show", "simtier.policies.routing.power_of_two:Nothing").stderr


def test_hardware_and_models_are_listed_by_name() -> None:
    for name in ("raspberry_pi_4", "jetson_nano_gpu", "t4"):
        assert name in cli("hardware").stdout
    assert "resnet50" in cli("models").stdout


def test_samples_are_written_and_then_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    written = cli("traces", "samples", "--out", "made", "--seed", "1").stdout.splitlines()
    assert written
    assert all(Path(line).is_file() for line in written)
    answer = cli("traces", "list", "norway-hsdpa", "--traces", "made")
    assert "norway-hsdpa/bus-1" in answer.stdout
    assert "\nSearched: made, " in answer.stdout


def test_what_was_not_measured_is_a_dash() -> None:
    assert (
        measured({"mean": None}, "mean", "s")
        == measured({}, "mean", "s")
        == measured(None, "mean", "s")
        == "\N{EN DASH}"
    )
    assert measured({"share": 0.5, "half_width_95": {"share": 0.01}}, "share", "%") == "50.0 ± 1.0 %"
    assert measured({"replicas": 2.0, "half_width_95": {"replicas": 0.0}}, "replicas", "") == "2.00"
