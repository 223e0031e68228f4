"""The generated reference is fresh, complete, and true of real results."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from pydantic import BaseModel, create_model
from ruamel.yaml import YAML

import simtier
from simtier.contract import Decision
from simtier.models.tables import OUTCOMES
from simtier.report import write_report
from simtier.scenario import Scenario
from simtier.study.file import Study
from simtier.traces.compare import compare
from simtier.traces.datasets import DATASETS
from simtier.traces.tables import SCHEMAS, batch

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs"))

from pages import lookalikes, results, scenario, study, traces  # type: ignore[import-not-found]  # noqa: E402 - docs/ is no package

PARTS: dict[str, type[BaseModel]] = {part.__name__: part for part in scenario.parts()}


def test_the_reference_is_what_the_source_says() -> None:
    command = [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"]
    elsewhere = {name: value for name, value in os.environ.items() if name != "SIMTIER_TRACES"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=elsewhere)
    assert done.returncode == 0, done.stderr


def test_the_comparison_of_look_alikes_is_what_the_source_says() -> None:
    text = lookalikes.page()
    if text is None:
        pytest.skip("SIMTIER_TRACES does not name a directory with the real traces")
    assert text == (ROOT / "docs" / "reference" / "lookalikes.md").read_text(encoding="utf-8")


def test_every_column_and_dataset_is_in_the_reference_of_traces() -> None:
    page = traces.page()
    for family, schema in SCHEMAS.items():
        section = page.partition(f"### {family}\n")[2].partition("\n### ")[0]
        assert re.findall(r"^\| `(\w+)`", section, re.MULTILINE) == schema.names
    for dataset in DATASETS.values():
        assert all(text in page for text in (f"`{dataset.name}`", dataset.about.licence, dataset.about.cite))


@pytest.mark.parametrize(
    ("factor", "said"),
    [
        (1.0, "Nothing strays further than the bounds above."),
        (
            1.15,
            (
                "Does not match: the distribution of rate_bytes_per_s (distance 0.15); the mean of rate_bytes_per_s "
                "(1.15 times the real); rate over time (1.15 times the real)."
            ),
        ),
    ],
)
def test_what_strays_from_the_real_trace_is_said(factor: float, said: str) -> None:
    """Uniform on [100, 900] against [115, 1035]: at 900 the distribution functions are 1 and 785 / 920."""
    rates = np.linspace(100.0, 900.0, 400)
    real, other = (
        batch("bandwidth", {"time_s": np.arange(400.0), "rate_bytes_per_s": x}, 400) for x in (rates, factor * rates)
    )
    assert lookalikes.verdict(compare([real], [other], "bandwidth")) == said


STUDY_PARTS: dict[str, type[BaseModel]] = {part.__name__: part for part, _ in study.PARTS}


def test_every_part_of_a_study_has_a_section() -> None:
    assert set(Study.model_json_schema()["$defs"]) | {"Study"} == set(STUDY_PARTS)


def test_every_part_of_a_scenario_has_a_section() -> None:
    assert set(Scenario.model_json_schema()["$defs"]) | {"Scenario"} == set(PARTS)


def test_every_field_has_an_example_and_every_example_a_field() -> None:
    fields = {name: {f.alias or n for n, f in part.model_fields.items()} for name, part in PARTS.items()}
    assert {name: set(lines) for name, lines in scenario.example_lines().items()} == fields
    fields = {name: {f.alias or n for n, f in part.model_fields.items()} for name, part in STUDY_PARTS.items()}
    assert {name: set(lines) for name, lines in scenario.example_lines(study.EXAMPLES).items()} == fields


@pytest.mark.parametrize("name", [*PARTS, *STUDY_PARTS])
def test_every_example_is_what_its_field_takes(name: str) -> None:
    part = PARTS.get(name) or STUDY_PARTS[name]
    examples = scenario.example_lines() | scenario.example_lines(study.EXAMPLES)
    for key, line in examples[name].items():
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


@pytest.fixture(scope="module")
def of_platform(tmp_path_factory: pytest.TempPathFactory) -> simtier.Result:
    document = """
        name: platform
        run: {duration: 100 s, replications: 2}
        nodes: {worker: {tier: cloud, cores: 4, memory: 4 GiB}}
        platforms: {faas: {on: worker, cold_start: 500 ms, functions: {resize: {}}}}
        apps: {ask: {stages: {serve: {service: faas, function: resize, time: 100 ms}}, slo: {latency: 1 s}}}
        workloads: {asks: {app: ask, from: worker, arrivals: {process: poisson, rate: 1 /s}}}
    """
    folder = tmp_path_factory.mktemp("docs")
    (folder / "platform.yaml").write_text(document, encoding="utf-8")
    return simtier.run(simtier.Scenario.load(folder / "platform.yaml"), out=folder / "result")


@pytest.fixture(scope="module")
def of_llm(tmp_path_factory: pytest.TempPathFactory) -> simtier.Result:
    document = """
        name: llm
        run: {duration: 20 s, replications: 2}
        nodes: {gpu: {tier: cloud, cores: 4, memory: 64 GiB, accelerators: [a100_80g, a100_80g]}}
        services: {prompts: {on: gpu, llm: {model: llama-3-8b, loading: {disk: 5 GB/s}}}, tokens: {on: gpu, llm: {model: llama-3-8b}}}
        apps: {ask: {stages: {answer: {split: [prompts, tokens], tokens: {input: 90, output: 9}}}, slo: {ttft: 1 s}, policies: {disaggregation: apart}}}
        workloads: {asks: {app: ask, from: gpu, arrivals: {process: poisson, rate: 1 /s}}}
        power_rows: {row: {nodes: gpu, budget: 9 kW}}
    """
    folder = tmp_path_factory.mktemp("docs")
    (folder / "llm.yaml").write_text(document, encoding="utf-8")
    return simtier.run(simtier.Scenario.load(folder / "llm.yaml"), out=folder / "result")


def test_every_file_of_a_result_is_described(result: simtier.Result) -> None:
    found = {f"{path.name}/" if path.is_dir() else path.name for path in result.directory.iterdir()}
    assert found == set(results.meanings()["files"])


def test_every_key_of_a_result_is_described(
    result: simtier.Result, of_platform: simtier.Result, of_llm: simtier.Result
) -> None:
    assert list(result.document) == list(results.meanings()["document"])
    described = set(results.meanings()["summary"])
    of_both = {path.removeprefix("apps.<name>") for path in described if path.startswith("apps.")}
    of_workloads = {f"workloads.<name>{path}" for path in of_both if not path.startswith((".tokens", ".goodput"))}
    found = {path for each in (result, of_platform, of_llm) for path in _paths(each.summary)}
    assert found == described | of_workloads


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
