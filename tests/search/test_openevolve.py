"""A suite as an evaluator file: what a search that calls `evaluate(program_path)` gets."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

from simtier.errors import StudyError
from simtier.search import evaluate, evaluator

ROOT = Path(__file__).parents[2]
SUITE = f"""
name: small
problem: scenarios
settings:
  kind: scheduling
  field: policies.scheduling
  baseline: fifo
  metrics: [{{name: latency_s.mean}}]
  cases:
    - {{name: first, stage: cheap, scenario: {ROOT / "scenarios/mm4.yaml"}, set: &short {{run.duration: 6 s, run.warmup: 1 s, run.replications: 1}}}}
    - {{name: second, stage: full, scenario: {ROOT / "scenarios/mm4.yaml"}, set: {{<<: *short, run.seed: 2}}}}
threshold: 90
"""
GOOD = "from simtier import Scheduling\n\nclass Mine(Scheduling):\n    def rank(self, request):\n        return request.work_s\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "suite.yaml").write_text(SUITE, encoding="utf-8")
    (tmp_path / "good.py").write_text(GOOD, encoding="utf-8")
    (tmp_path / "bad.py").write_text(GOOD.replace("request.work_s", "request.nothing"), encoding="utf-8")
    return tmp_path


def test_three_lines_make_an_evaluator_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = (
        "from simtier.search import evaluator\n\nevaluate, evaluate_stage1, evaluate_stage2 = evaluator('suite.yaml')\n"
    )
    (folder / "evaluator_of_mine.py").write_text(lines, encoding="utf-8")
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    module = importlib.import_module("evaluator_of_mine")
    cheap = module.evaluate(str(folder / "good.py"))  # below the suite's threshold
    assert cheap["combined_score"] == cheap["cheap_score"] > 0
    assert "full_score" not in cheap
    full = module.evaluate_stage2(str(folder / "good.py"))
    assert full["combined_score"] == full["full_score"] == full["improvement.apps.ask.latency_s.mean"]
    assert all(isinstance(value, float) for value in (cheap | full).values())


def test_a_broken_program_gets_the_worst_score_and_the_variable_names_the_suite(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StudyError, match="SIMTIER_SUITE is not set"):
        evaluate(str(folder / "bad.py"))
    monkeypatch.setenv("SIMTIER_SUITE", str(folder / "suite.yaml"))
    assert evaluate(str(folder / "bad.py")) == {"combined_score": -1000.0, "valid": 0.0}


@pytest.mark.slow
def test_where_openevolve_is_installed_it_gets_its_own_kind_of_result(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class EvaluationResult:
        def __init__(self, metrics: dict[str, float], artifacts: dict[str, str]) -> None:
            self.metrics, self.artifacts = metrics, artifacts

    package, results = ModuleType("openevolve"), ModuleType("openevolve.evaluation_result")
    package.__spec__ = importlib.machinery.ModuleSpec("openevolve", None)
    results.EvaluationResult = EvaluationResult  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "openevolve", package)
    monkeypatch.setitem(sys.modules, "openevolve.evaluation_result", results)
    found = evaluator(folder / "suite.yaml").evaluate_stage1(str(folder / "bad.py"))
    assert isinstance(found, EvaluationResult)
    assert found.metrics["valid"] == 0.0
    assert "bad.py:5 in rank: return request.nothing" in found.artifacts["failures"]
    assert found.artifacts["stage"] == "cheap"
