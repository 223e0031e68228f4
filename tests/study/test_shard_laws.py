"""Whatever the systems: played in parts they leave the tables, to the bit and in order, that they leave played in one."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from platform_systems import platform_systems
from sharded import same_in_parts, side_by_side
from systems import BATCHING, systems

laws = settings(
    derandomize=True,
    deadline=None,
    max_examples=12,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    database=None,
    phases=(Phase.explicit, Phase.generate),
)
FREE_LINK = {"latency": "5 ms", "sharing": "none", "bandwidth": "1 MB/s"}
KEEPING = st.sampled_from(
    [
        "none",
        "forever",
        {"use": "fixed", "idle": "300 ms"},
        {"use": "hybrid_histogram", "bin": "50 ms", "range": "2 s"},
        {"use": "timer_prewarm", "idle": "50 ms", "margin": "0 s", "gaps": 2},
    ]
)


@laws
@given(systems(), systems(), st.integers(0, 1))
def test_two_systems_that_have_nothing_to_do_with_each_other(one: str, other: str, replication: int) -> None:
    pieces = same_in_parts(side_by_side(json.loads(one), json.loads(other)), replication=replication)
    assert pieces >= 2


@laws
@given(systems(), st.integers(2, 3))
def test_a_system_beside_its_likeness_where_everything_falls_on_the_same_instants(one: str, parts: int) -> None:
    system = json.loads(one)
    assert same_in_parts(side_by_side(system, system, system), parts) >= 3


@laws
@given(platform_systems(), systems())
def test_a_function_platform_beside_a_system(one: str, other: str) -> None:
    assume(same_in_parts(side_by_side(json.loads(one), json.loads(other))) >= 2)


@laws
@given(platform_systems(), KEEPING, st.integers(2, 3))
def test_functions_that_share_nothing_but_their_platform(text: str, keep_alive: Any, parts: int) -> None:
    system = json.loads(text)
    platform = system["platforms"]["faas"]
    assume("pools" not in json.dumps(platform["cold_start"]) and "regions" not in platform)
    for name in ("concurrency_limit", "cells"):
        platform.pop(name, None)
    platform |= {"on": "site", "reserve_cores": False}
    platform["policies"] |= {"keep_alive": keep_alive, "placement": "first_fit", "autoscaling": "on_demand"}
    del system["nodes"]["site"]["memory"]
    for name in system["links"]:
        ends = {key: system["links"][name][key] for key in ("from", "to")}
        system["links"][name] = ends | FREE_LINK
    assume(same_in_parts(system, parts) >= 2)


@laws
@given(systems(), BATCHING, st.sampled_from(["replica", "node"]), st.integers(2, 3))
def test_replicas_that_each_have_sources_of_their_own(text: str, batching: Any, over: str, parts: int) -> None:
    system = json.loads(text)
    for service in system["services"].values():
        service |= {"on": ["edge"], "replicas": "each", "accelerator": False}
        service["policies"] |= {
            "autoscaling": "fixed",
            "admission": "everyone",
            "scheduling": "earliest_deadline",
            "batching": batching,
            "routing": {"use": "hash_affinity", "over": over},
        }
    for workload in system["workloads"].values():
        workload["from"] = "phone"
    system["nodes"]["phone"]["count"] = 6
    system["nodes"]["site"] |= {"count": 3, "cpu": "reserved"}
    for name in system["links"]:
        ends = {key: system["links"][name][key] for key in ("from", "to")}
        system["links"][name] = ends | FREE_LINK
    assume(same_in_parts(system, parts) >= 2)
