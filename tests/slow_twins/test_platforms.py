"""The engine's platform against a plain list of instances and events, row for row."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from platform_playing import ENDS, starts
from platform_twin import Call, Twin
from playing import Played, exponential, play

twins = settings(derandomize=True, deadline=None, max_examples=150, database=None)
MEMORIES = [100.0, 200.0, 300.0]


@st.composite
def platforms(draw: Any) -> dict[str, Any]:
    """Return what differs between the platforms that are compared."""
    return {
        "functions": draw(st.lists(st.sampled_from(MEMORIES), min_size=1, max_size=4)),
        "room": draw(st.sampled_from([300.0, 500.0, 1000.0])),
        "slots": draw(st.integers(1, 3)),
        "cold_s": draw(st.sampled_from([0.05, 0.3, 2.0])),
        "keep_s": draw(st.sampled_from([0.0, 0.1, 1.0, 100.0])),
        "rejects": draw(st.booleans()),
        "rate": draw(st.sampled_from([0.5, 2.0, 8.0])),
        "seed": draw(st.integers(0, 1000)),
    }


def scenario(case: dict[str, Any]) -> dict[str, Any]:
    """Return the scenario: each function is called by a Poisson process of its own and runs for exponential times."""
    names = [f"f{k}" for k in range(len(case["functions"]))]
    return {
        "name": "twin",
        "run": {"duration": "20 s", "drain": "2000 s", "seed": case["seed"], "samples": 0},
        "nodes": {"server": {"tier": "edge", "cores": 8, "memory": f"{case['room']} MB"}},
        "platforms": {
            "faas": {
                "on": "server",
                "cold_start": f"{case['cold_s']} s",
                "when_full": "reject" if case["rejects"] else "wait",
                "functions": {
                    name: {"memory": f"{memory} MB", "concurrency": case["slots"]}
                    for name, memory in zip(names, case["functions"], strict=True)
                },
                "policies": {"keep_alive": {"use": "fixed", "idle": f"{case['keep_s']} s"}},
            }
        },
        "apps": {
            name: {"stages": {"serve": {"service": "faas", "function": name, "time": exponential("200 ms")}}}
            for name in names
        },
        "workloads": {
            name: {"app": name, "from": "server", "arrivals": {"process": "poisson", "rate": f"{case['rate']} /s"}}
            for name in names
        },
    }


def calls_of(case: dict[str, Any]) -> list[Call]:
    """Return the requests as the engine draws them, with their times of work: where nobody waits for anything."""
    data = scenario(case)
    data["nodes"]["server"].pop("memory")
    data["platforms"]["faas"] |= {"cold_start": "0 s", "when_full": "wait", "most": 100_000}
    rows = play(data).stages
    took = (rows["finished_s"] - rows["started_s"]).tolist()
    whole = zip(rows["request"].tolist(), rows["sent_s"].tolist(), rows["part"].tolist(), took, strict=True)
    return [Call(*each) for each in whole]


def same(played: Played, twin: Twin) -> None:
    """Assert that requests, starts and ends of instances are the same: instances in order of their starts, times to rounding."""
    rows = played.stages[played.stages["started_s"].notna()].set_index("request").sort_index()
    served = sorted((call for call in twin.calls if call.instance >= 0), key=lambda call: call.number)
    assert rows.index.tolist() == [call.number for call in served]
    assert rows["replica"].tolist() == [call.instance for call in served]
    assert (rows["start"] == "cold").tolist() == [call.cold for call in served]
    assert np.allclose(rows["started_s"], [call.started_s for call in served], rtol=0, atol=1e-6)
    outcomes = played.requests.set_index("request")["outcome"]
    assert sorted(outcomes.index[outcomes == "rejected"]) == sorted(twin.rejected)
    began = starts(played).sort_values("replica")
    assert began["function"].tolist() == [box.function for box in twin.boxes]
    assert np.allclose(began["began_s"], [box.began_s for box in twin.boxes], rtol=0, atol=1e-6)
    ends = played.replicas[played.replicas["state"].isin(ENDS)].sort_values("replica")
    assert ends["replica"].tolist() == [box.number for box in twin.boxes if box.how]
    assert ends["state"].tolist() == [box.how for box in twin.boxes if box.how]
    assert np.allclose(ends["start_s"], [box.end_s for box in twin.boxes if box.how], rtol=0, atol=1e-6)


@twins
@given(case=platforms())
def test_the_engine_and_a_plain_list_of_instances_agree_row_for_row(case: dict[str, Any]) -> None:
    twin = Twin(
        calls_of(case),
        {f"f{k}": memory for k, memory in enumerate(case["functions"])},
        slots=case["slots"],
        room=case["room"],
        cold_s=case["cold_s"],
        keep_s=case["keep_s"],
        rejects=case["rejects"],
    )
    twin.play()
    same(play(scenario(case)), twin)
