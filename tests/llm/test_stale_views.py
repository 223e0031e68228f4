"""Replicas as they last reported."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from llm_routing import fleet, played

from simtier.contract import ReplicaView, RequestView, Routing, runs_engine
from simtier.world import World

PERIODIC = {"process": "periodic", "rate": "20 /s", "phase": "10 ms"}
TOKENS = {"input": 3000, "output": 20}
TOLD = (
    "queued",
    "running",
    "queued_tokens",
    "queued_prompts",
    "running_tokens",
    "blocks_free",
    "queue_s",
    "iteration_s",
)


class Watches(Routing):
    """Takes turns, and writes down what it sees."""

    def start(self, site: Any, rng: np.random.Generator) -> None:
        self.seen: list[tuple[float, list[float], list[int]]] = []
        self.site = site

    def choose(self, request: RequestView, replicas: Sequence[ReplicaView]) -> ReplicaView:
        told = [float(getattr(each, name)) for each in replicas for name in TOLD]
        self.seen.append((self.site.now_s, told, [each.in_flight for each in replicas]))
        assert all(runs_engine(each) for each in replicas)
        return replicas[len(self.seen) % len(replicas)]


def watched(service: dict[str, Any], *, probe_every: float | None = None) -> tuple[Watches, list[list[float]]]:
    """Return what a policy saw, and if asked what replicas really were at the end of each k-th instant."""
    policy, real = Watches(), []

    def prepare(world: World) -> None:
        policy.start(world._site, np.random.default_rng(0))
        world.services["chat"].askers["routing"].policy = policy

        def probe(_: object) -> None:
            views = [replica.view for replica in world.services["chat"].fleet.ready]
            real.append([float(getattr(each, name)) for each in views for name in TOLD])

        if probe_every is not None:
            from simtier.clock import OBSERVE

            for tick in range(1, 60):
                world.clock.call_at(tick * probe_every, probe, None, OBSERVE)

    played(fleet(3, TOKENS, PERIODIC, duration="5 s", policies={"routing": "random"}, **service), prepare)
    return policy, real


def test_policies_see_what_was_reported_last() -> None:
    """Reports every 100 ms; requests set out at 10, 60, 110 ms and so on, so two in a row see the same."""
    stale, real = watched({"report_every": "100 ms"}, probe_every=0.1)
    assert len(stale.seen) == 100
    for now, told, _ in stale.seen:
        tick = int(now / 0.1 + 1e-9)
        idle = [0.0] * len(told) if tick == 0 else real[tick - 1]
        if tick:
            assert told == pytest.approx(idle)
    assert any(told for _, told, _ in stale.seen if sum(told) > 60_000)


def test_before_the_first_report_replicas_are_as_they_began() -> None:
    stale, _ = watched({"report_every": "100 ms"})
    assert stale.seen[0][1] == stale.seen[1][1]


def test_what_the_service_knows_itself_is_present() -> None:
    """At 60 ms the request of 10 ms is in flight, of which no report has told."""
    stale, _ = watched({"report_every": "100 ms"})
    assert stale.seen[1][2] == [0, 1, 0]


def test_reports_that_nobody_looks_at_change_nothing() -> None:
    data = fleet(3, TOKENS, PERIODIC, duration="5 s")
    assert played(data).fingerprint == played({**data, "services": _reporting(data)}).fingerprint


def _reporting(data: dict[str, Any]) -> dict[str, Any]:
    return {"chat": {**data["services"]["chat"], "report_every": "70 ms"}}


def test_each_service_has_reports_of_its_own() -> None:
    data = fleet(1, TOKENS, PERIODIC, duration="1 s", report_every="100 ms")
    data["nodes"]["others"] = data["nodes"]["gpus"]
    data["services"]["spare"] = {**data["services"]["chat"], "on": "others", "report_every": "1 s"}
    world = played(data).world
    chat, spare = world.services["chat"], world.services["spare"]
    assert chat._reports is not spare._reports
    assert not {view.id for view in chat.ready_views} & {view.id for view in spare.ready_views}


def test_plain_replicas_report_too() -> None:
    seen: list[tuple[float, int, int]] = []

    class Looks(Routing):
        def choose(self, request: RequestView, replicas: Sequence[ReplicaView]) -> ReplicaView:
            assert not any(runs_engine(each) for each in replicas)
            seen.append((request.arrival_s, replicas[0].queued + replicas[0].running, replicas[0].in_flight))
            return replicas[0]

    def prepare(world: World) -> None:
        world.services["work"].askers["routing"].policy = Looks()

    played(
        {
            "name": "plain",
            "run": {"duration": "2 s", "seed": 1},
            "nodes": {"edge": {"tier": "edge", "cores": 8}},
            "services": {"work": {"on": "edge", "replicas": 2, "report_every": "1 s"}},
            "apps": {"ask": {"stages": {"do": {"service": "work", "time": "10 s"}}}},
            "workloads": {
                "asks": {
                    "app": "ask",
                    "from": "edge",
                    "arrivals": {"process": "periodic", "rate": "4 /s", "phase": "100 ms"},
                }
            },
        },
        prepare,
    )
    assert seen == [pytest.approx((0.1 + 0.25 * k, 4 * (k >= 4), k)) for k in range(8)]


@pytest.mark.parametrize("every", ["0 s", "-1 s"])
def test_reports_need_time_between_them(every: str) -> None:
    from simtier.errors import ScenarioError

    with pytest.raises(ScenarioError, match="report_every"):
        played(fleet(1, TOKENS, PERIODIC, report_every=every))
