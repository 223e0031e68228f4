"""The report and the command line on language models: the section, its numbers, its figures, and the verdict with all targets."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path

import pytest
from typer.testing import CliRunner

import simtier
from simtier.cli import app
from simtier.report import write_report

SCENARIO = """
name: chat
run: {duration: 20 s, drain: 60 s, warmup: 1 s}
nodes:
  gpu: {tier: cloud, cores: 8, memory: 64 GiB, accelerators: [a100_80g]}
services:
  chat: {on: gpu, llm: {model: llama-3-8b}}
  idle: {on: gpu, replicas: 0, llm: {model: llama-3-8b}, policies: {autoscaling: {use: queue_length, per_replica: 9}}}
apps:
  ask:
    stages: {answer: {service: chat, tokens: {input: 200, output: {distribution: uniform, low: 1, high: 80}}}}
    slo: {latency: 2 s, ttft: 150 ms, tpot: 20 ms}
workloads:
  asks: {app: ask, from: gpu, arrivals: {process: poisson, rate: 4 /s}}
"""


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("llm")
    (folder / "chat.yaml").write_text(SCENARIO, encoding="utf-8")
    return simtier.run(simtier.Scenario.load(folder / "chat.yaml"), out=folder / "result", also=write_report).directory


def section(directory: Path) -> str:
    page = (directory / "report.html").read_text(encoding="utf-8")
    return page.partition('<section id="llm">')[2].partition("</section>")[0]


def test_the_numbers_of_the_section_are_those_of_the_summary(directory: Path) -> None:
    shown = {unescape(value) for value in re.findall(r'<data value="([^"]+)"', section(directory))}
    got = simtier.Result.load(directory).summary["llm"]["chat"]
    for time in ("ttft_s", "tpot_s", "itl_s", "latency_s", "normalised_latency_s"):
        assert {repr(got[time][key]) for key in ("mean", "p50", "p90", "p99", "max")} <= shown
    for key in ("served", "output_tokens_per_s", "goodput_per_s", "utilisation", "joules_per_output_token", "energy_j"):
        assert repr(got[key]) in shown
    assert repr(got["usd_per_million_output_tokens"]) in shown


def test_the_figures_say_what_they_show(directory: Path) -> None:
    text = unescape(section(directory))
    assert text.count("<figure>") == 3
    assert "targets: time to first token 150 ms, time per output token 20 ms." in text
    single = re.search(r"Of these (\d+) had one token only", text)
    sequences = simtier.Result.load(directory).sequences
    counted = sequences[sequences["arrival_s"] >= 1]
    assert single is not None
    assert int(single[1]) == (counted["output_tokens"] == 1).sum()
    assert "Sequences that decode together" in text
    assert "Percent of all blocks" in text


def test_accelerators_are_never_more_than_all_in_use(directory: Path) -> None:
    page = unescape((directory / "report.html").read_text(encoding="utf-8"))
    found = re.search(r"Mean share in use: gpu accelerators ([\d.]+) %", page)
    result = simtier.Result.load(directory)
    assert found is not None
    busy = (result.iterations["end_s"] - result.iterations["begin_s"]).sum() / result.document["ended_s"][0]
    assert float(found[1]) == pytest.approx(100 * busy, abs=0.06)


def test_a_result_without_tokens_still_has_a_page(tmp_path: Path) -> None:
    document = SCENARIO.replace("rate: 4 /s", "rate: 0.0001 /s")
    (tmp_path / "chat.yaml").write_text(document, encoding="utf-8")
    found = simtier.run(simtier.Scenario.load(tmp_path / "chat.yaml"), out=tmp_path / "result", also=write_report)
    text = section(found.directory)
    assert "No request got all its tokens" in text
    assert "No engine ended an iteration" in text


def test_the_verdict_names_all_targets(directory: Path) -> None:
    page = unescape((directory / "report.html").read_text(encoding="utf-8"))
    assert (
        "95 % of requests are answered within 2 s, get their first token within 150 ms and take 20 ms per token or less"
        in page
    )


def test_the_command_line_tells_tokens_and_targets(tmp_path: Path) -> None:
    path = tmp_path / "chat.yaml"
    path.write_text(SCENARIO.replace("latency: 2 s, ", ""), encoding="utf-8")
    done = CliRunner().invoke(app, ["run", str(path), "--out", str(tmp_path / "result")])
    assert done.exit_code == 0, done.output
    assert re.search(
        r"SLO (met|MISSED): ask: .* of requests get their first token within 150 ms and take 20.0 ms per token or less; ",
        done.output,
    )
    assert "Language models: tokens" in done.output
    assert "Language models: load" in done.output
    summary = json.loads((tmp_path / "result" / "result.json").read_text(encoding="utf-8"))["summary"]
    assert summary["apps"]["ask"]["slo"]["target_s"] is None
