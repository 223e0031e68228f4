"""What a run of language models tells of what it did not do, and of what nobody may have meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import simtier
from simtier.errors import ScenarioError

LLM: dict[str, Any] = {"model": "llama-3-8b"}


def pools(tokens: object, links: list[tuple[str, str]], **decode: Any) -> dict[str, Any]:
    return {
        "name": "told",
        "run": {"duration": "5 s", "drain": "5 s"},
        "nodes": {
            "a": {"tier": "cloud", "cores": 8, "accelerators": ["a100_80g"]},
            "b": {"tier": "cloud", "cores": 8, "accelerators": ["a100_80g"]},
            "people": {"tier": "device", "cores": 1},
        },
        "links": {f"l{n}": {"from": one, "to": other, "latency": "1 ms"} for n, (one, other) in enumerate(links)},
        "services": {"prompts": {"on": "a", "llm": LLM}, "tokens": {"on": "b", "llm": {**LLM, **decode}}},
        "apps": {"ask": {"stages": {"answer": {"split": ["prompts", "tokens"], "tokens": tokens}}}},
        "workloads": {"asks": {"app": "ask", "from": "people", "arrivals": {"process": "periodic", "rate": "1 /s"}}},
    }


def assumptions(scenario: dict[str, Any], folder: Path) -> list[str]:
    return simtier.run(simtier.Scenario.from_dict(scenario), out=folder / "out").assumptions


VARYING = {"input": {"distribution": "uniform", "low": 500, "high": 700}, "output": 10}


def test_keys_and_values_that_pass_the_requests_own_nodes_are_told(tmp_path: Path) -> None:
    told = assumptions(pools(VARYING, [("people", "a"), ("people", "b")]), tmp_path)
    assert "links: keys and values go from prompts to tokens by way of people" in "\n".join(told)
    told = assumptions(pools(VARYING, [("people", "a"), ("people", "b"), ("a", "b")]), tmp_path / "direct")
    assert "by way of" not in "\n".join(told)


def test_requests_too_long_for_the_engine_that_decodes_are_counted_and_not_computed(tmp_path: Path) -> None:
    scenario = pools(VARYING, [("people", "a"), ("a", "b")], blocks=10)
    result = simtier.run(simtier.Scenario.from_dict(scenario), out=tmp_path / "out")
    assert set(result.table("sequences").outcome) == {"rejected"}
    assert not len(result.table("iterations"))
    number = len(result.table("requests"))
    assert number >= 4
    assert f"services.tokens: {number} requests were rejected, for they are longer" in "\n".join(result.assumptions)


def test_what_was_counted_in_each_replication_is_told_in_one_sum(tmp_path: Path) -> None:
    scenario = pools(VARYING, [("people", "a"), ("a", "b")], blocks=10)
    scenario["run"]["replications"] = 3
    result = simtier.run(simtier.Scenario.from_dict(scenario), out=tmp_path / "out")
    number = len(result.table("requests"))
    assert set(result.table("requests").replication) == {0, 1, 2}
    assert f"services.tokens: {number} requests were rejected" in "\n".join(result.assumptions)


@pytest.mark.parametrize(
    ("tokens", "decode", "said"),
    [
        (
            {"input": 9000, "output": 10},
            {},
            "9010 tokens of prompt and answer are more than the context of an engine (8192)",
        ),
    ],
)
def test_what_could_never_be_served_is_refused(tokens: object, decode: dict[str, Any], said: str) -> None:
    scenario = simtier.Scenario.from_dict(pools(tokens, [("people", "a"), ("a", "b")], **decode))
    with pytest.raises(ScenarioError, match=said.replace("(", r"\(").replace(")", r"\)")):
        simtier.run(scenario)


def test_more_blocks_than_there_is_memory_for_are_told(tmp_path: Path) -> None:
    told = assumptions(pools(VARYING, [("people", "a"), ("a", "b")], blocks=10**9), tmp_path)
    assert "services.tokens: 1000000000 blocks as given, though a100_80g can hold" in "\n".join(told)


def test_blocks_held_for_a_pool_without_room_count_as_used_while_nothing_runs(tmp_path: Path) -> None:
    scenario = pools({"input": 1600, "output": 400}, [("people", "a"), ("a", "b")], blocks=130)
    scenario["services"]["prompts"]["llm"] = {**LLM, "blocks": 400}
    scenario["run"] = {"duration": "40 s", "drain": "0 s", "warmup": "5 s"}
    result = simtier.run(simtier.Scenario.from_dict(scenario), out=tmp_path / "out")
    used = result.summary["llm"]["prompts"]["kv_use"]["mean"]
    assert result.summary["llm"]["prompts"]["utilisation"] < 0.1
    assert used > 0.85
