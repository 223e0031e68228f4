"""Fleets of engines under a routing policy: scenarios, and played worlds that tests prepare and look into."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from playing import Memory, Played, load

from simtier.journal import Journal
from simtier.models.tables import TABLES
from simtier.streams import Streams
from simtier.world import World
from simtier.world.traces import TraceShelf


def fleet(
    replicas: int,
    tokens: Mapping[str, Any] | str,
    arrivals: Mapping[str, Any],
    *,
    duration: str = "20 s",
    latency: str = "1 ms",
    slo: Mapping[str, Any] | None = None,
    **service: Any,
) -> dict[str, Any]:
    """Return a scenario of so many engines behind a link; `service` adds to, or changes, what the service says, and its `llm`."""
    llm = {"model": "llama-3-8b", "blocks": 20000, **service.pop("llm", {})}
    app: dict[str, Any] = {"stages": {"answer": {"service": "chat", "tokens": tokens}}}
    when = {"arrivals": arrivals} if "process" in arrivals else dict(arrivals)
    workload: dict[str, Any] = {"app": "ask", "from": "people"} | when
    return {
        "name": "fleet",
        "run": {"duration": duration, "drain": "60 s", "seed": 1},
        "nodes": {
            "gpus": {"tier": "cloud", "cores": 64, "accelerators": ["a100_80g"] * replicas},
            "people": {"tier": "device", "cores": 1},
        },
        "links": {"way": {"from": "people", "to": "gpus", "latency": latency}},
        "services": {"chat": {"on": "gpus", "replicas": replicas, "llm": llm, **service}},
        "apps": {"ask": app | ({"slo": slo} if slo else {})},
        "workloads": {"asks": workload},
    }


def played(
    data: Mapping[str, Any], prepare: Callable[[World], object] = lambda _: None, shelf: TraceShelf | None = None
) -> Played:
    """Play a scenario whose world is prepared first."""
    scenario = load(data)
    sink = Memory()
    journal = Journal(TABLES, sink, 0)
    world = World(scenario, journal, Streams(scenario.run.seed, 0), shelf or TraceShelf())
    prepare(world)
    world.play(lambda: False)
    world.close()
    return Played(sink, world, journal.fingerprint())


def one_by_one(world: World) -> None:
    """Have every engine take each iteration by itself."""
    for replica in world.replicas.made:
        replica.engine._most = 1  # type: ignore[attr-defined]  # they run language models
