"""Laws of a single service under common random numbers: order, work conservation, capacity, load, energy, scaling."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playing import Played, exponential, play, queue

import simtier

laws = settings(derandomize=True, deadline=None, max_examples=40, database=None)
times = st.sampled_from(
    [
        exponential("50 ms"),
        "40 ms",
        {"distribution": "gamma", "mean": "50 ms", "cv": 2},
        {"distribution": "lognormal", "mean": "50 ms", "cv": 1},
    ]
)
arrivals = st.sampled_from(
    [
        "15 /s",
        "60 /s",
        {"process": "periodic", "rate": "25 /s", "phase": "0 s"},
        {"process": "gamma", "rate": "40 /s", "cv": 3},
        {"process": "markov", "rates": ["0 /s", "100 /s"], "stay": ["1 s", "500 ms"]},
    ]
)
seeds = st.integers(0, 100)


def drained(data: dict[str, Any]) -> dict[str, Any]:
    return data | {"run": data["run"] | {"drain": "500 s"}}


def by_request(played: Played) -> pd.DataFrame:
    return played.stages.set_index("request").sort_index()


@laws
@given(arrivals, times, st.integers(1, 4), seeds)
def test_fifo_serves_in_the_order_of_arrival(arrival: Any, time: Any, slots: int, seed: int) -> None:
    stages = play(queue(arrival, time, slots=slots, duration="10 s", seed=seed)).stages
    begun = stages[stages["started_s"].notna()].sort_values(["queued_s", "request"], kind="stable")
    assert begun["started_s"].is_monotonic_increasing


@laws
@given(arrivals, times, st.integers(1, 4), st.sampled_from(["fifo", "lifo", "priority", "shortest_first"]), seeds)
def test_no_slot_idles_while_a_request_waits(arrival: Any, time: Any, slots: int, order: str, seed: int) -> None:
    data = drained(queue(arrival, time, slots=slots, duration="10 s", seed=seed, policies={"scheduling": order}))
    stages = play(data).stages
    begins, ends = np.sort(stages["started_s"]), np.sort(stages["finished_s"])
    waited = stages[stages["started_s"] > stages["queued_s"]]
    for queued, started in zip(waited["queued_s"], waited["started_s"], strict=True):
        edges = np.concatenate([[queued], ends[(ends > queued) & (ends < started)]])
        running = np.searchsorted(begins, edges, side="right") - np.searchsorted(ends, edges, side="right")
        assert (running == slots).all()


@laws
@given(arrivals, times, st.integers(1, 4), seeds)
def test_more_servers_make_no_request_of_a_fifo_queue_later(arrival: Any, time: Any, slots: int, seed: int) -> None:
    """Kiefer and Wolfowitz, Transactions of the AMS 78, 1955: the ordered workloads of G/G/c fall with c."""
    few, more = (
        by_request(play(drained(queue(arrival, time, slots=c, duration="10 s", seed=seed)))) for c in (slots, slots + 1)
    )
    assert (few["queued_s"] == more["queued_s"]).all()
    assert (more["started_s"] <= few["started_s"] + 1e-9).all()


@laws
@given(arrivals, times, seeds, st.floats(1.1, 4.0))
def test_a_faster_node_makes_no_request_of_a_fifo_queue_later(arrival: Any, time: Any, seed: int, speed: float) -> None:
    slow, fast = (
        by_request(play(drained(queue(arrival, time, duration="10 s", seed=seed, node={"speed": s}))))
        for s in (1, speed)
    )
    assert (fast["finished_s"] <= slow["finished_s"] + 1e-9).all()


@laws
@given(arrivals, times, st.integers(1, 3), seeds)
def test_all_policies_face_the_same_arrivals_and_the_same_work(arrival: Any, time: Any, slots: int, seed: int) -> None:
    found = [
        by_request(play(drained(queue(arrival, time, slots=slots, duration="10 s", seed=seed, policies=policies))))
        for policies in ({}, {"scheduling": "lifo"}, {"scheduling": "shortest_first", "routing": "random"})
    ]
    for other in found[1:]:
        assert (other["queued_s"] == found[0]["queued_s"]).all()
        work = [frame["finished_s"] - frame["started_s"] for frame in (found[0], other)]
        assert np.abs(work[0] - work[1]).max() < 1e-9


@laws
@given(arrivals, times, seeds)
def test_one_server_is_done_at_the_same_time_in_every_order(arrival: Any, time: Any, seed: int) -> None:
    """The work left at any time does not depend on an order without idling, so the last end does not."""
    fifo, *others = (
        play(drained(queue(arrival, time, duration="10 s", seed=seed, policies={"scheduling": order}))).stages
        for order in ("fifo", "shortest_first", "lifo")
    )
    for other in others:
        assert other["finished_s"].max() == pytest.approx(fifo["finished_s"].max(), abs=1e-9)


@pytest.mark.parametrize("slots", [1, 4])
@pytest.mark.parametrize("cpu", ["reserved", "fair"])
def test_the_utilisation_of_a_stable_service_is_its_offered_load(slots: int, cpu: str, tmp_path: Path) -> None:
    """Also the energy: idle power plus utilisation times what lies between idle and peak, so within the two."""
    power = {"idle_power": "50 W", "peak_power": "150 W"}
    data = queue(
        "60 /s",
        "10 ms",
        slots=slots,
        duration="200 s",
        node={"cpu": cpu, **power},
        service={"cores": 1 if cpu == "fair" else slots},
    )
    summary = simtier.run(simtier.Scenario.from_dict(data), out=tmp_path / "result").summary
    assert summary["services"]["queue"]["utilisation"] == pytest.approx(0.6 / slots, rel=0.05)
    node = summary["nodes"]["server"]
    assert node["utilisation"] == pytest.approx(0.6 / slots, rel=0.05)
    assert node["energy_j"] == pytest.approx(200 * (50 + 100 * node["utilisation"]), rel=1e-9)
    assert 200 * 50 <= node["energy_j"] <= 200 * 150


def scaled(**service: Any) -> dict[str, Any]:
    """Return a service that scales from none, with a start-up time longer than the gaps between requests."""
    autoscaling = {"use": "target_utilization", "every": "1 s", "scale_down_after": "2 s"}
    return queue(
        {"process": "markov", "rates": ["0 /s", "30 /s"], "stay": ["4 s", "1 s"]},
        "20 ms",
        duration="60 s",
        node={"cores": 8},
        service={"replicas": 0, "startup": "700 ms", "most": 6, **service},
        policies={"autoscaling": autoscaling},
    )


def test_scaling_from_zero_loses_no_request_and_keeps_none_waiting_after_a_start() -> None:
    played = play(drained(scaled()))
    assert (played.requests["outcome"] == "ok").all()
    ready = played.replicas[played.replicas["state"] == "ready"]
    first = played.stages.sort_values("queued_s").iloc[0]
    arrived = played.requests["arrival_s"].min()
    assert (
        first["queued_s"] == ready["start_s"].min() == arrived + 0.7
    )  # asked at the arrival itself, routed at the start itself
    assert first["sent_s"] == arrived


def test_a_replica_that_drains_finishes_its_requests() -> None:
    played = play(drained(scaled(least=0)))
    ended = played.replicas[played.replicas["state"] == "draining"].set_index("replica")["end_s"]
    last = played.stages.groupby("replica")["finished_s"].max()
    assert len(played.replicas[played.replicas["state"] == "starting"]) > 1
    assert (last.reindex(ended.index) <= ended).all()


def test_scaling_down_calls_off_starting_replicas_before_it_stops_ready_ones() -> None:
    """One is ready and three start, which takes 10 s, when two are wanted: the ready one and one more, and no gap between."""
    policies = {"autoscaling": "watchful:UpThenDown"}
    data = queue(
        "5 /s",
        "10 ms",
        duration="30 s",
        node={"cores": 8, "memory": "8 GB"},
        service={"startup": "10 s", "memory": "1 GB", "cores": 1},
        policies=policies,
    )
    played = play(data)
    lived = played.replicas
    assert (played.requests["outcome"] != "ok").sum() <= 1
    assert set(lived["state"]) == {"starting", "ready"}
    assert lived[lived["state"] == "ready"][["start_s", "end_s"]].to_numpy().tolist() == [[0.0, 30.0], [11.0, 30.0]]
    assert sorted(lived.loc[lived["state"] == "starting", "end_s"]) == [2.0, 2.0, 11.0]
    node = played.world.nodes["server"]
    assert (node.cores_free, node.memory_free_bytes, node.replicas) == (6, 6e9, 2)


def test_a_branch_that_goes_on_after_another_was_refused_leaves_nothing_behind() -> None:
    """Nor does it use what it no longer needs: its client has got its refusal."""
    data = drained(queue("20 /s", "1 ms", duration="20 s", node={"cores": 3}))
    data["services"] |= {
        "narrow": {"on": "server", "policies": {"admission": {"use": "bounded_queue", "limit": 0}}},
        "wide": {"on": "server", "concurrency": 8},
    }
    data["apps"]["ask"]["stages"] = {
        "first": {"service": "queue", "time": "1 ms"},
        "beside": {"service": "wide", "time": "5 ms"},
        "refused": {"service": "narrow", "time": "200 ms", "after": ["first"]},
        "join": {"service": "wide", "time": "1 ms", "after": ["beside", "refused"]},
    }
    played = play(data)
    assert set(played.requests["outcome"]) == {"ok", "rejected"}
    assert all(service.view.in_flight == 0 for service in played.world.services.values())
    refused = played.requests.loc[played.requests["outcome"] == "rejected", "request"]
    late = played.stages[played.stages["request"].isin(refused)]
    assert set(late.loc[late["started_s"].notna(), "stage"]) == {"first"}
    assert late["stage"].isin(["first", "beside"]).all()


def test_what_runs_at_the_horizon_is_unfinished_and_counted() -> None:
    played = play(queue("20 /s", "100 s", slots=2, duration="10 s"))
    assert (played.requests["outcome"] == "unfinished").all()
    assert played.stages["started_s"].notna().sum() == 2
    assert len(played.stages) == len(played.requests) > 150


def test_refused_requests_count_as_late_and_never_as_served(tmp_path: Path) -> None:
    policies = {"admission": {"use": "bounded_queue", "limit": 1}}
    data = queue("200 /s", "10 ms", duration="20 s", policies=policies, app={"slo": {"latency": "1 s"}})
    result = simtier.run(simtier.Scenario.from_dict(data | {"run": data["run"] | {"drain": "1 s"}}), out=tmp_path / "r")
    app = result.summary["apps"]["ask"]
    assert app["rejected"] > 0.4 * app["arrived"]
    assert app["ok"] + app["rejected"] == app["arrived"]
    assert app["slo"]["attainment"] == pytest.approx(app["ok"] / app["arrived"], rel=1e-12)
    assert app["throughput_per_s"] == pytest.approx(app["ok"] / 20, rel=1e-12)
    assert result.summary["services"]["queue"]["served"] == app["ok"]


def test_those_who_give_up_leave_the_queue_and_those_in_service_finish_in_vain() -> None:
    played = play(drained(queue("50 /s", "40 ms", duration="20 s", app={"timeout": "100 ms"})))
    late = played.requests[played.requests["outcome"] == "timed_out"]
    assert len(late) > 300
    assert late["end_s"].to_numpy() == pytest.approx(late["arrival_s"].to_numpy() + 0.1, abs=1e-12)
    stages = played.stages.merge(late[["request", "end_s"]], on="request")
    never = stages[stages["started_s"].isna()]
    vain = stages[stages["started_s"].notna()]
    assert len(never)
    assert len(vain)
    assert (vain["started_s"] <= vain["end_s"]).all()
    assert never["busy_s"].sum() == 0


def test_other_processes_and_hash_seeds_leave_the_same_fingerprint() -> None:
    data = json.dumps(drained(scaled()))
    here = play(json.loads(data)).fingerprint
    code = (
        "import json, sys; sys.path.insert(0, sys.argv[1])\n"
        "from playing import play\n"
        "print(play(json.loads(sys.argv[2])).fingerprint)"
    )
    helpers = str(Path(__file__).parents[1] / "helpers")
    for hash_seed in ("1", "777"):
        environment = os.environ | {"PYTHONHASHSEED": hash_seed}
        done = subprocess.run(
            [sys.executable, "-c", code, helpers, data], env=environment, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == here


def test_adding_a_component_shifts_no_other_ones_numbers() -> None:
    alone = queue("20 /s", exponential("20 ms"), duration="20 s")
    crowded = copy.deepcopy(alone)
    crowded["nodes"]["other"] = {"tier": "device", "count": 3, "cores": 1}
    crowded["nodes"]["server"]["cores"] = 2
    crowded["links"] = {"hop": {"from": "other", "to": "server"}}
    crowded["services"] = {"another": {"on": "server"}, **crowded["services"]}
    crowded["apps"]["beg"] = {"stages": {"beg": {"service": "another", "time": exponential("1 ms")}}}
    process = {"process": "poisson", "rate": "5 /s"}
    crowded["workloads"] = {"begs": {"app": "beg", "from": "other", "arrivals": process}, **crowded["workloads"]}
    before, after = play(drained(alone)).stages, play(drained(crowded)).stages
    after = after[after["service"] == "queue"]
    assert before["queued_s"].tolist() == after["queued_s"].tolist()
    assert before["finished_s"].tolist() == after["finished_s"].tolist()


def test_adding_a_client_does_not_shift_another_ones_numbers() -> None:
    one, two = (
        play(
            queue({"process": "closed", "clients": n, "think": exponential("1 s")}, "0.1 ms", duration="60 s")
        ).requests
        for n in (1, 2)
    )
    assert set(one["arrival_s"].round(6)) <= set(two["arrival_s"].round(6))
