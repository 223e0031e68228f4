"""Which shipped scenarios can be played in parts, and where the others meet."""

from __future__ import annotations

from pathlib import Path

import pytest

from simtier.scenario import Scenario
from simtier.study.shard.running import plan_of

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("name", "pieces", "told"),
    [
        ("edge_cloud_web", 1, "workloads probes and sale meet at service front"),
        ("llm_chat", 5, ""),
        ("llm_disaggregation", 9, ""),
        ("llm_edge_cloud", 7, "meet at service spilling_small"),
        ("llm_long_context", 1, "the admission policy 'early_rejection' of mooncake_prompts, which does not say"),
        ("llm_power", 5, "meet by way of service polca_high; power row polca; service polca_low"),
        ("mm4", 1, ""),
        ("multi_region", 1, "link wan:gateway_1>gateway_3, whose bandwidth is shared (fifo)"),
        ("replay_azure_llm", 1, "workloads completions and conversations meet at service llm"),
        ("replay_functions", 1, "workloads invocations and minutes meet at service functions"),
        ("serverless_azure", 4, "node ample, where they start and end during the run, for its cores and memory"),
        (
            "serverless_cold_starts",
            1,
            "node worker-0, where they start and end during the run, for its cores and memory",
        ),
        ("video_analytics", 1, "sources frames/camera-0 and frames/camera-1 meet at service on_site"),
    ],
)
def test_the_shipped_scenarios_divide_as_far_as_they_do_not_interact(name: str, pieces: int, told: str) -> None:
    made = plan_of(Scenario.load(ROOT / "scenarios" / f"{name}.yaml"))
    assert made.pieces == pieces
    meetings = [meeting for each in made.components for meeting in each.meetings]
    assert any(told in meeting for meeting in meetings) if told else not meetings


def test_every_shipped_scenario_is_in_the_table() -> None:
    table = next(each for each in test_the_shipped_scenarios_divide_as_far_as_they_do_not_interact.pytestmark)  # type: ignore[attr-defined]
    assert {row[0] for row in table.args[1]} == {path.stem for path in (ROOT / "scenarios").glob("*.yaml")}
