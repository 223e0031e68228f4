"""What a result tells of the traces it replayed, and that it can be had again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from replaying import (
    CONV,
    TOKENS,
    counted,
    llm,
    pool,
    run,
)

import simtier
from simtier.errors import ScenarioError, TraceError
from simtier.world import traces as shelves


@pytest.fixture(autouse=True)
def _only_shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIMTIER_TRACES", raising=False)


def test_a_bad_row_ends_the_run_with_its_place_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = llm(tmp_path)
    lines = (tmp_path / "own.csv").read_text(encoding="utf-8").splitlines()
    lines[1500] = lines[1500].rpartition(",")[0] + ",many"
    (tmp_path / "own.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    data = pool({"trace": name}, TOKENS)
    with pytest.raises(ScenarioError, match=r"line 1501, column 3 .output_tokens."):
        run(data, tmp_path)
    monkeypatch.setattr("simtier.runner.require_valid", lambda *_: None)  # as beyond the rows that are checked
    with pytest.raises(TraceError, match=r"line 1501, column 3 .output_tokens."):
        run(data, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["own.csv"]
    _, document = run(pool({"trace": name, "on_error": "drop"}, TOKENS), tmp_path)
    (told,) = document["traces"]
    assert sum(told["dropped"].values()) == 1
    assert told["rows"] == 2000
    assert document["summary"]["workloads"]["asks"]["arrived"] == 1999


def test_the_result_tells_of_each_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelves, "HELD_ROWS", 100)
    name = llm(tmp_path, 300_000)
    _, document = run(pool({"trace": name}, TOKENS, run={"duration": "5 s", "replications": 2}, sources=2), tmp_path)
    (told,) = document["traces"]
    assert told["name"] == name
    assert 0 < told["rows"] < 300_000
    assert told["notes"] == [f"read up to row {told['rows']}: the run needed no more"]
    assert len(told["sha256"]) == 64


def test_both_ways_with_bad_rows_are_told_apart(tmp_path: Path) -> None:
    name = llm(tmp_path)
    data = pool({"trace": name}, TOKENS)
    data["workloads"]["also"] = {"app": "ask", "from": "gate", "trace": name, "on_error": "drop"}
    data["workloads"]["again"] = {"app": "ask", "from": "gate", "trace": [name, CONV]}
    _, document = run(data, tmp_path)
    assert [told["name"] for told in document["traces"]] == [CONV, name]


def test_the_written_scenario_runs_again_from_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / "here"
    here.mkdir()
    llm(here)
    data = pool({"trace": ["own:./own.csv", CONV], "window": ["10 s", "2 min"], "share": 0.8}, TOKENS)
    (here / "scenario.yaml").write_text(json.dumps(data), encoding="utf-8")
    first = simtier.run(simtier.Scenario.load(here / "scenario.yaml"), out=tmp_path / "result")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    again = simtier.run(simtier.Scenario.load(first.directory / "scenario.yaml"), out=tmp_path / "again")
    assert again.fingerprint == first.fingerprint


def test_another_process_has_the_same_fingerprint(tmp_path: Path) -> None:
    data = counted(tmp_path, "poisson", {"scale_rate": 1.3, "share": 0.9, "share_by": "function"})
    (tmp_path / "scenario.yaml").write_text(json.dumps(data), encoding="utf-8")
    code = "import simtier, sys; print(simtier.run(simtier.Scenario.load(sys.argv[1])).fingerprint)"
    prints = {
        subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "scenario.yaml")],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(simtier.__file__).parents[1])},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(prints) == 1
    assert prints == {simtier.run(simtier.Scenario.load(tmp_path / "scenario.yaml")).fingerprint + "\n"}
