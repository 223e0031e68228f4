"""Scenarios of pools of engines, and playing them with iterations that take what a test says: a second each, unless it says otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llm_driving import ONE_SECOND
from playing import Memory, Played, load

from simtier.journal import Journal
from simtier.models.llm.replica import LlmReplica
from simtier.models.llm.work import IterationCost
from simtier.models.replica import Replica
from simtier.models.tables import TABLES
from simtier.streams import Streams
from simtier.world import World
from simtier.world.traces import TraceShelf

TOKEN_BYTES = 131072
"""Of keys and values of Llama-3-8B in two bytes: 2 (both) x 32 layers x 8 heads x 128 x 2."""
Asked = tuple[float, int, int]
"""A request: when it comes, tokens of its prompt, tokens of its answer."""


def rate(tokens: float) -> str:
    """Return the bandwidth that carries so many tokens' keys and values in a second."""
    return f"{tokens * TOKEN_BYTES} B/s"


def one_by_one(asked: Sequence[Asked], stage: Mapping[str, Any], **app: Any) -> dict[str, Any]:
    """Return applications and workloads for requests that come from node `a` at given times; request k is that of application `k`."""
    return {
        "apps": {
            f"k{number}": {"stages": {"answer": {**stage, "tokens": {"input": prompt, "output": output}}}, **app}
            for number, (_, prompt, output) in enumerate(asked)
        },
        "workloads": {
            f"w{number}": {
                "app": f"k{number}",
                "from": "a",
                "arrivals": {"process": "periodic", "rate": "0.0001 /s", "phase": f"{at} s"},
            }
            for number, (at, _, _) in enumerate(asked)
        },
    }


def service(on: str, *, replicas: int = 1, policies: Mapping[str, Any] | None = None, **llm: Any) -> dict[str, Any]:
    """Return a service that runs Llama-3-8B."""
    return {
        "on": on,
        "replicas": replicas,
        "cores": 0,
        "llm": {"model": "llama-3-8b", **llm},
        "policies": dict(policies or {}),
    }


def apart(
    asked: Sequence[Asked],
    *,
    prompts: Mapping[str, Any] | None = None,
    tokens: Mapping[str, Any] | None = None,
    link: Mapping[str, Any] | None = None,
    app: Mapping[str, Any] | None = None,
    duration: str = "100 s",
) -> dict[str, Any]:
    """Return a pool for prompts on node `a` and one for tokens on node `b`; a link of 100 tokens' keys and values a second joins them."""
    return {
        "name": "apart",
        "run": {"duration": duration, "samples": 0},
        "nodes": {
            name: {"tier": "cloud", "cores": 8, "memory": "64 GB", "accelerators": ["a100_80g"] * 4} for name in "ab"
        },
        "links": {
            "ab": {"from": "a", "to": "b", "latency": "250 ms", "bandwidth": rate(100), "sharing": "fair"}
            | dict(link or {})
        },
        "services": {"prompts": service("a") | dict(prompts or {}), "tokens": service("b") | dict(tokens or {})},
        **one_by_one(asked, {"split": ["prompts", "tokens"]}, **(app or {})),
    }


def alive(
    scenario: Mapping[str, Any], cost: IterationCost | None = ONE_SECOND, *, every: bool = False
) -> tuple[World, Memory, Journal]:
    """Return a world whose iterations take what `cost` says (None: what the scenario does), each taken by itself if `every`."""
    loaded = load(scenario)
    memory = Memory()
    journal = Journal(TABLES, memory, 0)
    world = World(loaded, journal, Streams(loaded.run.seed, 0), TraceShelf(), None)

    def change(replica: Replica) -> None:
        assert isinstance(replica, LlmReplica)
        if cost is not None:
            replica.draw.change_cost(cost)
        if every:
            replica.engine._most = 1  # type: ignore[union-attr]  # what `one_by_one` of an engine sets

    for replica in world.replicas.made:
        change(replica)
    world.replicas.heard_by.append(change)
    return world, memory, journal


def played(scenario: Mapping[str, Any], cost: IterationCost | None = ONE_SECOND, *, every: bool = False) -> Played:
    """Return what came out of a run; see `alive`."""
    world, memory, journal = alive(scenario, cost, every=every)
    world.play(lambda: False)
    world.close()
    return Played(memory, world, journal.fingerprint())


def engines(run: Played) -> list[Any]:
    """Return all engines there were, in the order in which their replicas were made."""
    return [replica.engine for replica in run.world.replicas.made if isinstance(replica, LlmReplica)]


def nothing_is_left(run: Played) -> None:
    """Check that every engine has all its blocks back, and nobody is anywhere."""
    for replica in run.world.replicas.made:
        assert isinstance(replica, LlmReplica)
        blocks = replica.engine.blocks
        assert (blocks.free, replica.in_flight) == (blocks.total, 0), replica.service.name
        assert not [*replica.engine.running, *replica.engine.waiting, *replica.engine.guests._line]
        moving = replica.moving
        assert not [*moving.leaving, *moving.underway, *moving.migrating, *moving._coming]
    assert not any(service.waiting for service in run.world.services.values())
