"""Fan-out: a stage of several copies, and who waits for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import simtier


def run(
    map_stage: dict[str, Any], *, process: str = "poisson", rate: str = "0.01 /s", duration: str = "1000 s", **more: Any
) -> simtier.Result:
    stages = {"map": map_stage, "reduce": {"service": "faas", "function": "sum", "time": "1 s"}}
    scenario = {
        "name": "fan-out",
        "run": {"duration": duration, "drain": "100 s"},
        "nodes": {"worker": {"tier": "cloud", "cores": 400, "memory": "64 GiB"}},
        "platforms": {"faas": {"on": "worker", "cold_start": "2 s", "functions": {"part": {}, "sum": {}}}},
        "services": {"pool": {"on": "worker", "concurrency": 200}},
        "apps": {"job": {"stages": stages, **more}},
        "workloads": {"jobs": {"app": "job", "from": "worker", "arrivals": {"process": process, "rate": rate}}},
    }
    return simtier.run(simtier.Scenario.from_dict(scenario))


CALL = {"service": "faas", "function": "part", "time": "3 s", "copies": 8}


def test_every_copy_is_an_execution_and_the_next_stage_waits_for_all() -> None:
    result = run({**CALL, "stagger": "500 ms"})
    rows = result.stages
    for request, visits in rows.groupby("request"):
        copies, after = visits[visits["stage"] == "map"], visits[visits["stage"] == "reduce"]
        assert len(copies) == 8
        assert len(after) == 1
        begun_s = result.requests.set_index("request").loc[request, "arrival_s"]
        np.testing.assert_allclose(np.sort(copies["sent_s"]), begun_s + 0.5 * np.arange(8), rtol=1e-12)
        assert after["sent_s"].item() == pytest.approx(copies["finished_s"].min())
        assert after["queued_s"].item() >= copies["finished_s"].max()
    assert set(result.requests["outcome"]) == {"ok"}


def test_eight_calls_at_once_start_eight_instances() -> None:
    starts = run(CALL, duration="150 s").starts
    assert (starts["function"] == "part").sum() == 8


def test_the_first_call_is_cold_and_later_ones_find_it_warm_if_they_come_one_after_the_other() -> None:
    """A copy every 10 s, each 2 s cold and 3 s of service: one instance serves all."""
    starts = run({**CALL, "stagger": "10 s"}, process="periodic", rate="0.02 /s", duration="50 s").starts
    assert (starts["function"] == "part").sum() == 1


def test_the_longest_of_n_exponential_copies_takes_the_nth_harmonic_number_of_their_mean() -> None:
    """E[max of n] = mean x (1 + 1/2 + ... + 1/n); copies draw independently."""
    stage = {"service": "pool", "time": {"distribution": "exponential", "mean": "1 s"}, "copies": 8}
    visits = run(stage, rate="1 /s", duration="4000 s").stages
    visits = visits[visits["stage"] == "map"]
    longest = (visits["finished_s"] - visits["started_s"]).groupby(visits["request"]).max().to_numpy()
    half = 2.58 * longest.std(ddof=1) / len(longest) ** 0.5
    assert abs(longest.mean() - sum(1 / k for k in range(1, 9))) < half


def test_a_request_that_was_given_up_calls_no_more_copies() -> None:
    result = run({**CALL, "copies": 5, "stagger": "10 s"}, timeout="25 s")
    assert set(result.requests["outcome"]) == {"timed_out"}
    assert set(result.stages.groupby("request").size()) == {3}


def test_copies_at_the_end_are_all_waited_for() -> None:
    scenario = {
        "name": "ends",
        "run": {"duration": "100 s", "drain": "50 s"},
        "nodes": {"worker": {"tier": "cloud", "cores": 8}},
        "services": {"pool": {"on": "worker", "concurrency": 8}},
        "apps": {"job": {"stages": {"map": {"service": "pool", "time": "1 s", "copies": 4, "stagger": "2 s"}}}},
        "workloads": {"jobs": {"app": "job", "from": "worker", "arrivals": {"process": "periodic", "rate": "0.1 /s"}}},
    }
    result = simtier.run(simtier.Scenario.from_dict(scenario))
    assert result.summary["apps"]["job"]["latency_s"]["mean"] == pytest.approx(7.0)
