"""The engine against a plain SimPy program with a process and a resource for each request, and its short cuts against the long way."""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import Any

import pandas as pd
import pytest
import simpy
import watchful
from hypothesis import given, settings
from hypothesis import strategies as st
from playing import exponential, play, queue

twins = settings(derandomize=True, deadline=None, max_examples=25, database=None)


def hops(slots: int, arrivals: Any, policies: dict[str, Any], seed: int = 1) -> dict[str, Any]:
    """Return clients, a hop, a queue and a hop back; everything is served in the end."""
    data = queue(arrivals, exponential("40 ms"), slots=slots, duration="30 s", policies=policies, seed=seed)
    data["run"]["drain"] = "300 s"
    data["nodes"]["client"] = {"tier": "device", "cores": 1}
    data["links"] = {"hop": {"from": "client", "to": "server", "latency": "18 ms", "back": {"latency": "10.8 ms"}}}
    data["workloads"]["asks"]["from"] = "client"
    return data


def times(data: dict[str, Any]) -> pd.DataFrame:
    """Return the times of each request, by its number."""
    played = play(data)
    both = played.stages.merge(played.requests, on="request").set_index("request").sort_index()
    assert (both["outcome"] == "ok").all()
    return both[["arrival_s", "queued_s", "started_s", "finished_s", "served_s", "end_s"]]


def by_simpy(arrivals: dict[int, float], work: dict[int, float], slots: int) -> dict[int, list[float]]:
    """Return the same times from a process for each request: a hop of 18 ms, a resource, a hop of 10.8 ms."""
    env = simpy.Environment()
    server = simpy.Resource(env, slots)
    found: dict[int, list[float]] = {}

    def request(number: int) -> Generator[simpy.Event, Any, None]:
        row = found[number] = [arrivals[number]]
        # From zero on, so that the arrival is not a rounded sum of gaps.
        yield env.timeout(arrivals[number])
        yield env.timeout(0.018)
        row.append(env.now)
        with server.request() as turn:
            yield turn
            row.append(env.now)
            yield env.timeout(work[number])
        row += [env.now, env.now]
        yield env.timeout(0.0108)
        row.append(env.now)

    for number in arrivals:
        env.process(request(number))
    env.run()
    return found


@pytest.mark.parametrize(("slots", "rate"), [(1, "20 /s"), (4, "80 /s"), (4, "110 /s")])
@pytest.mark.parametrize("scheduling", ["fifo", "watchful:RankedFifo"])
def test_the_engine_and_plain_simpy_agree_to_the_last_bit(slots: int, rate: str, scheduling: str) -> None:
    watchful.WORK.clear()
    times(hops(slots, rate, {"scheduling": "watchful:RankedFifo"}))
    work = dict(watchful.WORK)
    got = times(hops(slots, rate, {"scheduling": scheduling}))
    arrivals = dict(zip(got.index.tolist(), got["arrival_s"].tolist(), strict=True))
    expected = by_simpy(arrivals, work, slots)
    assert len(got) > 500
    assert {number: list(row) for number, row in zip(got.index, got.to_numpy().tolist(), strict=True)} == expected


LONG_WAYS = [
    {"scheduling": "watchful:RankedFifo"},
    {"scheduling": "watchful:PickedFifo"},
    {"routing": "watchful:First"},
    {"admission": "watchful:Watching"},
    {"batching": "watchful:Alone"},
]
arrivals = st.sampled_from(
    [
        "20 /s",
        "90 /s",
        {"process": "periodic", "rate": "50 /s", "phase": "0 s"},
        {"process": "gamma", "rate": "60 /s", "cv": 4},
    ]
)


@pytest.mark.parametrize("policies", LONG_WAYS, ids=lambda policies: next(iter(policies.values())))
@twins
@given(arrivals, st.integers(1, 4), st.integers(0, 50))
def test_the_short_way_leaves_the_same_times_as_the_long_one(
    policies: dict[str, str], arrival: Any, slots: int, seed: int
) -> None:
    """Also where ends and arrivals fall on one instant, as with periodic arrivals."""
    short, long = times(hops(slots, arrival, {}, seed)), times(hops(slots, arrival, policies, seed))
    pd.testing.assert_frame_equal(short, long, check_exact=True)


@twins
@given(st.integers(1, 4), st.integers(0, 50), st.sampled_from(["40 ms", "20 ms"]))
def test_ties_between_ends_and_arrivals_are_broken_alike(slots: int, seed: int, time: str) -> None:
    """Arrivals every 20 ms and services of 20 or 40 ms: nearly everything happens at the same instants."""
    short, long = (
        hops(slots, {"process": "periodic", "rate": "50 /s", "phase": "0 s"}, policies, seed)
        for policies in ({}, {"scheduling": "watchful:RankedFifo", "admission": "watchful:Watching"})
    )
    for data in (short, long):
        data["apps"]["ask"]["stages"]["serve"]["time"] = time
    pd.testing.assert_frame_equal(times(short), times(long), check_exact=True)


def test_an_answer_known_early_leaves_the_row_that_waiting_for_it_would() -> None:
    """A response that only travels is written at once; with a policy that observes, at its arrival. Near the horizon too."""
    rows = []
    for policies in ({}, {"admission": "watchful:Watching"}):
        data = hops(2, "60 /s", policies)
        data["run"] |= {"drain": "0 s"}
        data = json.loads(json.dumps(data))
        rows.append(play(data).requests.sort_values("request", ignore_index=True))
    pd.testing.assert_frame_equal(rows[0], rows[1], check_exact=True)
    assert (rows[0]["outcome"] == "unfinished").sum() > 0
