"""Small agents: what they value, what they learn, how they are kept, and how they keep the promises of policies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import learning
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from learnt_elsewhere import Busier, MostOften

import simtier
from simtier.catalogue.policies import load_policy
from simtier.errors import PolicyError, ScenarioError
from simtier.learning import LinearAgent, RouteDecision, ScaleDecision, SplitDecision, TabularAgent, make
from simtier.learning.agents import load
from simtier.learning.decisions import Decision
from simtier.learning.files import read_agent, write_agent
from simtier.learning.policies import LearnedAutoscaling, LearnedPartitioning, LearnedRouting
from simtier.streams import Streams
from simtier.testing import FakeReplica, FakeRequest, FakeService, FakeSite, FakeSplit, check_policy

DECISIONS = {
    LearnedAutoscaling: ScaleDecision(1, 9, 15.0),
    LearnedRouting: RouteDecision(4),
    LearnedPartitioning: SplitDecision(3, (0, 2, 5, 9)),
}


@pytest.fixture(params=DECISIONS, ids=lambda policy: policy.__name__)
def learned(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Return a policy of each kind, with an agent that decides by all that it sees."""
    learning.some_agent(DECISIONS[request.param], seed=1).save(tmp_path / "agent.json")
    return request.param(file=str(tmp_path / "agent.json"))


def test_a_trained_agent_keeps_every_promise_of_a_policy(learned: Any) -> None:
    check_policy(learned)


def test_a_tabular_agent_and_models_of_others_keep_them_too(tmp_path: Path) -> None:
    table = TabularAgent(ScaleDecision(1, 9, 15.0), {"busy": 3, "queued": 2})
    table.weights[0][:] = Streams(4).stream("table").normal(size=table.weights[0].shape)
    table.save(tmp_path / "table.json")
    check_policy(LearnedAutoscaling(file=str(tmp_path / "table.json")))
    write_agent(tmp_path / "decision.json", ScaleDecision(1, 9, 15.0))
    check_policy(Busier(file=str(tmp_path / "decision.json")))
    write_agent(tmp_path / "route.json", RouteDecision(4))
    check_policy(MostOften(file=str(tmp_path / "route.json"), place=2))


@pytest.mark.parametrize("decision", DECISIONS.values(), ids=lambda decision: decision.kind)
@given(seed=st.integers(0, 1000))
def test_a_step_moves_a_value_by_the_rate_towards_the_target(decision: Decision, seed: int) -> None:
    draws = Streams(seed).stream("step")
    names = {name: int(draws.integers(1, 4)) for name in decision.names[:3]}
    for agent in (LinearAgent(decision), TabularAgent(decision, names)):
        agent.weights = [draws.normal(size=weights.shape) for weights in agent.weights]
        seen = draws.random(len(decision.names)).astype(np.float32)
        action = [int(draws.integers(size)) for size in decision.sizes]
        other = [(number + 1) % size for number, size in zip(action, decision.sizes, strict=True)]
        before, beside = agent.value(seen, action), agent.value(seen, other)
        target, rate = float(draws.normal()), float(draws.random())
        agent.learn(seen, action, target, rate)
        assert agent.value(seen, action) == pytest.approx(before + rate * (target - before))
        assert agent.value(seen, other) == pytest.approx(beside)
        best = agent.predict(seen)
        assert agent.value(seen, best) == pytest.approx(max_value(agent, seen))


def max_value(agent: LinearAgent, seen: Any) -> float:
    """Return the highest value of all actions, by trying them."""
    return max(
        agent.value(seen, np.unravel_index(k, agent.decision.sizes)) for k in range(np.prod(agent.decision.sizes))
    )


def test_a_table_tells_apart_what_lies_in_other_ranges() -> None:
    agent = TabularAgent(ScaleDecision(0, 3, 5.0), {"queued": 4})
    seen = np.array([0, 0, 0, 0, 0, 0.3], dtype=np.float32)
    agent.learn(seen, 2, 7.0, 1.0)
    assert [agent.value(np.array([1, 1, 1, 1, 1, queued]), 2) for queued in (0.25, 0.49, 0.5, 0.24, 0.0, 1.0)] == [
        7.0,
        7.0,
        0.0,
        0.0,
        0.0,
        0.0,
    ]


@pytest.mark.parametrize("decision", DECISIONS.values(), ids=lambda decision: decision.kind)
def test_an_agent_read_again_is_the_same(decision: Decision, tmp_path: Path) -> None:
    agents = [
        learning.some_agent(decision),
        TabularAgent(decision, {decision.names[0]: 3}, [np.ones((size, 3)) for size in decision.sizes]),
    ]
    for agent in agents:
        agent.save(tmp_path / "agent.json")
        again = load(tmp_path / "agent.json")
        assert type(again) is type(agent)
        assert again.written() == agent.written()
        assert again.decision.written() == decision.written()
        again.save(tmp_path / "again.json")
        assert (tmp_path / "again.json").read_bytes() == (tmp_path / "agent.json").read_bytes()


