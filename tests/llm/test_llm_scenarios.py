"""The shipped scenarios of language models show what their comments say, on the shipped traces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from simtier import Scenario, run

ROOT = Path(__file__).parents[2]


def summary(name: str, *changes: str) -> dict[str, Any]:
    loaded = Scenario.load(ROOT / "scenarios" / f"{name}.yaml", ["run.samples=0", *changes])
    found: dict[str, Any] = run(loaded, traces=[ROOT / "traces"]).summary
    return found


def within(found: dict[str, Any]) -> dict[str, float]:
    """Return the share of all requests sent that each application answered as promised."""
    return {name: app["goodput"]["attainment"] for name, app in found["apps"].items()}


def test_disaggregation_pays_where_tokens_must_come_fast_and_not_where_the_memory_is_full() -> None:
    found = summary("llm_disaggregation", "run.duration=2 min")
    kept = within(found)
    assert min(kept["brisk_apart"], kept["brisk_mixed"]) > 0.9
    assert max(kept["brisk_together"], kept["brisk_chunked"]) < 0.85
    assert kept["full_together"] > max(kept["full_apart"], kept["full_mixed"], kept["full_chunked"])
    assert kept["brisk_far"] == 0
    assert found["llm"]["brisk_tokens"]["pool"]["hand_over_s"]["p99"] < 0.01
    assert all(app["rejected"] < 0.005 * app["arrived"] for app in found["apps"].values())


def test_a_cache_is_worth_what_routers_know_of_it_and_most_where_prompts_are_computed_apart() -> None:
    found = summary("llm_long_context")
    kept = within(found)
    assert kept["chat_uncached"] < kept["chat_blind"] < kept["chat_aware"] <= kept["chat_deep"] < kept["chat_mooncake"]
    assert kept["chat_aware"] > 2 * kept["chat_blind"] > 0.5
    assert kept["chat_mooncake"] > 0.9
    assert len({app["arrived"] for app in found["apps"].values()}) == 1
    cached = {name: each["cached_share"] for name, each in found["llm"].items()}
    assert cached["uncached"] == 0 < cached["blind"] < cached["aware"] < 0.3
    assert 0.25 < cached["mooncake_prompts"] < 0.35


def test_an_edge_and_half_a_cloud_keep_together_what_neither_keeps_alone() -> None:
    found = summary("llm_edge_cloud")
    kept = within(found)
    assert max(kept["edge_alone"], kept["half_a_cloud"]) < 0.7
    assert min(kept[name] for name in ("cloud_alone", "by_length", "spilling", "told_easy", "told_hard")) > 0.9
    nodes, services = found["nodes"], found["llm"]

    def joules(*fleets: str) -> float:
        """Return what a token takes on whole nodes; services have their node's name, but for the size of the model."""
        tokens = sum(each["output_tokens_per_s"] for name, each in services.items() if name.startswith(fleets))
        drawn = sum(each["energy_j"] for name, each in nodes.items() if name.startswith(fleets))
        return float(drawn / (540 * tokens))

    assert joules("edge_alone") < joules("spilling") < joules("told") < joules("by_length") < joules("cloud_alone")
    saved, promised = (
        1 - joules("told") / joules("cloud_alone"),
        0.7 * (1 - joules("edge_alone") / joules("cloud_alone")),
    )
    assert 0.3 * promised < saved < 0.9 * promised  # the cloud's part is dearer a token when it has less to do
