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
from simtier.errors import ResultError
from simtier.testing import PROMISES, check_policy
from simtier.testing.cost import cheap_enough, costs
from simtier.testing.play import cut_alike
from simtier.whole import write_whole

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
    assert done.exit_code == 2
    assert message in done.output
    assert not list(tmp_path.iterdir())


def test_nothing_that_exists_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "test_near_first.py").write_text("mine", encoding="utf-8")
    done = CliRunner().invoke(app, ["policies", "new", "routing", "NearFirst", "--out", str(tmp_path)])
    assert done.exit_code == 2
    assert "test_near_first.py exists already: choose another name, or another directory with --out" in done.output
    assert [path.name for path in tmp_path.iterdir()] == ["test_near_first.py"]


@pytest.mark.parametrize("full", ["mine.py", "test_mine.py"])
def test_on_a_full_disk_nothing_is_written(full: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(path: Path, content: bytes) -> None:
        if path.name == full:
            raise ResultError(f"cannot write {path}: No space left on device")
        write_whole(path, content)

    monkeypatch.setattr("simtier.whole.write_whole", write)
    done = CliRunner().invoke(app, ["policies", "new", "routing", "Mine", "--out", str(tmp_path)])
    assert done.exit_code == 1
    assert "No space left on device" in done.output
    assert not list(tmp_path.iterdir())


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
    assert code == 2
    assert "cannot be imported: ModuleNotFoundError: No module named 'nothing_like_that'" in shown


@pytest.mark.parametrize("call", ["sys.exit(0)", "os._exit(3)"])
def test_a_policy_that_ends_the_process_breaks_its_promises_and_the_check_goes_on(call: str, tmp_path: Path) -> None:
    code, shown = check(tmp_path, "import os, sys\n" + STATEFUL.replace("self.turn += 1", call))
    assert code == 1
    assert "broken  answers are legal: InTurn.choose() raised SystemExit: " in shown
    assert "it would end the whole process" in shown
    assert "broken  cheap enough" in shown


@pytest.mark.parametrize("call", ["sys.exit(0)", "os._exit(0)"])
def test_a_file_that_ends_the_process_as_it_is_imported_is_told(call: str, tmp_path: Path) -> None:
    code, shown = check(tmp_path, f"import os, sys\n{STATEFUL}\n\n{call}\n")
    assert code == 2
    assert "mine.py' cannot be imported: SystemExit" in shown
    assert "SystemExit" in shown


def test_what_is_raised_where_no_question_is_asked_is_a_broken_promise(tmp_path: Path) -> None:
    made = "made = 0\n\n    def __init__(self):\n        InTurn.made += 1\n        if InTurn.made > 1:\n            sys.exit(4)"
    code, shown = check(tmp_path, "import sys\n" + STATEFUL.replace("turn = 0", made))
    assert code == 1
    assert "broken  parameters round trip: raised SystemExit: 4" in shown


def test_to_end_another_process_unseen_breaks_a_promise(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    ends = "\n\n    def start(self, site, rng):\n        if sys.argv[0] == '-c':\n            os._exit(0)"
    source = STATEFUL.replace("turn = 0", "turn = 0" + ends)
    path.write_text("import os, sys\n" + source, encoding="utf-8")
    policy = load_policy("routing", f"{path}:InTurn", {}, Path())
    with pytest.raises(AssertionError, match=r"ends another process before it has answered; most likely .* os\._exit"):
        PROMISES["same_in_another_process"](policy)


@pytest.mark.parametrize(
    ("name", "words", "message"),
    [
        ("rondom", (), "no policy is called 'rondom'"),
        ("nowhere.py", (), "cannot read nowhere.py"),
        ("random", ("--set", "wieght=2"), "wieght"),
    ],
)
def test_what_cannot_be_checked_is_no_broken_promise(name: str, words: Sequence[str], message: str) -> None:
    done = CliRunner().invoke(app, ["policies", "check", name, *words])
    assert done.exit_code == 2, done.output
    assert message in done.output


def test_a_broken_promise_is_told_in_few_words(tmp_path: Path) -> None:
    code, shown = check(tmp_path, STATEFUL.replace("return replicas[self.turn % len(replicas)]", "return replicas"))
    assert code == 1
    (line,) = (line for line in shown.splitlines() if "answers are legal" in line)
    assert "answered (FakeReplica(" in line
    assert "; expected a replica it was shown, WAIT or REJECT" in line
    assert len(line) < 700


def test_two_texts_are_cut_to_where_they_differ() -> None:
    one, other = cut_alike("a" * 1000 + "b" + "c" * 1000, "a" * 1000 + "d" + "c" * 1000)
    assert (one[103], other[103]) == ("b", "d")
    assert len(one) == len(other) == 206
    assert cut_alike("same", "same but longer") == ["same", "same but longer"]


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
