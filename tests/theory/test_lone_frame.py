"""A lone frame meets no queue: its latency is the sum of its parts, wherever the network is cut, and neurosurgeon finds the least."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from playing import load, play

from simtier.catalogue.dnn import dnn, dnns
from simtier.catalogue.hardware import accelerator, machine
from simtier.models.cost import layer_seconds
from simtier.models.precision import BYTES_PER_ELEMENT

UPLINK, BACKHAUL, HOME = 2.5e6, 50e6, 5e6  # bytes/s
THERE_S, ON_S = 0.020, 0.010
FRAME, ANSWER = 60e3, 2e3  # bytes


def latency(model: str, partitioning: Any) -> float:
    """Return the simulated latency of a single frame."""
    scenario = load(
        {
            "name": "lone",
            "run": {"duration": "1 s", "drain": "1000 s", "samples": 0},
            "nodes": {
                "camera": {"tier": "device", "hardware": "raspberry_pi_4"},
                "site": {"tier": "edge", "hardware": "xeon_edge_server"},
                "gpu": {"tier": "cloud", "hardware": "cloud_gpu_host", "accelerators": "t4"},
            },
            "links": {
                "uplink": {
                    "from": "camera",
                    "to": "site",
                    "latency": f"{THERE_S} s",
                    "bandwidth": f"{UPLINK} B/s",
                    "back": {"bandwidth": f"{HOME} B/s"},
                },
                "backhaul": {"from": "site", "to": "gpu", "latency": f"{ON_S} s", "bandwidth": f"{BACKHAUL} B/s"},
            },
            "services": {
                "on_camera": {"on": "camera", "cores": 4},
                "on_site": {"on": "site", "cores": 16},
                "on_gpu": {"on": "gpu", "accelerator": True},
            },
            "apps": {
                "detect": {
                    "stages": {"net": {"model": model, "split": ["on_camera", "on_site", "on_gpu"]}},
                    "response": f"{ANSWER} B",
                }
            },
            "workloads": {
                "frame": {
                    "app": "detect",
                    "from": "camera",
                    "request": f"{FRAME} B",
                    "arrivals": {"process": "periodic", "rate": "1 /s", "phase": "0.5 s"},
                }
            },
            "policies": {"partitioning": partitioning},
        }
    )
    requests = play(scenario).requests
    assert list(requests["outcome"]) == ["ok"]
    return float(requests["end_s"].iloc[0] - requests["arrival_s"].iloc[0])


@cache
def layer_times(model: str) -> list[list[float]]:
    """Return each layer's time on the camera, the site and the GPU, straight from the roofline formula."""
    processors = [
        machine("raspberry_pi_4").processor("fp16", 4),
        machine("xeon_edge_server").processor("fp16", 16),
        accelerator("t4").processor("fp16"),
    ]
    return [[layer_seconds(layer, p, 1, BYTES_PER_ELEMENT["fp16"]) for layer in dnn(model).layers] for p in processors]


def by_hand(model: str, first: int, second: int) -> float:
    """Return the sum of the parts: layers on each tier, each message's bytes over its link's rate, each link's latency."""
    net = dnn(model)
    depth = len(net.layers)
    crossing = [FRAME, *(net.crossing_bytes(cut, "fp16") for cut in range(1, depth))]
    times = layer_times(model)
    total = sum(times[0][:first]) + sum(times[1][first:second]) + sum(times[2][second:])
    if first < depth:
        total += THERE_S + crossing[first] / UPLINK + ANSWER / HOME + THERE_S
    if second < depth:
        total += ON_S + crossing[second] / BACKHAUL + ANSWER / BACKHAUL + ON_S
    return total


def some_cuts(model: str) -> list[tuple[int, int]]:
    """Return every cut between two neighbouring tiers, and some that use all three."""
    depth = len(dnn(model).layers)
    two_tiers = [(c, c) for c in range(depth + 1)] + [(c, depth) for c in range(depth)]
    return two_tiers + [(c, c + (depth - c) // 2) for c in range(0, depth, 5)]


@pytest.mark.parametrize("model", dnns())
def test_a_lone_frame_takes_the_sum_of_its_parts_wherever_it_is_cut(model: str) -> None:
    for first, second in some_cuts(model):
        simulated = latency(model, {"use": "fixed_cut", "cuts": [first, second]})
        assert simulated == pytest.approx(by_hand(model, first, second), rel=1e-12, abs=1e-12), (first, second)


@pytest.mark.parametrize("model", dnns())
def test_neurosurgeon_is_as_quick_as_the_best_of_all_cuts(model: str) -> None:
    depth = len(dnn(model).layers)
    least = min(by_hand(model, first, second) for first in range(depth + 1) for second in range(first, depth + 1))
    assert latency(model, "neurosurgeon") == pytest.approx(least, rel=1e-12)
