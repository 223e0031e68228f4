"""`simtier plan`: what it prints, writes and refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from planning import readme
from typer.testing import CliRunner

from simtier.cli import app
from simtier.cli.plan_shown import show
from simtier.planning import distserve, question
from simtier.planning.engines import Division
from simtier.planning.plans import Colocated
from simtier.scenario.check import require_valid
from simtier.scenario.load import dump, load

FEW = ("--requests", "60")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "readme.yaml"
    made.write_text(dump(readme()), encoding="utf-8")
    return made


def test_it_prints_pools_and_what_they_take(file: Path) -> None:
    found = CliRunner().invoke(app, ["plan", str(file), "--within-nodes", *FEW])
    assert found.exit_code == 0, found.output
    for text in (
        "distserve, pairs within nodes: pools for chat",
        "prompts",
        "tokens",
        "Promised: 90% within 0.2 s",
        "seed 1",
    ):
        assert text in found.stdout


def test_json_is_all_that_json_prints(file: Path) -> None:
    found = CliRunner().invoke(
        app, ["plan", str(file), "--within-nodes", "--json", "--seed", "7", "--rate", "1 /s", *FEW]
    )
    plan = json.loads(found.stdout)
    assert (plan["requests"], plan["seed"], plan["rate_per_s"], plan["attainment"]) == (60, 7, 1.0, 0.9)
    assert [pool["role"] for pool in plan["pools"]] == ["prompts", "tokens"]
    assert plan["accelerators"] == sum(pool["accelerators"] for pool in plan["pools"])
    assert plan["without_pools"]["goodput_per_s_of_an_accelerator"] > 0


def test_the_scenario_it_writes_can_run(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "elsewhere" / "planned.yaml"
    out.parent.mkdir()
    found = CliRunner().invoke(app, ["plan", str(file), "--within-nodes", "--out", str(out), *FEW])
    assert found.exit_code == 0, found.output
    written = load(out)
    require_valid(written)
    assert written.apps["chat"].stages["answer"].split == ("chat_prompts", "chat_tokens")
    assert out.read_text(encoding="utf-8").startswith("# Planned by simtier plan, method distserve")


def test_a_plan_that_does_not_fit_is_shown_and_not_written(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "planned.yaml"
    found = CliRunner().invoke(app, ["plan", str(file), "--rate", "50 /s", "--out", str(out), *FEW])
    assert found.exit_code == 2
    assert "pools for chat" in found.stdout
    assert "more than the 4 of services.chat.on can hold: add nodes, or plan for a lower --rate" in found.stderr
    assert not out.exists()


def test_a_rate_far_too_high_is_refused_before_all_pools_are_simulated(file: Path) -> None:
    asked = ["plan", str(file), "--rate", "100000 /s", *FEW]
    found = CliRunner().invoke(app, asked)
    assert found.exit_code == 2
    assert "100,000 requests/s take" in found.stderr
    assert "there are fewer, so they are not simulated together" in found.stdout
    assert json.loads(CliRunner().invoke(app, [*asked, "--json"]).stdout)["attained"] is None


@pytest.mark.parametrize(
    ("out", "message"),
    [("readme.yaml", "is there already: give --out another name"), ("no/a.yaml", "there is no folder")],
)
def test_a_scenario_that_cannot_be_written_is_refused_before_the_search(
    file: Path, out: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def search(*_: object, **__: object) -> None:
        raise AssertionError("it searches")

    monkeypatch.setattr("simtier.planning.distserve", search)
    found = CliRunner().invoke(app, ["plan", str(file), "--out", str(file.parent / out)])
    assert found.exit_code != 0
    assert message in " ".join(found.stderr.split())


@pytest.mark.parametrize(("times", "better"), [(0.99, False), (1.01, True)])
def test_it_says_so_where_whole_replicas_take_more(
    times: float, better: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = distserve(question(readme(), number=60), within_nodes=True, compare=False)
    whole = Colocated(division=Division(2), goodput=2 * times * plan.per_accelerator)
    show(replace(plan, colocated=whole), as_json=False)
    sentence = "more than these pools take: whole replicas are the better choice here"
    assert (sentence in capsys.readouterr().out) is better


def test_splitwise_takes_dollars_or_watts(file: Path) -> None:
    common = [
        "plan",
        str(file),
        "--method",
        "splitwise",
        "--json",
        "--requests",
        "40",
        "--set",
        "services.chat.llm.tensor=2",
    ]
    dollars = json.loads(CliRunner().invoke(app, [*common, "--budget", "25 USD/hour"]).stdout)
    watts = json.loads(CliRunner().invoke(app, [*common, "--budget", "2 kW"]).stdout)
    assert dollars["dollars_per_s"] * 3600 <= 25
    assert watts["watts"] <= 2000
    assert dollars["pools"] == watts["pools"]  # four accelerators each: 20.48 USD/hour, 1.6 kW


def test_alpaserve_needs_several_models(file: Path) -> None:
    found = CliRunner().invoke(app, ["plan", str(file), "--method", "alpaserve"])
    assert found.exit_code == 2
    assert "has 1 language model, and placing is about several: use the method distserve" in found.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--budget", "1 USD/hour"], "--budget means nothing to the method distserve"),
        (["--method", "alpaserve", "--out", "x.yaml"], "--out means nothing to the method alpaserve"),
        (["--method", "splitwise", "--budget", "1 kW", "--rate", "1 /s"], "leave out --rate and --by-power"),
        (["--method", "splitwise", "--budget", "1 m"], "1 m"),
        (["--rate", "5"], "has no unit: expected frequency"),
        (["--app", "talk"], "there is no application 'talk'"),
    ],
)
def test_options_that_make_no_sense_are_refused(file: Path, options: list[str], message: str) -> None:
    found = CliRunner().invoke(app, ["plan", str(file), *options])
    assert found.exit_code == 2
    assert message in " ".join(found.stderr.replace("│", " ").split())