def test_routing_sees_each_replica_and_is_never_lost() -> None:
    decision = RouteDecision(3)
    decision.start(FakeSite())
    replicas = tuple(FakeReplica(id=k, in_flight=k, concurrency=1) for k in range(5))
    seen = decision.observe(FakeRequest(work_s=0.1, deadline_s=float("inf"), size_bytes=0.0), replicas[:2])
    shown = dict(zip(decision.names, seen.tolist(), strict=True))
    assert (shown["request.work"], shown["request.slack"], shown["request.size"]) == (0.5, 1.0, 0.0)
    assert [shown[f"replica{k}.there"] for k in range(3)] == [1, 1, 0]
    assert shown["replica1.in_flight"] == pytest.approx(1 / 5)
    assert decision.mask(seen).tolist() == [1, 1, 0]
    assert [decision.answer(k, None, replicas[:2]).id for k in range(3)] == [0, 1, 1]
    assert decision.observe(FakeRequest(work_s=float("nan")), replicas).shape == seen.shape
    assert decision.answer(2, None, replicas).id == 2


def test_cuts_are_sorted_and_never_behind_the_last_layer() -> None:
    decision = SplitDecision(3, (0, 4, 9))
    path = FakeSplit(tiers=(), hops=(), returns=(), crossing_bytes=(1.0,) * 8)
    assert decision.answer([2, 1], None, path) == (4, 7)
    assert decision.answer(np.array([0, 0]), None, path) == (0, 0)


def test_an_agent_of_another_kind_or_period_is_refused(tmp_path: Path) -> None:
    learning.some_agent(RouteDecision(2)).save(tmp_path / "route.json")
    learning.some_agent(ScaleDecision(1, 2, 5.0)).save(tmp_path / "scale.json")
    rng = Streams(0).stream("policy")
    with pytest.raises(PolicyError, match="the agent has learnt routing, not autoscaling"):
        LearnedAutoscaling(file=str(tmp_path / "route.json")).start(FakeSite(), rng)
    with pytest.raises(PolicyError, match="asked every 5 s in training, not 15 s: give `every: 5 s`"):
        LearnedAutoscaling(file=str(tmp_path / "scale.json")).start(FakeSite(), rng)
    of_two = LearnedAutoscaling(file=str(tmp_path / "scale.json"), every=5.0)
    of_two.start(FakeSite(), rng)
    assert of_two.target(FakeService()) in (1, 2)


def test_a_missing_agent_is_refused_where_the_scenario_is_checked(tmp_path: Path) -> None:
    use = "simtier.learning.policies:LearnedAutoscaling"
    with pytest.raises(
        PolicyError, match=r"parameter 'file': there is no file 'nowhere.json' in .*: agents are written by"
    ):
        load_policy("autoscaling", use, {"file": "nowhere.json"}, tmp_path)
    scenario = learning.system(**{"services.web.policies.autoscaling": f"{{use: '{use}', file: nowhere.json}}"})
    with pytest.raises(ScenarioError, match=r"services.web.policies.autoscaling.*there is no file 'nowhere.json'"):
        simtier.run(scenario)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is no agent: it is not JSON"),
        ("[1]", "is no agent: it has no `decision`"),
        ('{"format": 2, "decision": {}}', "has format 2; this version reads 1"),
        (
            '{"format": 1, "decision": {"kind": "rooting"}}',
            "no decision to learn is called 'rooting' .did you mean 'routing'",
        ),
        (
            '{"format": 1, "decision": {"kind": "routing"}}',
            "what was kept of a routing decision has .'kind'.; expected kind, most",
        ),
        ('{"format": 1, "decision": {"kind": "routing", "most": 2}}', "has a decision and no agent: derive a policy"),
        (
            '{"format": 1, "decision": {"kind": "routing", "most": 2}, "agent": {"kind": "liner"}}',
            "is called 'liner' .did you mean 'linear'",
        ),
        (
            '{"format": 1, "decision": {"kind": "routing", "most": 2}, "agent": {"kind": "linear", "weights": [[[1]]]}}',
            r"has weights of shape \[\(2, 12\)\], not \[\(1, 1\)\]",
        ),
    ],
)
def test_a_file_that_is_no_agent_says_why(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "agent.json").write_text(text, encoding="utf-8")
    with pytest.raises(PolicyError, match=message):
        load(tmp_path / "agent.json")


def test_files_that_cannot_be_read_or_written_are_said(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"cannot read the agent .*none.json.*No such file"):
        read_agent(tmp_path / "none.json")
    with pytest.raises(PolicyError, match=r"cannot write the agent to .*No such file"):
        learning.some_agent(RouteDecision(2)).save(tmp_path / "nowhere" / "agent.json")


def test_tables_are_made_of_what_is_seen() -> None:
    with pytest.raises(PolicyError, match=r"autoscaling decision is called 'queue' .did you mean 'queued'"):
        TabularAgent(ScaleDecision(1, 2, 5.0), {"queue": 3})
    with pytest.raises(PolicyError, match="a table needs a name and a bin"):
        TabularAgent(ScaleDecision(1, 2, 5.0), {"queued": 0})


def test_a_result_with_a_trained_agent_can_be_run_again(tmp_path: Path) -> None:
    env = make(learning.system(), kind="autoscaling")
    learning.some_agent(env.decision).save(tmp_path / "agent.json")
    ref = {"use": "simtier.learning.policies:LearnedAutoscaling", "file": str(tmp_path / "agent.json"), "every": "5 s"}
    result = simtier.run(learning.system(**{"services.web.policies.autoscaling": json.dumps(ref)}))
    again = simtier.Scenario.load(result.directory / "scenario.yaml")
    assert simtier.run(again).fingerprint == result.fingerprint
