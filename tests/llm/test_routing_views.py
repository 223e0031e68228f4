"""What routing policies see of engines: exact at every instant, and nothing forgotten that is on its way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from llm_routing import fleet, one_by_one, played

from simtier.contract import EngineReplicaView, ReplicaView, RequestView, Routing, runs_engine
from simtier.policies.routing.shortest_queue_tokens import ShortestQueueTokens
from simtier.world import World

POISSON = {"process": "poisson", "rate": "8 /s"}
TOKENS = {
    "input": {"distribution": "lognormal", "mean": 800, "cv": 1},
    "output": {"distribution": "exponential", "mean": 100},
}
NUMBERS = (
    *("queued_tokens", "queued_prompts", "queue_s", "running_tokens", "blocks_free", "busy", "queued"),
    *("running", "in_flight"),
)


class Watches(Routing):
    """Takes turns, and writes down what it sees."""

    def start(self, site: Any, rng: np.random.Generator) -> None:
        self.seen: list[list[float]] = []
        self.sequences: list[list[tuple[int, int, int, int]]] = []
        self.site = site

    def choose(self, request: RequestView, replicas: Sequence[ReplicaView]) -> ReplicaView:
        row: list[float] = [self.site.now_s]
        for replica in replicas:
            assert runs_engine(replica)
            row += [float(getattr(replica, name)) for name in NUMBERS]
            row += [replica.token_s(request), replica.prompt_s(request), float(replica.cached_tokens(request))]
            self.sequences.append([(s.id, s.generated, s.computed, s.blocks) for s in replica.sequences])
        self.seen.append(row)
        return replicas[len(self.seen) % len(replicas)]


def watched(data: dict[str, Any], *prepares: Any) -> Watches:
    policy = Watches()

    def prepare(world: World) -> None:
        service = world.services["chat"]
        policy.start(world._site, np.random.default_rng(0))
        service.askers["routing"].policy = policy
        for each in prepares:
            each(world)

    played(data, prepare)
    return policy


@pytest.mark.parametrize("llm", [{}, {"prefix_caching": True}, {"blocks": 400}])
def test_the_view_is_the_same_whether_iterations_are_taken_together_or_one_by_one(llm: dict[str, Any]) -> None:
    data = fleet(3, TOKENS, POISSON, llm=llm, policies={"routing": "random"})
    fast, slow = watched(data), watched(data, one_by_one)
    assert len(fast.seen) > 100
    np.testing.assert_allclose(np.array(fast.seen), np.array(slow.seen), rtol=1e-9, atol=1e-9)
    assert fast.sequences == slow.sequences
    assert max(len(each) for each in fast.sequences) > 3


def test_what_is_on_its_way_is_queued() -> None:
    """One request a second, 5 s away: the first arrives after five others have set out, each with 1,000 tokens."""
    data = fleet(
        1, {"input": 1000, "output": 2}, {"process": "periodic", "rate": "1 /s", "phase": "0 s"}, latency="5 s"
    )
    watches = watched(data)
    for number, row in enumerate(watches.seen[:5]):
        seen = dict(zip(NUMBERS, row[1:], strict=False))
        of_queue = {name: seen.pop(name) for name in ("queue_s", "blocks_free")}
        assert seen == dict.fromkeys(seen, 0.0) | {
            "queued_tokens": 1000.0 * number,
            "queued_prompts": number,
            "in_flight": number,
        }
        assert of_queue == {"queue_s": pytest.approx(number * row[len(NUMBERS) + 2]), "blocks_free": 20000}


class Blind(Routing):
    """The peers' mistake: it looks at waiting requests only."""

    def choose(self, request: RequestView, replicas: Sequence[ReplicaView]) -> ReplicaView:
        return min(replicas, key=lambda replica: (replica.queued, replica.id))


def most_at_once(routing: Routing) -> int:
    """Return how many of 16 requests of one instant, 50 ms away, the replica with the most of them gets; there are four."""
    data = fleet(
        4, {"input": 500, "output": 2}, {"process": "periodic", "rate": "0.01 /s", "phase": "0 s"}, latency="50 ms"
    )
    data["nodes"]["people"]["count"] = 16

    def prepare(world: World) -> None:
        world.services["chat"].askers["routing"].policy = routing

    replicas = played(data, prepare).stages["replica"].to_numpy()
    return int(np.bincount(replicas.astype(int)).max())


def test_requests_on_their_way_are_seen_so_that_no_herd_forms() -> None:
    assert most_at_once(ShortestQueueTokens()) == 4
    assert most_at_once(Blind()) == 16


def test_what_is_on_its_way_is_forgotten_when_it_is_over() -> None:
    """Clients give up after 10 ms, and the way takes 50 ms."""
    data = fleet(2, {"input": 500, "output": 2}, POISSON, latency="50 ms")
    data["apps"]["ask"]["timeout"] = "10 ms"
    world = played(data).world
    assert [replica.view.queued_tokens for replica in world.replicas.made] == [0, 0]  # type: ignore[attr-defined]
    assert all(not replica.on_way._sequences for replica in world.replicas.made)  # type: ignore[attr-defined]


def test_messages_that_are_lost_are_forgotten() -> None:
    data = fleet(2, {"input": 500, "output": 2}, POISSON)
    data["links"]["way"]["loss"] = 0.5
    world = played(data).world
    assert all(not replica.on_way._sequences for replica in world.replicas.made)  # type: ignore[attr-defined]


def test_an_engine_view_has_all_that_the_contract_says() -> None:
    world = played(fleet(1, TOKENS, POISSON, duration="1 s")).world
    view = world.replicas.made[0].view
    shown = [name for name in dir(EngineReplicaView) if not name.startswith("_")]
    assert {"queued_tokens", "cached_tokens", "node"} <= set(shown)
    assert all(hasattr(view, name) for name in shown)
    assert runs_engine(view)


def test_policies_see_targets_prompts_and_prefixes() -> None:
    seen: dict[str, Any] = {}

    class Looks(Routing):
        def choose(self, request: RequestView, replicas: Sequence[ReplicaView]) -> ReplicaView:
            for name in ("prompt_tokens", "prefix_tokens", "token_target_s"):
                seen[name] = getattr(request, name)
            seen["prefix"] = len(request.prefix)
            seen["first_by_s"] = request.first_by_s - request.arrival_s
            return replicas[0]

    def prepare(world: World) -> None:
        world.services["chat"].askers["routing"].policy = Looks()

    tokens = {"input": 2000, "output": 2, "shared": {"tokens": 600}}
    slo = {"ttft": "2 s", "tpot": "50 ms"}
    played(fleet(2, tokens, POISSON, llm={"prefix_caching": True}, slo=slo, duration="2 s"), prepare)
    assert seen == {
        "prompt_tokens": 2000,
        "prefix_tokens": 600,
        "prefix": 2,
        "first_by_s": pytest.approx(2.0),
        "token_target_s": 0.05,
    }
