"""The generated reference is fresh, complete, and true of real results."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from pydantic import BaseModel, create_model
from ruamel.yaml import YAML

import simtier
from simtier.contract import Decision
from simtier.models.tables import OUTCOMES
from simtier.report import write_report
from simtier.scenario import Scenario

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs"))

from pages import results, scenario  # type: ignore[import-not-found]  # noqa: E402 - docs/ is no package

PARTS: dict[str, type[BaseModel]] = {part.__name__: part for part in scenario.parts()}


def test_the_reference_is_what_the_source_says() -> None:
    command = [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_part_of_a_scenario_has_a_section() -> None:
    assert set(Scenario.model_json_schema()["$defs"]) | {"Scenario"} == set(PARTS)


def test_every_field_has_an_example_and_every_example_a_field() -> None:
    fields = {name: {f.alias or n for n, f in part.model_fields.items()} for name, part in PARTS.items()}
    assert {name: set(lines) for name, lines in scenario.example_lines().items()} == fields


@pytest.mark.parametrize("name", PARTS)
def test_every_example_is_what_its_field_takes(name: str) -> None:
    part = PARTS[name]
    for key, line in scenario.example_lines()[name].items():
        value = YAML(typ="safe", pure=True).load(line)[key]
        field, info = next((field, info) for field, info in part.model_fields.items() if key == (info.alias or field))
        alone: Any = {field: (info.annotation, info)}
        create_model("Alone", **alone).model_validate({key: value})


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> simtier.Result:
    folder = tmp_path_factory.mktemp("docs")
    rule = "from simtier import Routing\nclass First(Routing):\n    def choose(self, request, replicas):\n        return replicas[0]\n"
    (folder / "rule.py").write_text(rule, encoding="utf-8")
    changes = {"run.duration": "20 s", "run.warmup": "1 s", "run.replications": "2"}
    changes["services.front.policies.routing"] = f"{folder / 'rule.py'}:First"
    loaded = simtier.Scenario.load(ROOT / "scenarios" / "edge_cloud_web.yaml", changes)
    found = simtier.run(loaded, out=folder / "result", explain=5)
    write_report(found.directory)
    return found


def test_every_file_of_a_result_is_described(result: simtier.Result) -> None:
    found = {f"{path.name}/" if path.is_dir() else path.name for path in result.directory.iterdir()}
    assert found == set(results.meanings()["files"])


def test_every_key_of_a_result_is_described(result: simtier.Result) -> None:
    assert list(result.document) == list(results.meanings()["document"])
    described = set(results.meanings()["summary"])
    of_workloads = {f"workloads.{path.removeprefix('apps.')}" for path in described if path.startswith("apps.")}
    assert set(_paths(result.summary)) == described | of_workloads


def _paths(summary: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the path of every object and number, with names of parts replaced by what they are names of."""
    for key, value in summary.items():
        if key == "half_width_95":
            continue
        name = "<group>" if path in (("nodes",), ("links",)) else "<name>"
        here = (*path, name if len(path) == 1 else key)
        if len(here) > 1 or not isinstance(value, dict):
            yield ".".join(here)
        if isinstance(value, dict):
            yield from _paths(value, here)


def test_every_outcome_and_column_is_described(result: simtier.Result) -> None:
    assert set(results.meanings()["outcomes"]) == set(OUTCOMES)
    assert set(results.meanings()["decisions"]) == set(Decision.__annotations__)
    assert pq.read_schema(result.directory / "decisions.parquet").names == list(results.meanings()["decisions"])
