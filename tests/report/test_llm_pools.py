"""The report on pools of engines: times and cost by application, nothing of one pool that is the business of all, and who sent what to whom."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest

import simtier
from simtier.report import write_report

SCENARIO = """
name: pools
run: {duration: 20 s, drain: 20 s, warmup: 1 s}
nodes:
  left: {tier: cloud, cores: 8, memory: 64 GiB, accelerators: [a100_80g, a100_80g]}
  right: {tier: TIER, cores: 8, memory: 64 GiB, accelerators: [a100_80g]}
links:
  between: {from: left, to: right, latency: 1 ms, bandwidth: 100 Gbit/s, sharing: fair}
services:
  prompts: {on: left, llm: {model: llama-3-8b, hand_over: {overlap: OVERLAP}}}
  tokens: {on: right, llm: {model: llama-3-8b}}
  whole: {on: left, llm: {model: llama-3-8b}}
apps:
  apart:
    stages: {answer: {split: [prompts, tokens], tokens: &lengths {input: 200, output: {distribution: uniform, low: 1, high: 40}}}}
    slo: {ttft: 150 ms, tpot: 20 ms}
    policies: {disaggregation: apart}
  together: {stages: {answer: {service: whole, tokens: *lengths}}, slo: {ttft: 150 ms, tpot: 20 ms}}
workloads:
  apart: {app: apart, from: left, arrivals: {process: poisson, rate: 4 /s}}
  together: {app: together, from: left, arrivals: {process: poisson, rate: 4 /s}}
"""


def page(folder: Path, *, tier: str = "cloud", overlap: bool = False) -> tuple[str, simtier.Result]:
    """Return the text of the report of a small run, and its result."""
    (folder / "pools.yaml").write_text(
        SCENARIO.replace("TIER", tier).replace("OVERLAP", str(overlap).lower()), encoding="utf-8"
    )
    found = simtier.run(simtier.Scenario.load(folder / "pools.yaml"), out=folder / "result", also=write_report)
    return unescape((found.directory / "report.html").read_text(encoding="utf-8")), found


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, simtier.Result]:
    return page(tmp_path_factory.mktemp("pools"))


def rows(text: str, caption: str) -> dict[str, list[str]]:
    """Return the cells of each row of a table, by what the first says."""
    table = text.partition(f"<caption>{caption}</caption>")[2].partition("</table>")[0].partition("<tbody>")[2]
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in table.split("</tr>")]
    plain = [[re.sub(r"<[^>]+>", "", cell).strip() for cell in row] for row in cells if row]
    return {row[0]: row[1:] for row in plain}


def test_what_tokens_took_and_cost_is_said_of_applications(report: tuple[str, simtier.Result]) -> None:
    text, result = report
    bill = rows(text, "Energy and cost of accelerators by application, hosts left out")
    assert set(bill) == {"apart", "together"}
    assert all("\N{EN DASH}" not in row for row in bill.values())
    shown = re.findall(r'<data value="([^"]+)"', text)
    for app in ("apart", "together"):
        tokens = result.summary["apps"][app]["tokens"]
        assert {repr(tokens["ttft_s"]["p90"]), repr(tokens["usd_per_million_output_tokens"])} <= set(shown)


def test_nothing_is_said_of_one_pool_that_is_the_business_of_both(report: tuple[str, simtier.Result]) -> None:
    bill = rows(report[0], "Energy and cost of their accelerators, hosts left out")
    assert bill["prompts"][1::2] == bill["tokens"][1::2] == ["\N{EN DASH}"] * 2
    assert "\N{EN DASH}" not in bill["whole"]
    assert rows(report[0], "Requests and tokens")["prompts"][-2:] == ["\N{EN DASH}"] * 2


def test_who_computed_prompts_for_whom_is_told(report: tuple[str, simtier.Result]) -> None:
    text, result = report
    caption = "Requests that another service decodes than computed their prompt; how long keys and values take from the first token on"
    moved = rows(text, caption)
    assert set(moved) == {"prompts", "tokens"}
    sequences = result.sequences[result.sequences["arrival_s"] >= 1]
    number = str((sequences["service"] == "tokens").sum())
    assert moved["prompts"][:2] == [number, "0"]
    assert moved["tokens"][:2] == ["0", number]


def test_a_pool_that_computes_prompts_has_no_times_and_no_batches(report: tuple[str, simtier.Result]) -> None:
    text, _ = report
    assert "prompts" not in rows(text, "Times of tokens")
    assert "prompts: times of tokens" not in text
    assert "tokens: times of tokens" in text
    decoding = text.partition("Sequences that decode together")[2].partition('"')[0]
    assert "prompts" not in decoding
    assert "tokens" in decoding


def test_targets_are_drawn_where_a_pool_decodes(report: tuple[str, simtier.Result]) -> None:
    alt = re.search(r'aria-label="([^"]+ of tokens: [^"]+)"', report[0])
    assert alt is not None
    assert "targets: time to first token 150 ms, time per output token 20 ms." in alt[1]


def test_parts_are_shown_where_they_run_on_several_tiers(report: tuple[str, simtier.Result], tmp_path: Path) -> None:
    assert "which parts ran where" not in report[0]
    text, _ = page(tmp_path, tier="edge")
    assert "apart: which parts ran where" in text
    assert "which layers ran where" not in text


def test_times_add_up_unless_keys_and_values_are_sent_while_the_prompt_is_computed(
    report: tuple[str, simtier.Result], tmp_path: Path
) -> None:
    times = rows(report[0], "Mean times of apart, over all its requests")
    assert times["sum"][-1] == times["mean latency"][-1]
    assert "and of keys and values the wait for room there" in report[0]
    text, _ = page(tmp_path, overlap=True)
    assert "sum, overlapping in time" in rows(text, "Mean times of apart, over all its requests")
    assert "sum" in rows(text, "Mean times of together, over all its requests")
