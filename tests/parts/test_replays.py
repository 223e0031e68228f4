"""Traces as workloads: what arrives, and how long it takes, is what the trace says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from playing import Data, Played
from replaying import (
    CONV,
    DURATION,
    TOKENS,
    arrivals,
    busy,
    llm,
    own,
    play,
    pool,
    replayed,
    tokens_s,
    trace,
)

from simtier.errors import TraceError
from simtier.world import traces as shelves
from simtier.world.traces import TraceShelf


@pytest.fixture(autouse=True)
def _only_shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIMTIER_TRACES", raising=False)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ({}, {}),
        ({"window": ["5 min", "12 min"]}, {"window": (300.0, 720.0)}),
        ({"share": 0.2}, {"share": 0.2}),
        ({"scale_rate": 2.5}, {"scale_rate": 2.5}),
        ({"scale_rate": 0.3}, {"scale_rate": 0.3}),
        ({"scale_time": 4}, {"scale_time": 4.0}),
        (
            {"window": ["1 min", "15 min"], "share": 0.5, "scale_rate": 1.5, "scale_time": 0.5},
            {"window": (60.0, 900.0), "share": 0.5, "scale_rate": 1.5, "scale_time": 0.5},
        ),
    ],
)
def test_requests_arrive_and_take_as_the_trace_says(written: Data, told: dict[str, Any]) -> None:
    played = play(pool({"trace": CONV, **written}, TOKENS))
    rows = replayed(CONV, **told)
    rows = rows[rows["arrival_s"] < 3600]
    assert len(rows) > 100
    np.testing.assert_array_equal(arrivals(played), rows["arrival_s"])
    np.testing.assert_allclose(busy(played), tokens_s(rows), atol=1e-9)
    assert (played.requests["outcome"] == "ok").all()


def test_start_moves_and_stop_cuts() -> None:
    played = play(pool({"trace": CONV, "window": ["10 min", "40 min"], "start": "100 s", "stop": "400 s"}, TOKENS))
    rows = replayed(CONV, window=(600.0, 2400.0))
    rows = rows[rows["arrival_s"] + 100 < 400]
    np.testing.assert_allclose(arrivals(played), rows["arrival_s"] + 100, rtol=1e-12)
    np.testing.assert_allclose(busy(played), tokens_s(rows), atol=1e-9)


def test_the_end_of_the_run_cuts_too() -> None:
    played = play(pool({"trace": CONV}, TOKENS, run={"duration": "100 s"}))
    rows = trace(CONV)
    np.testing.assert_array_equal(arrivals(played), rows[rows["arrival_s"] < 100]["arrival_s"])


def test_a_speed_divides_the_traced_times() -> None:
    played = play(pool({"trace": CONV, "window": ["0 s", "2 min"]}, TOKENS, site={"speed": 4}))
    np.testing.assert_allclose(busy(played), tokens_s(replayed(CONV, window=(0.0, 120.0))) / 4, atol=1e-9)


def test_several_sources_replay_the_whole_trace_each() -> None:
    played = play(pool({"trace": CONV, "window": ["0 s", "5 min"]}, TOKENS, sources=3))
    rows = replayed(CONV, window=(0.0, 300.0))
    requests = played.requests.sort_values("request")
    requests["took_s"] = busy(played)
    assert requests["source"].nunique() == 3
    for _, mine in requests.groupby("source", observed=True):
        np.testing.assert_array_equal(mine["arrival_s"], rows["arrival_s"])
        np.testing.assert_allclose(mine["took_s"], tokens_s(rows), atol=1e-9)


def test_a_replay_beside_other_workloads_is_the_same() -> None:
    data = pool({"trace": CONV, "window": ["0 s", "5 min"]}, TOKENS)
    alone = play(data)
    data["apps"]["other"] = {"stages": {"do": {"service": "pool", "time": "3 ms"}}}
    data["workloads"]["others"] = {"app": "other", "from": "gate", "arrivals": {"process": "poisson", "rate": "7 /s"}}
    data["workloads"]["more"] = {
        "app": "ask",
        "from": "gate",
        "trace": "azure-llm-2023/code",
        "window": ["0 s", "5 min"],
    }
    both = play(data)
    mine = both.requests[both.requests["workload"] == "asks"].sort_values("request")
    np.testing.assert_array_equal(mine["arrival_s"], arrivals(alone))
    took = both.stages.set_index("request")
    took = took["finished_s"] - took["started_s"]
    np.testing.assert_allclose(took.loc[mine["request"]], busy(alone), atol=1e-9)
    code = both.requests[both.requests["workload"] == "more"].sort_values("request")
    rows = replayed("azure-llm-2023/code", window=(0.0, 300.0))
    np.testing.assert_array_equal(code["arrival_s"], rows["arrival_s"])
    np.testing.assert_allclose(took.loc[code["request"]], tokens_s(rows), atol=1e-9)


def test_invocations_take_their_durations() -> None:
    name = "azure-functions-2021/head-200"
    played = play(pool({"trace": name, "window": ["0 s", "20 min"]}, DURATION, run={"drain": "10 h"}))
    rows = replayed(name, window=(0.0, 1200.0))
    np.testing.assert_array_equal(arrivals(played), rows["arrival_s"])
    np.testing.assert_allclose(busy(played), 0.01 + rows["duration_s"], atol=1e-9)


def test_every_stage_of_a_fork_knows_the_request() -> None:
    """Chain, fork and join: each stage takes its own times from the same row."""
    stages = {
        "first": {"service": "pool", "time": {"distribution": "traced", "per_input_token": "1 ms"}},
        "left": {"service": "pool", "time": {"distribution": "traced", "per_output_token": "1 ms"}, "after": ["first"]},
        "right": {"service": "pool", "time": {"distribution": "traced", "base": "7 ms"}, "after": ["first"]},
        "last": {"service": "pool", "time": TOKENS, "after": ["left", "right"]},
    }
    played = play(pool({"trace": CONV, "window": ["0 s", "5 min"]}, stages=stages))
    rows = replayed(CONV, window=(0.0, 300.0))
    np.testing.assert_allclose(busy(played, "first"), rows["input_tokens"] / 1000, atol=1e-9)
    np.testing.assert_allclose(busy(played, "left"), rows["output_tokens"] / 1000, atol=1e-9)
    np.testing.assert_allclose(busy(played, "right"), 0.007, atol=1e-9)
    np.testing.assert_allclose(busy(played, "last"), tokens_s(rows), atol=1e-9)
    ends = played.requests.sort_values("request")
    longest = np.maximum(rows["output_tokens"] / 1000, 0.007)
    expected = rows["input_tokens"] / 1000 + longest + tokens_s(rows)
    np.testing.assert_allclose(ends["end_s"] - ends["arrival_s"], expected, rtol=1e-9)


def test_a_batch_takes_its_longest_and_a_share_of_the_others(tmp_path: Path) -> None:
    name = own(tmp_path, {"arrival_s": [0.0, 0.0, 0.0], "input_tokens": [100, 300, 200], "output_tokens": [0, 0, 0]})
    batching = {"batching": {"use": "size_or_timeout", "size": 3, "timeout": "1 s"}}
    time = {"distribution": "traced", "per_input_token": "10 ms"}
    played = play(
        pool({"trace": name}, time, stage={"batch_cost": 0.25}, service={"concurrency": 1, "max_batch": 3}, policies=batching)
    )  # fmt: skip
    finished = played.stages["finished_s"] - played.stages["started_s"]
    np.testing.assert_allclose(finished, 3 + 0.25 * (1 + 2), atol=1e-9)


def test_the_client_gives_up_on_those_the_trace_makes_long() -> None:
    data = pool({"trace": CONV, "window": ["0 s", "5 min"]}, TOKENS, app={"timeout": "2 s"})
    played = play(data)
    rows = replayed(CONV, window=(0.0, 300.0))
    outcomes = played.requests.sort_values("request")["outcome"].to_numpy()
    expected = np.where(tokens_s(rows) > 2, "timed_out", "ok")
    assert (expected == "timed_out").any()
    np.testing.assert_array_equal(outcomes, expected)


def test_one_queue_follows_lindley() -> None:
    """One slot, first come first served: waits follow Lindley's recursion on the trace's own arrivals and times."""
    played = play(
        pool({"trace": CONV, "window": ["0 s", "10 min"]}, TOKENS, service={"concurrency": 1}, run={"drain": "9 h"})
    )
    rows = replayed(CONV, window=(0.0, 600.0))
    end, expected = 0.0, []
    for arrival, time in zip(rows["arrival_s"], tokens_s(rows), strict=True):
        end = max(end, arrival) + time
        expected.append(end)
    np.testing.assert_allclose(played.requests.sort_values("request")["end_s"], expected, rtol=1e-9)


def test_policies_see_the_traced_work(tmp_path: Path) -> None:
    name = own(
        tmp_path,
        {"arrival_s": [0.0, 0.1, 0.2, 0.3], "input_tokens": [1000, 100, 300, 200], "output_tokens": [0, 0, 0, 0]},
    )
    time = {"distribution": "traced", "per_input_token": "1 ms"}
    shortest = play(pool({"trace": name}, time, service={"concurrency": 1}, policies={"scheduling": "shortest_first"}))
    order = shortest.stages.sort_values("started_s")["request"]
    assert (order - order.min()).tolist() == [0, 1, 3, 2]


@pytest.mark.parametrize("routing", ["round_robin", "random", "power_of_two", "least_in_flight", "lowest_latency"])
def test_whatever_the_policy_arrivals_and_traced_times_are_the_same(routing: str) -> None:
    def played_by(policies: Data) -> Played:
        return play(pool({"trace": CONV, "window": ["0 s", "10 min"]}, TOKENS,
                         service={"concurrency": 2, "cores": 1, "replicas": 8}, policies=policies))  # fmt: skip

    one, other = played_by({}), played_by({"routing": routing, "scheduling": "shortest_first"})
    np.testing.assert_array_equal(arrivals(one), arrivals(other))
    np.testing.assert_allclose(busy(one), busy(other), atol=1e-9)


def test_several_traces_follow_each_other(tmp_path: Path) -> None:
    first, second = llm(tmp_path, 300, name="a.csv"), llm(tmp_path, 200, 4, name="b.csv")
    played = play(pool({"trace": [first, second]}, TOKENS))
    rows = pd.concat([trace(first), trace(second)])
    begun = trace(first)["arrival_s"].max() * (1 + 1 / 299)
    expected = [*trace(first)["arrival_s"], *(trace(second)["arrival_s"] + begun)]
    np.testing.assert_allclose(arrivals(played), expected, rtol=1e-12)
    np.testing.assert_allclose(busy(played), tokens_s(rows), atol=1e-9)


def test_traces_of_one_time_are_not_replayed_in_a_row() -> None:
    with pytest.raises(TraceError, match="or replay them in workloads of their own"):
        play(pool({"trace": "azure-llm-2023/co*"}, TOKENS))


@pytest.mark.parametrize("written", [{}, {"window": ["5 min", "8 min"]}, {"scale_rate": 1.7}, {"share": 0.3}])
def test_long_traces_give_what_held_ones_do(written: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = pool({"trace": llm(tmp_path), **written}, TOKENS, sources=2)
    held = play(data)
    monkeypatch.setattr(shelves, "HELD_ROWS", 100)
    assert play(data).fingerprint == held.fingerprint


def test_replications_replay_the_same(tmp_path: Path) -> None:
    data = pool({"trace": llm(tmp_path)}, TOKENS)
    shelf = TraceShelf()
    assert play(data, 0, shelf).fingerprint == play(data, 1, shelf).fingerprint


def test_traces_of_different_kinds_are_not_replayed_in_a_row() -> None:
    both = [CONV, "azure-functions-2021/head-200"]
    with pytest.raises(TraceError, match="holds invocations, 'azure-llm-2023/conv' before it llm_requests"):
        play(pool({"trace": both}))


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ({"window": ["10 s", "11 s"]}, "no row of the trace lies in the window from 10 s to 11 s"),
        ({"window": ["10 s", "11 s"], "start": "1 min"}, "choose another window"),
    ],
)
def test_a_window_in_a_gap_ends_the_run(written: Data, told: str, tmp_path: Path) -> None:
    name = own(tmp_path, {"arrival_s": [0.0, 100.0], "input_tokens": [1, 1], "output_tokens": [1, 1]})
    with pytest.raises(TraceError, match=told):
        play(pool({"trace": name, **written}))


def test_a_share_that_leaves_nothing_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=r"`share` 1e-09 and `scale_rate` 1 leave no request of own:.*: choose larger"):
        play(pool({"trace": llm(tmp_path, rows=20), "share": 1e-9}))
