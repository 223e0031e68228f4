"""What once went wrong with explained decisions, reports, shares, plans and metrics of language models."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from balancing_at import LendAt
from llm_driving import ONE_SECOND
from llm_pools import apart, one_by_one, rate, service
from llm_routing import fleet
from planning import readme
from playing import load, play

import simtier
from simtier.contract import Asker, Fetch, Loan
from simtier.contract.asking import describe
from simtier.errors import PlanError, PolicyError, ScenarioError
from simtier.planning import distserve, question
from simtier.planning.write import planned

MOVE = {"use": "balancing_at:MoveAt", "at": 2.5}


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every iteration take a second."""
    monkeypatch.setattr("simtier.world.llm_costs.ClosedForm", lambda *_: ONE_SECOND)


def two(asked: list[tuple[float, int, int]], policies: dict[str, Any], **llm: Any) -> dict[str, Any]:
    """Return a service with a replica on each of two nodes."""
    both = service("a", policies=policies, **llm) | {"on": ["a", "b"], "replicas": "each"}
    return apart([], link={"bandwidth": rate(100)}, duration="60 s") | {
        "services": {"one": both},
        **one_by_one(asked, {"service": "one"}),
    }


def run(data: dict[str, Any], explain: int = 0) -> simtier.Result:
    return simtier.run(load(data), explain=explain)


@pytest.mark.usefixtures("seconds")
@pytest.mark.parametrize("balancing", [MOVE, {"use": "balancing_at:LendAt"}])
def test_decisions_about_moves_and_loans_can_be_explained(balancing: dict[str, Any]) -> None:
    data = two([(0.0, 100, 10)], {"routing": "round_robin", "balancing": balancing})
    decisions = run(data, explain=1000).table("decisions")
    answers = decisions[decisions["question"] == "balance"]["answer"]
    assert any('"blocks"' in each or '"target"' in each for each in answers)


def test_an_answer_that_holds_views_is_described_by_what_identifies_them() -> None:
    world = play(two([(0.0, 10, 2)], {})).world
    first, second = (replica.view for replica in world.services["one"].fleet.ready)
    assert describe(Fetch(first, second), brief=True) == {
        "replica": {"id": first.id, "service": "one"},
        "source": {"id": second.id, "service": "one"},
    }
    wrong = Asker(LendAt(), "lends", "one", lambda: 1.0).wrong(Loan(first, second, 4), "steps")
    assert isinstance(wrong, PolicyError)
    assert "'blocks': 4" in str(wrong)


def test_requests_that_wait_try_again_after_a_report() -> None:
    """A report says that the replica is busy; nothing else happens there once it has become idle."""
    tokens, burst = {"input": 3000, "output": 20}, {"process": "periodic", "rate": "1000 /s"}
    data = fleet(1, tokens, burst, report_every="500 ms", policies={"routing": "on_demand_forwarding"})
    data["workloads"]["asks"]["arrivals"]["phase"] = "400 ms"
    data["workloads"]["asks"]["stop"] = "402500 us"
    late = data["workloads"]["asks"] | {"arrivals": {**burst, "phase": "510 ms"}, "stop": "514500 us"}
    data["workloads"]["late"] = late
    assert list(play(data).requests.outcome) == ["ok"] * 8


def test_shares_with_overlap_are_refused() -> None:
    llm = {"overlap": "all", "shares": {"prompts": 0.6, "tokens": 1}}
    with pytest.raises(ScenarioError, match="leave out `cost`, `pipeline` and `overlap`"):
        load(fleet(1, {"input": 10, "output": 2}, {"process": "periodic", "rate": "1 /s"}, llm=llm))


def test_no_plan_is_made_for_groups_of_accelerators() -> None:
    changes = {
        "services.chat.llm": "{model: mixtral-8x7b, tensor: 2, data: 2}",
        "services.chat.policies": "{}",
    }
    with pytest.raises(PlanError, match="not among 2 groups"):
        _ = question(readme(changes), number=20).workshop


def test_plans_are_written_as_they_were_simulated_without_shares() -> None:
    changes = {
        "services.chat.llm": "{model: llama-3-8b, shares: {prompts: 0.6, tokens: 1}}",
        "services.chat.policies": "{}",
    }
    made = planned(distserve(question(readme(changes), number=30, rate=0.5), compare=False))
    assert [each.llm.shares for each in made.services.values() if each.llm] == [None] * len(made.services)


def test_plans_know_the_longest_answer_that_clients_accept() -> None:
    load = question(readme(), number=20).load
    assert {each.sequence(0).most for each in load.requests} == {358}


@pytest.mark.usefixtures("seconds")
def test_requests_that_get_lost_between_engines_are_counted() -> None:
    asked = [(float(number), 100, 4) for number in range(12)]
    result = run(apart(asked, link={"loss": 0.5, "bandwidth": rate(10_000)}))
    lost = sum(result.sequences["outcome"] == "lost")
    assert result.summary["llm"]["prompts"]["lost"] + result.summary["llm"]["tokens"]["lost"] == lost > 0


@pytest.mark.usefixtures("seconds")
def test_moves_within_a_pool_are_no_handing_over() -> None:
    tokens = service("b", replicas=2, policies={"routing": "round_robin"})
    data = apart([(0.0, 100, 10), (0.0, 100, 10)], tokens=tokens)
    plain = run(data)
    data["services"]["tokens"]["policies"]["balancing"] = {**MOVE, "at": 6.5}
    moved = run(data)
    assert moved.sequences["moves"].sum() == 1
    stays = moved.sequences[moved.sequences["moves"] == 0]
    assert moved.summary["llm"]["tokens"]["pool"]["hand_over_s"]["mean"] == pytest.approx(
        (stays["delivered_s"] - stays["first_s"]).mean()
    )
    assert plain.summary["llm"]["tokens"]["pool"]["hand_over_s"]["max"] > 0


@pytest.mark.usefixtures("seconds")
def test_borrowed_blocks_count_as_blocks_that_are_there() -> None:
    lend = {"use": "balancing_at:LendAt", "times": [0.5, 40.0], "blocks": [4, -4]}
    result = run(two([(1.0, 150, 9)], {"routing": "balancing_at:First", "balancing": lend}, blocks=8))
    iterations = result.table("iterations")
    # It has 8 of its own and 4 of others; at 40 s all but the 10 that are held are given back.
    assert set(iterations["blocks_total"]) == {12, 10}
    assert np.all(iterations[["blocks", "blocks_end"]].max(axis=1) <= iterations["blocks_total"])
    assert result.summary["llm"]["one"]["kv_use"]["max"] == 1.0
