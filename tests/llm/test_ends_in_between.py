"""What ends in the middle of something else: rejections within a plan, forks, transfers that never arrive, engines too small to move to."""

from __future__ import annotations

from typing import Any

import pytest
from llm_driving import Linear
from llm_pools import TOKEN_BYTES, Played, apart, one_by_one, played, service


def system(services: dict[str, Any], apps: dict[str, Any], workloads: dict[str, Any], **link: Any) -> dict[str, Any]:
    """Return two nodes with a link that carries 100 tokens' keys and values in a second, and what runs there."""
    plain = apart([(0, 1, 1)])
    plain["links"]["ab"] |= link
    return plain | {"services": services, "apps": apps, "workloads": workloads}


def at(seconds: float, app: str, source: str = "a") -> dict[str, Any]:
    return {
        "app": app,
        "from": source,
        "arrivals": {"process": "periodic", "rate": "0.0001 /s", "phase": f"{seconds} s"},
    }


def outcomes(run: Played) -> list[str]:
    return list(run.requests.sort_values("request").outcome)


def nothing_is_held(run: Played) -> None:
    for replica in run.world.replicas.made:
        blocks = replica.engine.blocks  # type: ignore[attr-defined]  # all of them run a language model
        assert 0 <= blocks.free == blocks.total
        assert replica.in_flight == 0


def test_what_goes_on_in_the_same_replica_is_not_handed_over_layer_by_layer() -> None:
    asked = one_by_one([(1, 100, 5)], {"service": "c"})
    run = played(system({"c": service("a", shares={}, hand_over={"overlap": True})}, **asked), None)
    assert outcomes(run) == ["ok"]
    nothing_is_held(run)


@pytest.mark.parametrize("cache", [False, True])
def test_a_rejection_within_a_plan_lets_nobody_take_what_the_plan_has_counted(cache: bool) -> None:
    policies = {
        "routing": {"use": "on_demand_forwarding", "prompts": 2},
        "batching": {"use": "vllm_v1", "drop_late": "0 s"},
    }
    few = {"block": 4, "prefix_caching": cache}
    services = {"p": service("a", blocks=1000, **few), "d": service("b", blocks=40, policies=policies, **few)}
    decodes = {"running": (1.0, 8, 10), "late": (2.3, 8, 2), "large": (2.31, 100, 2)}
    apps: dict[str, Any] = {
        name: {"stages": {"s": {"service": "d", "tokens": {"input": prompt, "output": output}}}}
        for name, (_, prompt, output) in decodes.items()
    }
    apps["late"]["slo"] = {"ttft": "1.5 s"}
    apps["comes"] = {"stages": {"s": {"split": ["p", "d"], "tokens": {"input": 120, "output": 4}}}}
    workloads = {name: at(seconds, name, "b") for name, (seconds, _, _) in decodes.items()} | {
        "comes": at(1.5, "comes")
    }
    run = played(system(services, apps, workloads, latency="0 s", bandwidth="100 GB/s"), Linear(1.0))
    iterations = run.table("iterations")
    assert (iterations[["blocks", "blocks_end"]].max(axis=1) <= iterations.blocks_total).all()
    assert sorted(run.requests.outcome) == ["ok", "ok", "ok", "rejected"]
    nothing_is_held(run)


def test_two_branches_that_wait_at_one_engine_end_together() -> None:
    tokens = {"input": 100, "output": 5}
    stages = {"x": {"service": "c", "tokens": tokens}, "y": {"service": "c", "after": [], "tokens": tokens}}
    late = {"batching": {"use": "vllm_v1", "drop_late": "0 s"}}
    apps = {"k": {"stages": stages, "slo": {"ttft": "500 ms"}}}
    run = played(system({"c": service("a", policies=late)}, apps, {"w": at(1, "k")}), Linear(1.0))
    assert outcomes(run) == ["rejected"]
    assert sorted(run.table("sequences").outcome) == ["left", "rejected"]
    nothing_is_held(run)


@pytest.mark.parametrize(("timeout", "second"), [({}, 3), ({"timeout": "8 s"}, 30)])
def test_keys_and_values_are_not_found_before_they_arrive_nor_if_they_never_do(
    timeout: dict[str, Any], second: int
) -> None:
    shared = {"input": 1600, "output": 20, "shared": {"tokens": 1600, "texts": 1}}
    apps = {"k": {"stages": {"s": {"split": ["p", "d"], "tokens": shared}}, **timeout}}
    services = {"p": service("a", prefix_caching=True), "d": service("b", prefix_caching=True)}
    run = played(system(services, apps, {"w0": at(1, "k"), "w1": at(second, "k")}, latency="0 s"))
    sent = run.transfers[run.transfers.bytes > 0]
    assert list(sent.bytes) == [1600 * TOKEN_BYTES] * 2
    nothing_is_held(run)


def test_what_one_stage_computed_is_not_found_by_another() -> None:
    tokens = {"input": 320, "output": 2}
    stages = {"x": {"service": "c", "tokens": tokens}, "y": {"service": "c", "after": ["x"], "tokens": tokens}}
    run = played(system({"c": service("a", prefix_caching=True)}, {"k": {"stages": stages}}, {"w": at(1, "k")}))
    assert list(run.table("sequences").cached_tokens) == [0, 0]
