"""What simtier brings to pytest: `assert_no_regression`, the fixture `policy_metrics`, --simtier-update; and a repository that uses them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from checking import MEAN, ROUTING, WORSE, scenario_in, with_baseline

from simtier.errors import StudyError
from simtier.study.check.baseline import load
from simtier.testing import assert_no_regression
from simtier.testing.plugin import PolicyMetrics
from simtier.testing.regression import UPDATE, measured

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "policy_repository"
HEAVY = (
    "numpy",
    "pandas",
    "pyarrow",
    "scipy",
    "pydantic",
    "simpy",
    "ruamel.yaml",
    "simtier.contract",
    "simtier.runner",
    "simtier.study",
)


def test_the_plugin_loads_nothing_heavy() -> None:
    code = f"import sys, simtier.testing.plugin; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True, env=environment()
    )
    assert done.stdout.strip() == "[]"


def test_a_policy_that_is_as_it_was_passes_and_a_worse_one_fails_with_the_table(tmp_path: Path) -> None:
    base, path = with_baseline(tmp_path)
    found = assert_no_regression(base.name, path)
    assert found is not None
    assert {each.verdict for each in found.metrics} == {"unchanged"}
    with pytest.raises(AssertionError) as told:
        assert_no_regression(base.name, path, changes=dict(WORSE))
    lines = str(told.value).splitlines()
    assert lines[0].endswith("baseline.json says")
    assert lines[1].split()[:4] == ["metric", "baseline", "now", "change"]
    assert any(line.startswith(MEAN) and "WORSE" in line for line in lines)


def test_the_environment_or_an_argument_makes_the_baseline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario, path = scenario_in(tmp_path), tmp_path / "made.json"
    with pytest.raises(StudyError, match="pytest --simtier-update"):
        assert_no_regression(scenario, path)
    monkeypatch.setenv(UPDATE, "1")
    assert assert_no_regression(scenario, path, metrics=["latency_s.mean"], margins={"latency_s.mean": "3 %"}) is None
    assert {name: each.rule.tolerance for name, each in load(path, "?").metrics.items()} == {MEAN: "3 %"}
    monkeypatch.setenv(UPDATE, "0")
    before = path.read_bytes()
    assert assert_no_regression(scenario, path, margins={"latency_s.mean": "3 %"}) is not None
    for other in ({"margins": {MEAN: "5 %"}}, {"tolerances": {MEAN: "3 %"}}, {"margins": {"latency_s.p96": "3 %"}}):
        with pytest.raises(StudyError, match="go with the update"):
            assert_no_regression(scenario, path, **other)  # type: ignore[arg-type]
    assert assert_no_regression(scenario, path, update=True, tolerances={"cost_usd": 0.5}) is None
    assert load(path, "?").metrics["cost_usd"].rule.amount == 0.5
    assert path.read_bytes() != before


def test_metrics_come_by_name_and_replication_and_pair_between_policies(tmp_path: Path) -> None:
    scenario = scenario_in(tmp_path)
    mine = measured(scenario, replications=2)
    random = measured(scenario, {ROUTING: "random"}, replications=2)
    assert len(mine[MEAN]) == len(random[MEAN]) == 2
    assert mine[MEAN] == measured(scenario, replications=2)[MEAN]
    assert mine[MEAN] == measured(scenario, replications=3)[MEAN][:2]
    assert mine["apps.ask.arrived"] == random["apps.ask.arrived"], "the same requests for both"
    assert mine[MEAN] != random[MEAN]
    assert mine[MEAN] != measured(scenario, replications=2, seed=8)[MEAN]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a copy of the example, as a repository of its own."""
    shutil.copytree(EXAMPLE, tmp_path / "repository", ignore=shutil.ignore_patterns("__pycache__", ".*"))
    return tmp_path / "repository"


def environment() -> dict[str, str]:
    """Return an environment in which simtier is found and no plugin loads by itself, whatever is installed here."""
    kept = {name: value for name, value in os.environ.items() if name not in {"PYTEST_ADDOPTS", UPDATE}}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def pytest_in(repository: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-W",
        "error",
        "-p",
        "simtier.testing.plugin",
        "-p",
        "no:cacheprovider",
        *more,
    ]
    return subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False, env=environment())


USED_TWICE = """\
def test_twice(policy_metrics, monkeypatch):
    first = policy_metrics("scenario.yaml", replications=1)
    monkeypatch.setattr("simtier.testing.plugin.measured", None)
    first["cost_usd"].append(7.0)
    again = policy_metrics("scenario.yaml", replications=1)
    assert again["cost_usd"] == first["cost_usd"][:1]
"""


def test_the_example_repository_passes_its_own_tests_and_the_fixture_plays_only_once(repository: Path) -> None:
    (repository / "test_cache.py").write_text(USED_TWICE, encoding="utf-8")
    done = pytest_in(repository)
    assert done.returncode == 0, done.stdout
    assert "4 passed" in done.stdout


def test_a_regression_fails_the_example_and_the_option_takes_it_as_the_new_baseline(repository: Path) -> None:
    rules, baseline = repository / "my_rules.py", repository / "baseline.json"
    rules.write_text(
        rules.read_text(encoding="utf-8").replace("in_flight + self.slack", "in_flight + 3 * self.slack"),
        encoding="utf-8",
    )
    only = ("-k", "no_worse")
    done = pytest_in(repository, *only)
    assert done.returncode == 1
    assert "metrics regressed (6 replications, the baseline's requests" in done.stdout
    assert "simtier/testing/regression.py" not in done.stdout, "the traceback ends in the author's own test"
    before = baseline.read_bytes()
    assert pytest_in(repository, *only, "--simtier-update").returncode == 0
    assert baseline.read_bytes() != before
    assert assert_no_regression(repository / "scenario.yaml", baseline) is not None


def test_the_fixtures_type_is_what_it_gives() -> None:
    """Its keyword arguments are those of `measured`."""
    import inspect

    names = [name for name in inspect.signature(PolicyMetrics.__call__).parameters if name != "self"]
    assert names == list(inspect.signature(measured).parameters)
