"""The timeline: legal for Perfetto, a faithful sample."""

from __future__ import annotations

import json
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simtier.report.lanes import Lanes


@pytest.fixture(scope="module", params=["chain", "split", "fork"])
def directory(request: pytest.FixtureRequest) -> Path:
    found: Path = request.getfixturevalue(request.param)
    return found


def trace_of(directory: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((directory / "timeline.json").read_text(encoding="utf-8"))
    return read


def events_of(directory: Path, phase: str) -> list[dict[str, Any]]:
    return [event for event in trace_of(directory)["traceEvents"] if event["ph"] == phase]


def test_every_event_has_what_the_format_asks_for(directory: Path) -> None:
    trace = trace_of(directory)
    assert {event["ph"] for event in trace["traceEvents"]} == {"M", "X", "b", "e"}
    for event in trace["traceEvents"]:
        assert {"name", "ph", "ts", "pid", "tid"} <= set(event)
        assert isinstance(event["pid"], int)
        assert isinstance(event["tid"], int)
        assert event["ts"] >= 0
        if event["ph"] == "X":
            assert event["dur"] > 0
            assert event["args"]["request"] >= 0
        if event["ph"] in "be":
            assert {"id", "cat"} <= set(event)


def test_events_come_in_order_of_time(directory: Path) -> None:
    times = [event["ts"] for event in trace_of(directory)["traceEvents"]]
    assert times == sorted(times)


def test_nothing_overlaps_on_a_thread(directory: Path) -> None:
    threads: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for event in events_of(directory, "X"):
        start = round(event["ts"] * 1000)
        threads[event["pid"], event["tid"]].append((start, start + round(event["dur"] * 1000)))
    assert threads
    for intervals in threads.values():
        intervals.sort()
        assert all(end <= start for (_, end), (start, _) in pairwise(intervals))


def test_every_process_and_thread_has_a_name(directory: Path) -> None:
    named = {(e["pid"], e["tid"]) for e in events_of(directory, "M") if e["name"] == "thread_name"}
    processes = {e["pid"] for e in events_of(directory, "M") if e["name"] == "process_name"}
    for event in events_of(directory, "X"):
        assert (event["pid"], event["tid"]) in named
        assert event["pid"] in processes


def test_requests_begin_and_end_once_and_cover_their_events(directory: Path) -> None:
    begins = {event["id"]: event["ts"] for event in events_of(directory, "b")}
    ends = {event["id"]: event["ts"] for event in events_of(directory, "e")}
    assert begins.keys() == ends.keys()
    assert len(begins) == trace_of(directory)["otherData"]["requests"] == len(events_of(directory, "b"))
    for event in events_of(directory, "X"):
        name = f"0x{event['args']['request'] + 1:x}"
        assert begins[name] - 0.002 <= event["ts"]
        assert event["ts"] + event["dur"] <= ends[name] + 0.002


def test_arrows_join_the_events_of_a_request_from_first_to_last(directory: Path) -> None:
    flows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for event in events_of(directory, "X"):
        if "bind_id" in event:
            assert event["bind_id"] == f"0x{event['args']['request'] + 1:x}"
            flows[event["bind_id"]].append(event)
    assert flows
    for events in flows.values():
        assert len(events) > 1
        (first,) = (event for event in events if "flow_in" not in event)
        (last,) = (event for event in events if "flow_out" not in event)
        assert first["ts"] == min(event["ts"] for event in events)
        assert last["ts"] == max(event["ts"] for event in events)


def test_the_sample_is_the_first_requests_after_the_warm_up(directory: Path) -> None:
    requests = pd.read_parquet(directory / "requests.parquet")
    document = json.loads((directory / "result.json").read_text(encoding="utf-8"))
    warmup = float(document["scenario"]["run"]["warmup"].split()[0])
    first = requests[(requests["replication"] == 0) & (requests["arrival_s"] >= warmup)].nsmallest(1000, "arrival_s")
    assert {event["args"]["request"] for event in events_of(directory, "b")} == set(first["request"])


def test_service_in_the_timeline_is_service_in_the_tables(directory: Path) -> None:
    sampled = {event["args"]["request"] for event in events_of(directory, "b")}
    stages = pd.read_parquet(directory / "stages.parquet")
    mine = stages[(stages["replication"] == 0) & stages["request"].isin(sampled)].dropna(
        subset=["finished_s", "started_s"]
    )
    seconds = sum(event["dur"] for event in events_of(directory, "X") if event["cat"] == "service") / 1e6
    unfinished = stages[(stages["replication"] == 0) & stages["request"].isin(sampled) & stages["finished_s"].isna()]
    if unfinished["started_s"].isna().all():
        assert seconds == pytest.approx((mine["finished_s"] - mine["started_s"]).sum(), abs=1e-6)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20)), max_size=40))
def test_lanes_never_overlap_and_are_as_few_as_run_at_once(intervals: list[tuple[int, int]]) -> None:
    lanes = Lanes()
    placed: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for start, length in sorted(intervals):
        placed[lanes.take(start, start + length)].append((start, start + length))
    for mine in placed.values():
        assert all(end <= start for (_, end), (start, _) in pairwise(mine))
    at_once = max((sum(s <= t < s + n for s, n in intervals) for t, _ in intervals), default=0)
    assert lanes.used == at_once
