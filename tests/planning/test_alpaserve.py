"""AlpaServe's placement: models that do not fit together on one accelerator share two."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from simtier.cli import app
from simtier.errors import PlanError
from simtier.planning import alpaserve
from simtier.planning.engines import Division
from simtier.scenario import Scenario
from simtier.scenario.load import dump


def two_models(arrivals: dict[str, Any], changes: dict[str, str] | None = None, within: str = "1 s") -> Scenario:
    """Return two models of 26 GB on two accelerators of 40 GB, prompts only."""
    tokens = {"tokens": {"input": 1024, "output": 1}}
    data = {
        "name": "two_models",
        "run": {"duration": "10 min", "seed": 1},
        "nodes": {
            "gpus": {"tier": "cloud", "hardware": "cloud_gpu_host", "accelerators": ["a100_40g"] * 2},
            "people": {"tier": "device", "cores": 1},
        },
        "links": {"up": {"from": "people", "to": "gpus", "latency": "1 us"}},
        "services": {name: {"on": "gpus", "llm": {"model": "llama-2-13b"}} for name in ("first", "second")},
        "apps": {
            f"ask_{name}": {
                "stages": {"answer": {"service": name, **tokens}},
                "slo": {"latency": within, "percentile": 90},
            }
            for name in ("first", "second")
        },
        "workloads": {
            name: {"app": f"ask_{name}", "from": "people", "arrivals": arrivals} for name in ("first", "second")
        },
    }
    return Scenario.from_dict(data, changes or {})


def test_in_bursts_both_models_over_both_accelerators_are_better() -> None:
    plan = alpaserve(two_models({"process": "gamma", "rate": "3 /s", "cv": 3}))
    assert plan.apart is not None
    assert plan.apart.groups == (("first",), ("second",))
    assert plan.shared.groups == (("first", "second"),)
    assert plan.shared.division.accelerators == 2
    assert plan.shared.attained > plan.apart.attained + 0.02
    assert plan.shared.times_rate > plan.apart.times_rate


def test_without_bursts_a_model_each_is_as_good_and_quicker() -> None:
    """Requests of 0.19 s at regular times, 0.2 s allowed: sending between stages and two fixed costs make the shared ones late."""
    plan = alpaserve(two_models({"process": "periodic", "rate": "3 /s"}, within="200 ms"))
    assert plan.shared.division == Division(1, 1)
    assert plan.shared.groups == (("first",), ("second",))
    assert plan.shared.attained == 1.0


def test_the_same_question_has_the_same_answer() -> None:
    plans = [alpaserve(two_models({"process": "poisson", "rate": "3 /s"}), number=50) for _ in range(2)]
    assert (plans[0].shared, plans[0].apart) == (plans[1].shared, plans[1].apart)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"apps.ask_second.slo": "null"}, "apps.ask_second.slo: placing needs to know when a request is late"),
        ({"apps.ask_second.stages.answer.service": "first"}, "two applications use the same service"),
        (
            {"nodes.gpus.accelerators": "[a100_40g, a100_80g]"},
            "must all be `on` the same nodes, with accelerators of one kind",
        ),
    ],
)
def test_models_that_cannot_share_are_refused(changes: dict[str, str], message: str) -> None:
    with pytest.raises(PlanError, match=message):
        alpaserve(two_models({"process": "poisson", "rate": "3 /s"}, changes))


def test_one_model_is_not_placed() -> None:
    scenario = two_models({"process": "poisson", "rate": "3 /s"}).model_dump(mode="json", by_alias=True)
    del scenario["apps"]["ask_second"], scenario["workloads"]["second"]
    with pytest.raises(PlanError, match="has 1 language model, and placing is about several"):
        alpaserve(Scenario.from_dict(scenario))


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_the_command_shows_both_placements(form: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "two.yaml"
    file.write_text(dump(two_models({"process": "poisson", "rate": "3 /s"})), encoding="utf-8")
    found = CliRunner().invoke(app, ["plan", str(file), "--method", "alpaserve", "--requests", "50", *form])
    assert found.exit_code == 0, found.output
    if form:
        plan = json.loads(found.stdout)
        assert plan["requests"] == 100
        assert plan["one_model_each"]["groups"] == [["first"], ["second"]]
    else:
        assert "first; second" in found.stdout
        assert "simulations of 100 requests, seed 1." in found.stdout
