"""What an agent earns over an episode is what the result of the same run says."""

from __future__ import annotations

import json
from typing import Any

import learning
import numpy as np
import pytest
from hypothesis import assume, given, settings
from systems import systems

import simtier
from simtier.errors import PolicyError
from simtier.learning import Earned, Reward, make
from simtier.scenario import Scenario


def told(result: simtier.Result) -> Earned:
    """Return what the summary of a run with one replication says that was earned, of applications with an objective."""
    scenario = Scenario.from_dict(result.document["scenario"])
    met = missed = 0
    for name, app in scenario.apps.items():
        found = result.summary["apps"][name]
        rows = result.requests[result.requests["app"] == name]
        warm = rows[rows["arrival_s"] >= scenario.run.warmup]
        ended = result.document["ended_s"][0]
        assert len(warm) == found["arrived"]
        if app.slo is None:
            ok = int((warm["outcome"] == "ok").sum())
            met, missed = met + ok, missed + len(warm) - ok - int((warm["outcome"] == "unfinished").sum())
            continue
        attainment = found["slo"]["attainment"]
        if attainment is None:
            continue
        late = (warm["outcome"] == "unfinished") & (warm["arrival_s"] + warm["target_s"] <= ended)
        decided = int((warm["outcome"] != "unfinished").sum()) + int(late.sum())
        in_time = round(attainment * decided)
        met, missed = met + in_time, missed + decided - in_time
    dollars = sum(service["cost_usd"] for service in result.summary["services"].values())
    return Earned(met, missed, dollars, result.document["ended_s"][0])


@pytest.mark.parametrize("kind", learning.PLACES)
def test_rewards_add_up_to_what_the_result_says(kind: str) -> None:
    file, decide, changes = learning.PLACES[kind]
    env = make(file, decide, changes=changes, reward=Reward(met=2, missed=3, dollar=500))
    agent = learning.some_agent(env.decision)
    played = learning.play_episode(env, agent.predict)
    result = replayed(file, decide, changes, env, played)
    expected = told(result)
    assert (played.earned.met, played.earned.missed) == (expected.met, expected.missed)
    assert expected.met + expected.missed > 10
    assert played.earned.dollars == pytest.approx(expected.dollars, rel=1e-9)
    points = 2 * expected.met - 3 * expected.missed - 500 * expected.dollars
    assert sum(played.rewards) == pytest.approx(points, rel=1e-9)


@pytest.mark.parametrize(
    "promise",
    [
        {"ttft": "70 ms"},
        {"tpot": "13 ms"},
        {"ttft_slowdown": 1.5},
        {"tpot_slowdown": 1.3},
        {"latency_slowdown": 1.3},
        {"latency": "1 s"},
        {"latency": "2 s", "ttft": "120 ms", "tpot": "14 ms"},
    ],
    ids=str,
)
def test_targets_for_tokens_count_as_in_the_result(promise: dict[str, Any]) -> None:
    chat = learning.chat(promise)
    env = make(Scenario.from_dict(chat), "services.chat.policies.routing")
    played = learning.play_episode(env, learning.some_agent(env.decision).predict)
    ref = {"use": "acting:Routing", "actions": [[int(each)] for each in played.actions]}
    chat["services"]["chat"]["policies"] = {"routing": ref | {"decision": env.decision.written()}}
    result = simtier.run(Scenario.from_dict(chat))
    found = result.summary["apps"]["talk"]
    assert found["unfinished"] == 0
    assert result.document["replications"][0]["fingerprint"] == played.fingerprint
    assert played.earned.met / found["arrived"] == pytest.approx(found["slo"]["attainment"], abs=1e-12)
    assert played.earned.met + played.earned.missed == found["arrived"] > 20
    assert 0 < played.earned.met < found["arrived"], "a promise that none or all keep shows nothing"


def test_answers_that_are_not_finished_count_as_in_the_result() -> None:
    chat = learning.chat({"latency": "1500 ms", "ttft": "100 ms", "tpot": "14 ms"})
    chat["run"]["drain"] = "0 s"
    env = make(Scenario.from_dict(chat), "services.chat.policies.routing")
    played = learning.play_episode(env, lambda _: 0)
    ref = {"use": "acting:Routing", "actions": [[0]] * len(played.actions), "decision": env.decision.written()}
    chat["services"]["chat"]["policies"] = {"routing": ref}
    found = simtier.run(Scenario.from_dict(chat)).summary["apps"]["talk"]
    met, decided = played.earned.met, played.earned.met + played.earned.missed
    assert found["arrived"] - found["unfinished"] < decided < found["arrived"], "some are late already, others not"
    assert met / decided == pytest.approx(found["slo"]["attainment"], abs=1e-12)


def replayed(file: str, decide: str, changes: Any, env: Any, played: Any) -> simtier.Result:
    """Return the result of a run in which everything is decided as in the episode."""
    kind = env.decision.kind
    ref = {"use": f"acting:{kind.capitalize()}", "actions": [np.atleast_1d(each).tolist() for each in played.actions]}
    ref |= {"decision": env.decision.written()}
    if kind == "autoscaling":
        ref["every"] = f"{env.decision.written()['every_s']} s"
    loaded = Scenario.load(file, [*changes, "run.replications=1", f"{decide}={json.dumps(ref)}"])
    result = simtier.run(loaded)
    assert result.document["replications"][0]["fingerprint"] == played.fingerprint
    return result


@settings(max_examples=15, deadline=None)
@given(text=systems())
def test_on_any_system_rewards_add_up_to_what_the_result_says(text: str) -> None:
    data = json.loads(text)
    data["services"]["v0"]["price"] = "1 USD/s"
    try:
        env = make(Scenario.from_dict(data), "services.v0.policies.autoscaling")
    except PolicyError:
        assume(False)
    played = learning.play_episode(env, lambda _: 2)
    every_s = env.decision.written()["every_s"]
    ref = {"use": "acting:Autoscaling", "every": f"{every_s} s", "decision": env.decision.written()}
    data["services"]["v0"]["policies"]["autoscaling"] = ref | {"actions": [[2]] * len(played.actions)}
    expected = told(simtier.run(Scenario.from_dict(data)))
    assert (played.earned.met, played.earned.missed) == (expected.met, expected.missed)
    assert played.earned.dollars == pytest.approx(expected.dollars, rel=1e-9, abs=1e-9)
