"""What the terminal and the report tell of engines and power rows: sequences that moved, starts, budgets, accelerators in use."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import Any

from llm_pools import apart, one_by_one, service
from power_rows import power_scenario
from typer.testing import CliRunner

import simtier
from simtier.cli import app
from simtier.report import write_report
from simtier.scenario.load import dump

_MOVE = {"use": "balancing_at:MoveAt", "at": 0.5, "times": 1}


def two_replicas(**llm: Any) -> simtier.Scenario:
    """Return one long answer at one of two replicas, which is moved to the other."""
    both = service("a", policies={"balancing": _MOVE}, **llm) | {"on": ["a", "b"], "replicas": "each"}
    data = apart([], link={"bandwidth": "100 Gbit/s", "latency": "1 ms"}, duration="20 s")
    data |= {"services": {"one": both}, **one_by_one([(0, 100, 400)], {"service": "one"})}
    return simtier.Scenario.from_dict(data)


def told(scenario: simtier.Scenario, folder: Path) -> str:
    """Return what the terminal tells of a run."""
    path = folder / "told.yaml"
    path.write_text(dump(scenario), encoding="utf-8")
    found = CliRunner().invoke(app, ["run", str(path), "--out", str(folder / "result")], env={"COLUMNS": "240"})
    assert found.exit_code == 0, found.output
    return found.stdout


def cells(text: str, title: str) -> dict[str, str]:
    """Return the first row of a table of the terminal by column."""
    lines = text.partition(title)[2].splitlines()
    head = next(line for line in lines if line.startswith("┃"))
    row = next(line for line in lines if line.startswith("│"))
    split = [[cell.strip() for cell in re.split("[│┃]", line)[1:-1]] for line in (head, row)]
    return dict(zip(*split, strict=True))


def test_sequences_that_moved_are_counted_and_told(tmp_path: Path) -> None:
    run = simtier.run(two_replicas(), out=tmp_path / "moved", also=write_report)
    assert run.table("sequences")["moves"].sum() == 1
    assert run.summary["llm"]["one"]["moves"] == 1
    page = unescape((run.directory / "report.html").read_text(encoding="utf-8"))
    engines = page.partition("<caption>Engines</caption>")[2].partition("</table>")[0]
    head = [re.sub("<[^>]+>", "", each) for each in re.findall(r"<th[^>]*>.*?</th>", engines.partition("<tbody>")[0])]
    row = re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", engines.partition("<tbody>")[2], re.DOTALL)
    assert re.sub("<[^>]+>", "", row[head.index("moved sequences")]).strip() == "1"
    text = told(two_replicas(), tmp_path)
    load = cells(text, "Language models: load")
    assert load["moved"] == "1"
    assert load["energy per token"].endswith("J")
    assert load["cost per million tokens"].endswith("USD")


def test_nodes_show_their_accelerators_apart_from_their_cores(tmp_path: Path) -> None:
    node = cells(told(two_replicas(), tmp_path), "Nodes")
    summary = simtier.Result.load(tmp_path / "result").summary["nodes"]["a"]
    assert node["cores in use"] == "0 %"
    assert float(node["accelerators in use"].removesuffix(" %")) == round(100 * summary["accelerator_utilisation"], 1)


def test_nodes_without_accelerators_have_no_column_for_them(tmp_path: Path) -> None:
    mm4 = Path(__file__).parents[2] / "scenarios" / "mm4.yaml"
    short = {"run.duration": "5 s", "run.warmup": "0 s"}
    text = told(simtier.Scenario.load(mm4, short), tmp_path)
    assert "cores in use" in text
    assert "accelerators in use" not in text


def test_power_rows_are_told(tmp_path: Path) -> None:
    text = told(power_scenario({}), tmp_path)
    row = simtier.Result.load(tmp_path / "result").summary["power"]["row"]
    shown = cells(text, "Power rows")
    assert float(shown["peak of budget"].removesuffix(" %")) == round(100 * row["peak_share"], 1)
    assert shown["brakes"] == str(row["brakes"])


def test_starts_are_told(tmp_path: Path) -> None:
    loading = {"disk": "4 GB/s", "chunk": "0 B"}
    starts = cells(told(two_replicas(loading=loading), tmp_path), "Language models: starts of replicas")
    assert starts["starts"] == "0"
