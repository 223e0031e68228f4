"""`simtier policies new` writes what works at once, for every kind; `simtier policies check` tells what is kept and what it costs."""

from __future__ import annotations

import importlib
import math
import subprocess
import sys
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from simtier.catalogue.policies import load_policy
from simtier.cli import app
from simtier.contract import KINDS, ReplicaView, RequestView, Routing
from simtier.testing import PROMISES, check_policy
from simtier.testing.cost import cheap_enough, costs

ROOT = Path(__file__).parents[2]
STATEFUL = """
from simtier import Routing


class InTurn(Routing):
    turn = 0

    def choose(self, request, replicas):
        self.turn += 1
        return replicas[self.turn % len(replicas)]
"""


def written(kind: str, folder: Path) -> None:
    done = CliRunner().invoke(app, ["policies", "new", kind, f"my_{kind}", "--out", str(folder)])
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_policy_of_each_kind_passes_its_own_tests(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(kind, tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module(f"test_my_{kind}")
    tests = [test for name, test in vars(module).items() if name.startswith("test_")]
    assert len(tests) >= 2, "the promises, and a situation made by hand"
    for test in tests:
        test()


def test_new_policies_of_all_kinds_are_clean(tmp_path: Path) -> None:
    for kind in KINDS:
        written(kind, tmp_path)
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]
    assert "ALL" in settings["lint"]["select"]
    ignored = [*settings["lint"]["ignore"], "D103", "INP001", "ARG002"]  # as in tests, and in policies
    check = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--isolated",
        "--line-length=120",
        "--select=ALL",
        f"--ignore={','.join(ignored)}",
        ".",
    ]
    for command in (check, [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length=120", "--check", "."]):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_new_policies_of_all_kinds_pass_pytest_and_are_well_typed(tmp_path: Path) -> None:
    for kind in KINDS:
        written(kind, tmp_path)
    types = [sys.executable, "-m", "mypy", "--strict", f"--cache-dir={tmp_path / 'cache'}", "."]
    tests = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"]
    for command in (types, tests):
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env={"PYTHONPATH": str(ROOT), "MYPYPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["routng", "mine"], "no kind of policy is called 'routng' (did you mean 'routing'?)"),
        (["routing", "my-rule"], "'my-rule' cannot be the name of a class"),
        (["routing", "2nd"], "'2nd' cannot be the name of a class"),
        (["routing", "class"], "class.py would hide a module of that name"),
        (["routing", "random"], "random.py would hide a module of that name"),
        (["routing", "Routing"], "'Routing' is the name of something that the policy's file uses"),
    ],
)
def test_a_wrong_kind_or_name_is_refused(words: list[str], message: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["policies", "new", *words, "--out", str(tmp_path)])
    assert done.exit_code == 1
    assert message in done.output
    assert not list(tmp_path.iterdir())


def test_nothing_that_exists_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "test_near_first.py").write_text("mine", encoding="utf-8")
    done = CliRunner().invoke(app, ["policies", "new", "routing", "NearFirst", "--out", str(tmp_path)])
    assert done.exit_code == 1
    assert "test_near_first.py exists already: choose another name, or another directory with --out" in done.output
    assert [path.name for path in tmp_path.iterdir()] == ["test_near_first.py"]


def check(tmp_path: Path, source: str, *words: str) -> tuple[int, str]:
    path = tmp_path / "mine.py"
    path.write_text(source, encoding="utf-8")
    done = CliRunner().invoke(app, ["policies", "check", str(path), *words])
    return done.exit_code, done.output


def test_every_promise_kept_has_its_line_and_costs_are_told(tmp_path: Path) -> None:
    source = STATEFUL.replace(
        "turn = 0", "first: int = 0\n\n    def start(self, site, rng):\n        self.turn = self.first"
    )
    code, shown = check(tmp_path, source, "--set", "first=2")
    assert code == 0, shown
    assert "routing: InTurn" in shown
    assert "kept    start resets" in shown
    assert "kept    same in another process" in shown
    assert "kept    cheap enough" in shown
    assert "broken" not in shown
    assert "choose() takes" in shown


def test_a_broken_promise_is_told_with_the_likely_cause(tmp_path: Path) -> None:
    code, shown = check(tmp_path, STATEFUL)
    assert code == 1
    assert "broken  start resets:" in shown
    assert "most likely state is made in the class body or __init__ instead of start()" in shown


def test_a_policy_that_never_answers_breaks_its_promises_in_time(tmp_path: Path) -> None:
    code, shown = check(tmp_path, STATEFUL.replace("self.turn += 1", "while True: pass"), "--within", "0.4")
    assert code == 1
    assert "no answer within 0.4 s; most likely it loops for ever" in shown


def test_a_file_that_cannot_be_imported_is_told(tmp_path: Path) -> None:
    code, shown = check(tmp_path, "import nothing_like_that\n" + STATEFUL)
    assert code == 1
    assert "cannot be imported: ModuleNotFoundError: No module named 'nothing_like_that'" in shown


class Clock:
    """Time that only passes as policies of these tests let it."""

    now_s = 0.0

    def perf_counter(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("simtier.testing.cost.time", clock)
    return clock


def takes(clock: Clock, seconds: Callable[[int], float]) -> Routing:
    """Return a policy whose answers take so many seconds, by the number of replicas."""

    class Takes(Routing):
        def choose(self, request: RequestView, replicas: Sequence[ReplicaView]) -> ReplicaView:
            clock.now_s += seconds(len(replicas))
            return replicas[0]

    return Takes()


def test_growth_with_the_number_of_candidates_is_measured(clock: Clock) -> None:
    (square,) = costs(takes(clock, lambda n: 1e-8 * n * n))
    assert square.exponent == pytest.approx(2.0)
    assert square.many_s == pytest.approx(1e-8 * 512**2)
    assert square.remark.startswith(
        "choose() grows like n^2.0 with n candidates (2.6 ms for 512); most likely a loop in a loop"
    )
    (line,) = costs(takes(clock, lambda n: 1e-7 * n))
    assert (line.exponent, line.remark) == (pytest.approx(1.0), "")


def test_slow_answers_are_remarked_and_only_absurdly_slow_ones_break_a_promise(clock: Clock) -> None:
    slow = takes(clock, lambda n: 0.002)
    (cost,) = costs(slow)
    assert cost.remark.startswith("choose() takes 2 ms; most likely it computes anew")
    cheap_enough(slow)
    with pytest.raises(AssertionError, match=r"Takes\.choose\(\) takes 60 ms at the median"):
        PROMISES["cheap_enough"](takes(clock, lambda n: 0.06))


def test_what_a_policy_cannot_be_asked_about_so_many_candidates_is_left_out(clock: Clock) -> None:
    def at_most_nine(n: int) -> float:
        if n > 9:
            raise KeyError(n)
        return 1e-6

    (cost,) = costs(takes(clock, at_most_nine))
    assert math.isnan(cost.exponent)
    assert cost.remark == ""


def test_check_policy_is_the_same_function_for_tests() -> None:
    check_policy(load_policy("admission", "bounded_queue", {"limit": 3}, Path()))
