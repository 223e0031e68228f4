"""Hypothesis strategies over small function platforms: little memory, short keep-alive, policies and limits of every kind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from systems import ARRIVALS, PLACEMENT, TIMES
from systems import _link as link

Draw = Any

CALLS = Path(__file__).with_name("platform_calls.csv")
"""A trace of calls of functions, some of which the scenarios list; arrivals and durations in seconds."""
COLD_STARTS = st.sampled_from(
    [
        "0 s",
        "200 ms",
        {"distribution": "exponential", "mean": "150 ms"},
        {"model": "given", "allocating": "50 ms", "starting_runtime": "40 ms", "initialising": "120 ms"},
        {
            "model": "given",
            "scheduling": "10 ms",
            "allocating": {"distribution": "exponential", "mean": "60 ms"},
            "starting_runtime": "30 ms",
            "deploying_code": {"distribution": "uniform", "low": "0 s", "high": "80 ms"},
        },
        {
            "model": "pools",
            "pools": {"100 MB": {"size": 1, "refill": "500 ms"}, "300 MB": {"size": 2, "refill": "300 ms"}},
            "from_pool": "20 ms",
            "from_scratch": "400 ms",
        },
    ]
)
KEEP_ALIVE = st.sampled_from(
    [
        {"use": "fixed", "idle": "0 s"},
        {"use": "fixed", "idle": "50 ms"},
        {"use": "fixed", "idle": "300 ms"},
        {"use": "fixed", "idle": "2 s"},
        "none",
        "forever",
        "lru",
        "faascache",
        {"use": "hybrid_histogram", "bin": "50 ms", "range": "2 s"},
        {"use": "rainbowcake", "history": 2},
        {"use": "timer_prewarm", "idle": "50 ms", "margin": "0 s", "gaps": 2},
        {"use": "pool_prediction", "idle": "200 ms", "every": "500 ms", "recent": 3},
    ]
)
SCALING = st.sampled_from(
    [
        "on_demand",
        "on_demand",
        {"use": "on_demand", "waits_for_starting": True},
        {"use": "knative_kpa", "every": "200 ms", "stable_window": "1 s", "scale_to_zero_grace": "300 ms"},
        {"use": "target_concurrency", "every": "250 ms", "window": "1 s"},
    ]
)
CELL_ROUTING = st.sampled_from(["round_robin", "random", "least_in_flight", "cross_region", "hash_affinity"])
ADMISSION = st.sampled_from(["everyone", "everyone", {"use": "bounded_queue", "limit": 2}])


@st.composite
def _function(draw: Draw, reserves: bool) -> dict[str, Any]:
    function: dict[str, Any] = {
        "memory": draw(st.sampled_from(["100 MB", "300 MB", "128 MiB"])),
        "concurrency": draw(st.integers(1, 3)),
        "runtime": draw(st.sampled_from(["", "python", "java"])),
    }
    if draw(st.integers(0, 3)) == 0:
        function["time_limit"] = "30 ms"
    if draw(st.integers(0, 4)) == 0:
        function["provisioned"] = 1
    if reserves:
        function["cores"] = draw(st.sampled_from([0.5, 1, 3]))
    return function


@st.composite
def _platform(draw: Draw) -> dict[str, Any]:
    reserves = draw(st.integers(0, 4)) == 0
    platform: dict[str, Any] = {
        "functions": {f"f{k}": draw(_function(reserves)) for k in range(draw(st.integers(1, 4)))},
        "most": draw(st.sampled_from([1000, 1000, 2])),
        "when_full": draw(st.sampled_from(["wait", "wait", "reject"])),
        "reserve_cores": reserves,
        "cold_start": draw(COLD_STARTS),
        "policies": {
            "keep_alive": draw(KEEP_ALIVE),
            "autoscaling": draw(SCALING),
            "admission": draw(ADMISSION),
            "placement": draw(PLACEMENT),
            "routing": draw(CELL_ROUTING),
        },
    }
    if draw(st.integers(0, 3)) == 0:
        platform["concurrency_limit"] = 4
    if draw(st.integers(0, 3)) == 0:
        platform["ramp"] = {"burst": draw(st.integers(1, 2)), "per": "700 ms"}
    if not reserves and draw(st.integers(0, 3)) == 0:
        platform["memory_per_core"] = "200 MB"
    where = draw(st.sampled_from(["one", "one", "nodes", "regions"]))
    if where == "regions":
        platform["regions"] = {"near": {"on": "site"}, "far": {"on": "host", "cold_start": draw(COLD_STARTS)}}
    else:
        platform |= {"on": draw(st.sampled_from(["site", ["site", "host"]])), "cells": where}
    return platform


@st.composite
def _app(draw: Draw, functions: list[str]) -> dict[str, Any]:
    stages: dict[str, Any] = {}
    for k in range(draw(st.integers(1, 3))):
        stage: dict[str, Any] = {
            "service": "faas",
            "function": draw(st.sampled_from(functions)),
            "time": draw(TIMES),
            "output": draw(st.sampled_from(["0 B", "3 kB"])),
        }
        if k and draw(st.booleans()):
            stage["after"] = draw(st.lists(st.sampled_from(list(stages)), unique=True))
        stages[f"s{k}"] = stage
    app: dict[str, Any] = {"stages": stages, "response": draw(st.sampled_from(["0 B", "1 kB"]))}
    if draw(st.integers(0, 2)) == 0:
        app["timeout"] = draw(st.sampled_from(["60 ms", "400 ms"]))
    return app


@st.composite
def platform_systems(draw: Draw) -> str:
    """Return a scenario as JSON: clients and one platform on two sites, one or two applications, in some a trace of calls."""
    platform = draw(_platform())
    apps = {f"a{k}": draw(_app(list(platform["functions"]))) for k in range(draw(st.integers(1, 2)))}
    workloads: dict[str, Any] = {
        f"w{k}": {
            "app": draw(st.sampled_from(list(apps))),
            "from": draw(st.sampled_from(["phone", "phone", "site"])),
            "arrivals": draw(ARRIVALS),
            "request": draw(st.sampled_from(["0 B", "2 kB"])),
        }
        for k in range(draw(st.integers(1, 2)))
    }
    if draw(st.integers(0, 3)) == 0:
        platform["traced"] = {"memory": "100 MB", "concurrency": draw(st.integers(1, 2))}
        apps["calls"] = {"stages": {"run": {"service": "faas", "time": {"distribution": "traced", "duration": 1}}}}
        workloads["calls"] = {"app": "calls", "from": "phone", "trace": f"own:{CALLS}"}
    scenario = {
        "name": "generated",
        "run": {
            "duration": draw(st.sampled_from(["2 s", "5 s"])),
            "drain": draw(st.sampled_from(["0 s", "1 s", "60 s"])),
            "seed": draw(st.integers(0, 5)),
            "samples": 10,
        },
        "nodes": {
            "phone": {"tier": "device", "count": draw(st.integers(1, 2)), "cores": 1},
            "site": {"tier": "edge", "count": draw(st.integers(1, 2)), "cores": 4, "memory": "500 MB"},
            "host": {"tier": "cloud", "count": draw(st.integers(1, 2)), "cores": 6, "memory": "700 MB"},
        },
        "links": {"access": draw(link("phone", "site")), "core": draw(link("site", "host"))},
        "platforms": {"faas": platform},
        "apps": apps,
        "workloads": workloads,
    }
    return json.dumps(scenario)
