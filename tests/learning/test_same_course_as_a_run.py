"""An environment is a run with another agent: whoever decides the same gets the same, row for row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import learning
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from systems import systems

import simtier
from simtier.catalogue.policies import load_policy
from simtier.errors import PolicyError
from simtier.learning import make
from simtier.scenario import Scenario

CLASSES = {
    "autoscaling": "LearnedAutoscaling",
    "routing": "LearnedRouting",
    "partitioning": "LearnedPartitioning",
}


def with_policy(kind: str, ref: str) -> Scenario:
    """Return the short scenario for `kind` with that policy in the place that is learnt."""
    file, decide, changes = learning.PLACES[kind]
    return Scenario.load(file, [*changes, f"{decide}={ref}"])


def fingerprints(result: simtier.Result) -> list[str]:
    return [each["fingerprint"] for each in result.document["replications"]]


@pytest.mark.parametrize("kind", learning.PLACES)
def test_a_trained_agent_takes_the_same_course_in_a_run_as_in_its_environment(kind: str, tmp_path: Path) -> None:
    file, decide, changes = learning.PLACES[kind]
    env = make(file, decide, changes=changes)
    agent = learning.some_agent(env.decision)
    agent.save(tmp_path / "agent.json")
    ref = {"use": f"simtier.learning.policies:{CLASSES[kind]}", "file": str(tmp_path / "agent.json")}
    if kind == "autoscaling":
        ref["every"] = "10 s"
    run = simtier.run(with_policy(kind, json.dumps(ref)))
    played = [learning.play_episode(env, agent.predict) for _ in range(2)]
    assert [each.fingerprint for each in played] == fingerprints(run)
    assert len({str(action) for each in played for action in each.actions}) > 1, "an agent that always does the same"


def scale_like(answer: int, _: tuple[Any, ...]) -> int:
    return min(max(answer, 2), 24) - 2


def route_like(answer: Any, seen: tuple[Any, ...]) -> int:
    return next(place for place, replica in enumerate(seen[1]) if replica is answer)


@pytest.mark.parametrize(
    ("kind", "policy", "to_action"),
    [
        (
            "autoscaling",
            {"use": "target_utilization", "utilization": 0.6, "every": "10 s", "scale_down_after": "20 s"},
            scale_like,
        ),
        ("routing", {"use": "least_in_flight"}, route_like),
        ("partitioning", {"use": "neurosurgeon", "load_factor": 1}, lambda answer, _: list(answer)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_actions_of_a_built_in_policy_give_its_run(kind: str, policy: dict[str, Any], to_action: Any) -> None:
    file, decide, changes = learning.PLACES[kind]
    parameters = {name: value for name, value in policy.items() if name != "use"}
    built_in = load_policy(kind, policy["use"], parameters, Path())
    env = make(file, decide, changes=changes)
    choose = learning.listen_to(env, built_in, to_action)
    played = [learning.play_episode(env, choose).fingerprint for _ in range(2)]
    assert played == fingerprints(simtier.run(with_policy(kind, json.dumps(policy))))


@settings(max_examples=15, deadline=None)
@given(text=systems(), kind=st.sampled_from(["autoscaling", "routing"]), seed=st.integers(0, 3))
def test_on_any_system_an_agent_takes_the_same_course_in_a_run(
    text: str, kind: str, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("agents")
    try:
        env = make(Scenario.from_dict(json.loads(text)), f"services.v0.policies.{kind}")
    except PolicyError as error:
        assert "there is nothing to" in str(error)  # noqa: PT017 - some systems have one replica only
        assume(False)
    agent = learning.some_agent(env.decision, seed)
    agent.save(folder / "agent.json")
    every = {"every": f"{env.decision.written()['every_s']} s"} if kind == "autoscaling" else {}
    ref = {"use": f"simtier.learning.policies:{CLASSES[kind]}", "file": str(folder / "agent.json")} | every
    scenario = Scenario.from_dict(json.loads(text), {f"services.v0.policies.{kind}": json.dumps(ref)})
    assert learning.play_episode(env, agent.predict).fingerprint == fingerprints(simtier.run(scenario))[0]
