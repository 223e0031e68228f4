"""What must hold of a DNN whose layers are divided among tiers, wherever it is cut."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playing import Played, load, play

from simtier import Scenario
from simtier.catalogue.dnn import dnn

SCENARIO = Path(__file__).parents[2] / "scenarios" / "video_analytics.yaml"
NET = dnn("yolov8n")
LAYERS = len(NET.layers)


def played(partitioning: Any, **changes: str) -> Played:
    """Play the shipped scenario on links of constant rate, for a few seconds."""
    settings = {
        "run.duration": "3 s",
        "run.warmup": "0 s",
        "run.drain": "200 s",
        "run.samples": "0",
        "nodes.camera.count": "3",
        "links.uplink.bandwidth": "20 Mbit/s",
        "policies.partitioning": json.dumps(partitioning),
        **changes,
    }
    return play(load(Scenario.load(SCENARIO, settings).model_dump(mode="json", by_alias=True)))


def layers(part: str) -> tuple[int, int]:
    """Return the first layer of a part and the one after its last."""
    if part == "all layers":
        return 0, LAYERS
    first, last = map(int, re.findall(r"\d+", part))
    return first, last + 1


cuts = st.tuples(st.integers(0, LAYERS), st.integers(0, LAYERS)).map(sorted)


@settings(derandomize=True, deadline=None, max_examples=25, database=None)
@given(cuts)
def test_every_layer_runs_once_in_order_on_the_tier_it_was_given_to(cut: list[int]) -> None:
    result = played({"use": "fixed_cut", "cuts": cut})
    assert (result.requests["outcome"] == "ok").all()
    bounds = dict(zip(["on_camera", "on_site", "on_gpu"], zip([0, *cut], [*cut, LAYERS], strict=True), strict=True))
    wanted = [(service, span) for service, span in bounds.items() if span[0] < span[1]]
    for _, visits in result.stages.sort_values("started_s", kind="stable").groupby("request"):
        assert [(s, layers(p)) for s, p in zip(visits["service"], visits["part"], strict=True)] == wanted
        finished, sent = visits["finished_s"].to_numpy(), visits["sent_s"].to_numpy()
        assert (sent[1:] == finished[:-1]).all()


@settings(derandomize=True, deadline=None, max_examples=25, database=None)
@given(cuts)
def test_what_crosses_a_link_is_what_is_alive_at_the_cut_before_it(cut: list[int]) -> None:
    """A frame before the first layer, a tensor in between, the answer on the way home."""
    result = played({"use": "fixed_cut", "cuts": cut})
    crossing = [30_000.0, *(NET.crossing_bytes(c, "fp16") for c in range(1, LAYERS))]
    moved = result.transfers.copy()
    moved["group"] = moved["link"].str.replace(r":.*", "", regex=True)
    moved["home"] = moved["link"].str.contains(r">camera|gpu>site", regex=True)
    requests = len(result.requests)
    for group, place in (("uplink", cut[0]), ("backhaul", cut[1])):
        there = moved[(moved["group"] == group) & ~moved["home"]]
        if place == LAYERS:
            assert there.empty
        else:
            assert len(there) == requests
            assert set(there["bytes"]) == {crossing[place]}
    home = moved[moved["home"]]
    assert len(home) == requests * ((cut[0] < LAYERS) + (cut[1] < LAYERS))
    assert set(home["bytes"]) <= {2000.0}


@pytest.mark.parametrize("objective", ["latency", "energy"])
def test_the_best_split_is_no_worse_than_any_fixed_one_for_a_request_alone(objective: str) -> None:
    """One camera, one frame a second, nothing queues: what neurosurgeon predicts is what happens."""
    alone = {"nodes.camera.count": "1", "workloads.frames.arrivals.rate": "0.3 /s", "run.duration": "20 s"}
    alone |= {"links.uplink.jitter": "0 s", "services.on_site.policies.batching": "none"}
    alone |= {"services.on_gpu.policies.batching": "none"}

    def cost(partitioning: Any) -> float:
        result = played(partitioning, **alone)
        assert (result.requests["outcome"] == "ok").all()
        if objective == "latency":
            return float((result.requests["end_s"] - result.requests["arrival_s"]).mean())
        return energy(result)

    best = cost({"use": "neurosurgeon", "objective": objective})
    some = [
        cost({"use": "fixed_cut", "cuts": [a, b]})
        for a in (0, 1, 5, 10, LAYERS)
        for b in (0, 1, 5, 10, LAYERS)
        if a <= b
    ]
    assert best <= min(some) * (1 + 1e-9)


def energy(result: Played) -> float:
    """Return the joules above idle of one run: what layers draw where they run, and what bytes cost on their way."""
    world = result.world
    watts: dict[str, float] = {}
    for replica in world.replicas.made:
        device, node = replica.device, replica.node
        share = (node.peak_w - node.idle_w) / node.cores
        watts[replica.service.name] = share if device is None else device.spec.peak_w - device.spec.idle_w
    ran = result.stages.groupby("service")["busy_s"].sum()
    specs = {name: link.spec.joules_per_byte for name, link in world.network.links.items()}
    moved = result.transfers.groupby("link")["bytes"].sum()
    return float(sum(watts[str(s)] * t for s, t in ran.items()) + sum(specs[str(n)] * b for n, b in moved.items()))


def test_batches_share_one_part_only() -> None:
    """Requests that were cut differently never run in one batch."""
    result = played({"use": "fixed_cut", "cuts": [0, 10]}, **{"nodes.camera.count": "12"})
    batched = result.stages[result.stages["batch"] > 1]
    assert len(batched)
    runs = batched.groupby(["replica", "started_s"])
    assert (runs["part"].min() == runs["part"].max()).all()
    assert (runs.size() == runs["batch"].first()).all()
    assert np.isclose(
        runs["busy_s"].sum(), (runs["finished_s"].first() - runs["finished_s"].first().index.get_level_values(1))
    ).all()


def test_the_table_of_a_split_has_a_row_for_each_part() -> None:
    result = played({"use": "fixed_cut", "cuts": [5, 10]})
    rows: pd.Series[int] = result.stages.groupby("request").size()
    assert (rows == 3).all()
