"""Hypothesis strategies over small systems: topology, services, applications, workloads and policies of every kind."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

Draw = Any

TIMES = st.sampled_from(
    [
        "0 s",
        "20 ms",
        {"distribution": "exponential", "mean": "20 ms"},
        {"distribution": "gamma", "mean": "30 ms", "cv": 2},
        {"distribution": "uniform", "low": "0 s", "high": "40 ms"},
    ]
)
BATCHING = st.sampled_from(
    ["none", {"use": "size_or_timeout", "size": 4, "timeout": "15 ms"}, {"use": "size_or_timeout", "timeout": "0 s"}]
)
SCHEDULING = st.sampled_from(["fifo", "lifo", "priority", "shortest_first", "earliest_deadline"])
ROUTING = st.sampled_from(["round_robin", "random", "least_in_flight", "power_of_two", "lowest_latency"])
ADMISSION = st.sampled_from(["everyone", "everyone", {"use": "bounded_queue", "limit": 2}, "deadline_feasible"])
AUTOSCALING = st.sampled_from(["fixed", {"use": "target_utilization", "every": "500 ms", "scale_down_after": "1 s"}])
PLACEMENT = st.sampled_from(["first_fit", "best_fit", "least_loaded"])


@st.composite
def _link(draw: Draw, source: str, target: str) -> dict[str, Any]:
    link: dict[str, Any] = {
        "from": source,
        "to": target,
        "latency": draw(st.sampled_from(["0 s", "5 ms", "40 ms"])),
        "bandwidth": draw(st.sampled_from(["unlimited", "unlimited", "100 kB/s", "2 Mbit/s"])),
        "sharing": draw(st.sampled_from(["fifo", "fair", "none"])),
        "shared": draw(st.booleans()),
    }
    if draw(st.integers(0, 3)) == 0:
        link |= {"loss": 0.1, "jitter": {"distribution": "exponential", "mean": "3 ms"}}
        if draw(st.booleans()):
            link["retransmit_after"] = "20 ms"
    return link


@st.composite
def _service(draw: Draw, tiers: tuple[str, ...]) -> dict[str, Any]:
    accelerator = draw(st.booleans())
    on = ["cloud"] if accelerator else draw(st.lists(st.sampled_from(tiers), min_size=1, max_size=2, unique=True))
    autoscaling = draw(AUTOSCALING)
    scales = autoscaling != "fixed"
    return {
        "on": on,
        "replicas": draw(st.integers(0 if scales else 1, 2)),
        "most": 4,
        "cores": draw(st.sampled_from([0.5, 1])),
        "memory": draw(st.sampled_from(["0 B", "100 MB"])),
        "concurrency": 1 if accelerator else draw(st.integers(1, 3)),
        "accelerator": accelerator,
        "startup": draw(st.sampled_from(["0 s", "300 ms"])),
        "max_batch": draw(st.sampled_from([2, 32])),
        "policies": {
            "routing": draw(ROUTING),
            "scheduling": draw(SCHEDULING),
            "batching": draw(BATCHING),
            "admission": draw(ADMISSION),
            "placement": draw(PLACEMENT),
            "autoscaling": autoscaling,
        },
    }


@st.composite
def _app(draw: Draw, services: list[str]) -> dict[str, Any]:
    number = draw(st.integers(1, 3))
    stages: dict[str, Any] = {}
    for k in range(number):
        stage: dict[str, Any] = {
            "service": draw(st.sampled_from(services)),
            "time": draw(TIMES),
            "output": draw(st.sampled_from(["0 B", "3 kB"])),
            "batch_cost": draw(st.sampled_from([0.0, 0.5, 1.0])),
        }
        if draw(st.integers(0, 3)) == 0:
            stage |= {"copies": draw(st.integers(2, 3)), "stagger": draw(st.sampled_from(["0 s", "7 ms"]))}
        if k and draw(st.booleans()):
            before = draw(st.lists(st.sampled_from(list(stages)), unique=True))
            stage["after"] = before
        stages[f"s{k}"] = stage
    app: dict[str, Any] = {
        "stages": stages,
        "response": draw(st.sampled_from(["0 B", "1 kB"])),
        "priority": draw(st.integers(0, 2)),
    }
    if draw(st.booleans()):
        app["slo"] = {"latency": "150 ms"}
    if draw(st.integers(0, 2)) == 0:
        app["timeout"] = draw(st.sampled_from(["60 ms", "400 ms"]))
    return app


ARRIVALS = st.sampled_from(
    [
        {"process": "poisson", "rate": "12 /s"},
        {"process": "poisson", "rate": "40 /s"},
        {"process": "periodic", "rate": "20 /s", "phase": "0 s"},
        {"process": "periodic", "rate": "20 /s", "jitter": "5 ms"},
        {"process": "gamma", "rate": "20 /s", "cv": 3},
        {"process": "markov", "rates": ["0 /s", "60 /s"], "stay": ["500 ms", "300 ms"]},
        {"process": "varying", "points": [["0 s", "0 /s"], ["1 s", "40 /s"], ["2 s", "0 /s"]]},
        {"process": "closed", "clients": 3, "think": {"distribution": "exponential", "mean": "100 ms"}},
    ]
)


@st.composite
def systems(draw: Draw) -> str:
    """Return a scenario as JSON: devices, an edge and a cloud, one to three services, one or two applications."""
    services = {f"v{k}": draw(_service(("edge", "cloud"))) for k in range(draw(st.integers(1, 3)))}
    apps = {f"a{k}": draw(_app(list(services))) for k in range(draw(st.integers(1, 2)))}
    scenario = {
        "name": "generated",
        "run": {
            "duration": draw(st.sampled_from(["2 s", "5 s"])),
            "drain": draw(st.sampled_from(["0 s", "1 s", "60 s"])),
            "seed": draw(st.integers(0, 5)),
            "samples": 10,
        },
        "nodes": {
            "phone": {"tier": "device", "count": draw(st.integers(1, 3)), "cores": 1},
            "site": {
                "tier": "edge",
                "count": draw(st.integers(1, 2)),
                "cores": 8,
                "memory": "2 GB",
                "cpu": draw(st.sampled_from(["reserved", "fair"])),
                "speed": draw(st.sampled_from([1.0, 0.5])),
                "idle_power": "50 W",
                "peak_power": "150 W",
            },
            "host": {
                "tier": "cloud",
                "cores": 12,
                "memory": "2 GB",
                "accelerators": ["t4"] * draw(st.integers(1, 2)),
                "idle_power": "100 W",
                "peak_power": "300 W",
            },
        },
        "links": {"access": draw(_link("phone", "site")), "core": draw(_link("site", "host"))},
        "services": services,
        "apps": apps,
        "workloads": {
            f"w{k}": {
                "app": draw(st.sampled_from(list(apps))),
                "from": draw(st.sampled_from(["phone", "phone", "site"])),
                "arrivals": draw(ARRIVALS),
                "request": draw(st.sampled_from(["0 B", "2 kB"])),
            }
            for k in range(draw(st.integers(1, 2)))
        },
    }
    return json.dumps(scenario)
