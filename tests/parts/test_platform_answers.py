"""What a policy of a platform may not answer ends the run with a sentence; what is merely too much is capped, and counted."""

from __future__ import annotations

import re
from typing import Any

import pytest
from platform_playing import at_once, faas, starts
from playing import load, play

import simtier
from simtier.errors import PolicyError, ScenarioError

IDLE = "expected seconds, 0 or more, or infinity"
PREWARM = "expected seconds, 0 or more, or None"
WORTH = "expected a number that is not NaN"
POOL = "expected a number of instances from 0 to 1,000,000, or None"
TARGET = "expected a number of replicas, 0 or more"
CELL = "expected one of the cells it was shown, or REJECT"
NODE = "expected one of the nodes it was shown, or None"

WRONG = [
    ("keep_alive", "IdleFor", "nan", "nan", IDLE),
    ("keep_alive", "IdleFor", "negative", "-1.0", IDLE),
    ("keep_alive", "IdleFor", "text", "'soon'", IDLE),
    ("keep_alive", "IdleFor", "true", "True", IDLE),
    ("keep_alive", "IdleFor", "none", "None", IDLE),
    ("keep_alive", "Prewarm", "nan", "nan", PREWARM),
    ("keep_alive", "Prewarm", "negative", "-1.0", PREWARM),
    ("keep_alive", "Prewarm", "text", "'soon'", PREWARM),
    ("keep_alive", "Worth", "nan", "nan", WORTH),
    ("keep_alive", "Worth", "none", "None", WORTH),
    ("keep_alive", "PoolSize", "minus one", "-1", POOL),
    ("keep_alive", "PoolSize", "half", "0.5", POOL),
    ("keep_alive", "PoolSize", "too many", "1000001", POOL),
    ("autoscaling", "Target", "minus one", "-1", TARGET),
    ("autoscaling", "Target", "half", "0.5", TARGET),
    ("autoscaling", "Target", "nan", "nan", TARGET),
    ("autoscaling", "Target", "true", "True", TARGET),
    ("routing", "Choose", "none", "None", CELL),
    ("routing", "Choose", "wait", "WAIT", CELL),
    ("routing", "Choose", "number", "0", CELL),
    ("placement", "Place", "text", "'soon'", NODE),
]


def asked(kind: str, use: str, **parameters: Any) -> dict[str, Any]:
    """Return a platform of two nodes, each a cell if the policy routes, with pools, that asks `use` every question of its kind."""
    pools = {
        "model": "pools",
        "pools": {"100 MB": {"size": 1, "refill": "1 s"}},
        "from_pool": "0 s",
        "from_scratch": "1 s",
    }
    data = faas(
        "1 /s", "10 ms", cold_start=pools, places=2, duration="30 s", cells="nodes" if kind == "routing" else "one"
    )
    data["nodes"]["server"]["count"] = 2
    data["workloads"]["asks"]["from"] = "server-0"
    data["links"] = {"between": {"from": "server-0", "to": "server-1"}}
    data["platforms"]["faas"]["policies"][kind] = {"use": f"platform_wrong:{use}", **parameters}
    return data


@pytest.mark.parametrize(("kind", "use", "answer", "shown", "expected"), WRONG)
def test_a_wrong_answer_ends_the_run_with_who_what_when_and_what_was_expected(
    kind: str, use: str, answer: str, shown: str, expected: str
) -> None:
    who = f"{kind} policy 'platform_wrong:{use}' of 'faas"
    with pytest.raises(
        PolicyError, match=f"^{re.escape(who)}.*' answered {re.escape(shown)} at .* s; {re.escape(expected)}$"
    ):
        play(asked(kind, use, answer=answer))


def test_what_a_policy_raises_is_told_with_its_name_and_question() -> None:
    said = r"^keep_alive policy 'platform_wrong:Raises' of 'faas' raised ZeroDivisionError at .* s in idle_for\(\): no gaps yet$"
    with pytest.raises(PolicyError, match=said):
        play(asked("keep_alive", "Raises"))


def greedy(most: int) -> dict[str, Any]:
    data = at_once(faas("1 /s", "1 s", most=most, duration="10 s"), 3)
    data["platforms"]["faas"]["policies"]["autoscaling"] = {"use": "platform_wrong:Target", "answer": "million"}
    return data


def test_an_autoscaler_that_asks_for_a_million_gets_the_most_there_may_be_and_it_is_counted_each_time() -> None:
    played = play(greedy(50))
    assert len(starts(played)) == 50
    capped = played.replicas[played.replicas["state"] == "capped"]
    assert capped["start_s"].is_unique
    assert len(capped) > 1
    assert capped[["service", "function", "replica"]].drop_duplicates().values.tolist() == [["faas", "f", -1]]


def test_the_result_tells_of_it() -> None:
    summary = simtier.run(load(greedy(50))).summary
    assert summary["platforms"]["faas"]["capped"] == (play(greedy(50)).replicas["state"] == "capped").sum()


def test_provisioned_instances_that_leave_each_other_no_room_are_refused_before_time_zero() -> None:
    data = faas("1 /s", "1 s", places=5, function={"provisioned": 3})
    data["platforms"]["faas"]["functions"]["g"] = {"memory": "100 MB", "provisioned": 3}
    said = r"platforms\.faas\.functions\.g\.provisioned: provisioned instance 3 of 3 finds no room on any node"
    with pytest.raises(ScenarioError, match=said):
        play(data)
