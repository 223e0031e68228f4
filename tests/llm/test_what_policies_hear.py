"""What policies are told, where shares begin, and ways that engines need between each other."""

from __future__ import annotations

import gc
from copy import deepcopy
from math import isnan, nan
from typing import Any

import numpy as np
import pytest
from llm_routing import fleet, played
from playing import load

from simtier.contract import Divide
from simtier.errors import ScenarioError
from simtier.models.llm.sequence import LlmSequence
from simtier.policies.balancing.semi_pd import SemiPd
from simtier.testing.engine_replica_fakes import FakeEngineReplica
from simtier.testing.fakes import FakeNode, FakeOutcome, FakeRequest, FakeService, FakeSite
from simtier.world import World

PERIODIC = {"process": "periodic", "rate": "5 /s", "phase": "10 ms"}
TOKENS = {"input": 200, "output": 5}
NEVER_ASKED = {"balancing": {"use": "semi_pd", "every": "1000 s"}}


def with_shares(**more: Any) -> dict[str, Any]:
    """Return one engine with shares under `semi_pd`, which is asked only after the run."""
    llm = {"shares": {"prompts": 0.5, "tokens": 0.9}}
    data: dict[str, Any] = fleet(1, TOKENS, PERIODIC, duration="4 s", llm=llm, **{"policies": NEVER_ASKED, **more})
    return data


def two_services() -> dict[str, Any]:
    """Return two such services, each with an application of its own; the other one's is called half as often."""
    data = with_shares()
    data["nodes"]["gpus"]["accelerators"] *= 2
    data["services"]["talk"] = deepcopy(data["services"]["chat"])
    data["apps"]["tell"] = {"stages": {"answer": {"service": "talk", "tokens": TOKENS}}}
    data["workloads"]["tells"] = {"app": "tell", "from": "people", "arrivals": {**PERIODIC, "rate": "2.5 /s"}}
    return data


def policy_of(world: World, service: str) -> SemiPd:
    """Return a service's balancing policy."""
    found = [each.policy for each in world._askers if (each.owner, each.policy.kind) == (service, "balancing")]
    assert len(found) == 1
    assert isinstance(found[0], SemiPd)
    return found[0]


def test_a_service_hears_only_of_applications_that_may_run_on_it() -> None:
    world = played(two_services()).world
    heard = [len(policy_of(world, name)._firsts) for name in ("chat", "talk")]
    assert heard == [20, 10]


def test_a_service_hears_of_applications_with_any_stage_on_it() -> None:
    data = two_services()
    data["apps"]["tell"]["stages"]["more"] = {"service": "chat", "tokens": TOKENS}
    world = played(data).world
    heard = [len(policy_of(world, name)._firsts) for name in ("chat", "talk")]
    assert heard == [30, 10]


def engine(number: int, shares: tuple[float, float] | None) -> FakeEngineReplica:
    return FakeEngineReplica(id=number, node=FakeNode(name="gpus"), shares=shares)


def semi_pd(first_s: float, token_s: float) -> SemiPd:
    """Return a policy that has seen one request with targets of 1 s and 50 ms."""
    policy = SemiPd()
    policy.start(FakeSite(), np.random.default_rng(0))
    request = FakeRequest(arrival_s=0.0, first_by_s=1.0, token_target_s=0.05)
    policy.observe(FakeOutcome(request=request, first_token_s=first_s, token_s=token_s))
    return policy


def test_shares_stay_while_nothing_is_late() -> None:
    service = FakeService(replicas=(engine(1, (0.5, 0.9)),))
    assert list(semi_pd(0.9, 0.04).balance(service)) == []


@pytest.mark.parametrize(
    ("first_s", "token_s", "shares", "new"),
    [
        (2.0, nan, (0.5, 0.9), (0.6, 0.8)),
        (1.1, 0.1, (0.5, 0.9), (0.4, 1.0)),
        (0.5, 0.1, (0.1, 0.9), (0.1, 1.0)),
        (2.0, nan, (0.95, 0.25), (1.0, 0.2)),
    ],
)
def test_shares_move_from_those_the_engine_has(
    first_s: float, token_s: float, shares: tuple[float, float], new: tuple[float, float]
) -> None:
    late, plain = engine(1, shares), engine(2, None)
    (step,) = semi_pd(first_s, token_s).balance(FakeService(replicas=(late, plain)))
    assert isinstance(step, Divide)
    assert step.replica.id == late.id
    assert (step.prompts, step.tokens) == pytest.approx(new)


def test_shares_that_are_at_their_bounds_are_not_divided_again() -> None:
    service = FakeService(replicas=(engine(1, (1.0, 0.2)),))
    assert list(semi_pd(2.0, nan).balance(service)) == []


def shares_after(ttft: str) -> list[Any]:
    """Return what an engine has after four windows with requests."""
    data = with_shares(slo={"ttft": ttft}, policies={"balancing": {"use": "semi_pd", "every": "1 s"}})
    return [replica.view.shares for replica in played(data).world.replicas.made]  # type: ignore[attr-defined]  # of engines


def test_an_engine_keeps_its_shares_unless_something_is_late() -> None:
    assert shares_after("10 s") == [(0.5, 0.9)]
    assert shares_after("2 ms") == [pytest.approx((0.9, 0.5))]


def test_an_engine_without_shares_shows_none() -> None:
    world = played(fleet(1, TOKENS, PERIODIC, duration="1 s")).world
    assert world.replicas.made[0].view.shares is None  # type: ignore[attr-defined]  # of an engine


def followed(stages: dict[str, Any]) -> dict[str, Any]:
    """Return an application whose answers go through more stages."""
    data = with_shares()
    data["services"]["check"] = {"on": "gpus"}
    data["apps"]["ask"]["stages"] |= stages
    return data


def test_tokens_are_told_where_another_stage_follows() -> None:
    alone = policy_of(played(with_shares()).world, "chat")
    then = policy_of(played(followed({"check": {"service": "check", "time": "50 ms"}})).world, "chat")
    assert len(alone._others) == 20
    assert not any(map(isnan, then._firsts))
    assert (then._firsts, then._others) == (alone._firsts, alone._others)


def test_the_tokens_told_are_those_of_the_first_stage_that_has_any(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[float, float]] = []
    monkeypatch.setattr(SemiPd, "observe", lambda _, outcome: told.append((outcome.first_token_s, outcome.latency_s)))
    data = followed({"again": {"service": "chat", "tokens": TOKENS}})
    data["workloads"]["asks"]["arrivals"] = {**PERIODIC, "rate": "0.5 /s"}
    sequences = played(data).table("sequences")
    ends = sequences.groupby("request").first_s.agg(["min", "max"])
    assert [first for first, _ in told] == pytest.approx(list(ends["min"]))
    assert (ends["max"] > ends["min"]).all()


def sequences_alive() -> int:
    return sum(isinstance(each, LlmSequence) for each in gc.get_objects())


def test_tokens_of_requests_that_are_over_are_not_kept() -> None:
    gc.collect()
    gc.disable()
    before = sequences_alive()  # of other tests
    try:
        world = played(followed({"check": {"service": "check", "time": "50 ms"}})).world
        assert len(policy_of(world, "chat")._firsts) == 20
        assert sequences_alive() - before < 3  # the engines' latest
    finally:
        gc.enable()


def apart(**service: Any) -> dict[str, Any]:
    """Return a service on two groups of nodes; people are on the ways between them, and others reach them by way of home."""
    data: dict[str, Any] = fleet(2, TOKENS, PERIODIC, duration="1 s")
    data["services"]["chat"] |= {"on": ["gpus", "others"], **service}
    data["services"]["chat"]["llm"] = {"model": "llama-3-8b", **service.get("llm", {})}
    data["nodes"]["others"] = deepcopy(data["nodes"]["gpus"])
    data["links"]["way"]["back"] = "none"
    ends = {"latency": "1 ms", "back": "none"}
    data["links"] |= {
        "back": {"from": "gpus", "to": "people", **ends},
        "there": {"from": "people", "to": "others", **ends},
    }
    data["links"]["from_others"] = {"from": "others", "to": "home", **ends}
    data["nodes"]["home"] = {"tier": "device", "cores": 1}
    data["links"]["home"] = {"from": "home", "to": "people", **ends}
    return data


def cut(data: dict[str, Any]) -> dict[str, Any]:
    """Return the same with a way from `gpus` to `others` only."""
    del data["links"]["home"]
    return data


SENDERS = [
    pytest.param({"policies": {"balancing": "llumnix"}}, id="migration"),
    pytest.param({"policies": {"balancing": "infinite_llm"}}, id="loans"),
    pytest.param({"policies": {"routing": "mooncake"}, "llm": {"prefix_caching": True}}, id="fetches"),
]


@pytest.mark.parametrize("service", SENDERS)
def test_engines_that_send_each_other_something_need_a_way(service: dict[str, Any]) -> None:
    kind = next(iter(service["policies"]))
    told = rf"services\.chat\.policies\.{kind}: .*no links lead from 'others' to 'gpus'"
    with pytest.raises(ScenarioError, match=told):
        load(cut(apart(**deepcopy(service))))
    load(apart(**deepcopy(service)))


@pytest.mark.parametrize("service", SENDERS)
def test_nodes_of_one_group_need_a_way_too(service: dict[str, Any]) -> None:
    data = fleet(2, TOKENS, PERIODIC, duration="1 s", **deepcopy(service))
    data["nodes"]["gpus"]["count"] = 2
    load(data)  # by way of people
    data["links"] = {}
    data["workloads"]["asks"]["from"] = "gpus"
    with pytest.raises(ScenarioError, match="no links lead from one node of 'gpus' to another"):
        load(data)


@pytest.mark.parametrize(
    "service",
    [
        pytest.param({"replicas": 1, "policies": {"balancing": "llumnix"}}, id="one replica"),
        pytest.param({"policies": {"routing": "mooncake"}}, id="nothing cached"),
        pytest.param({"policies": NEVER_ASKED, "llm": {"shares": {}}}, id="shares"),
        pytest.param({"policies": {"routing": "kv_aware"}, "llm": {"prefix_caching": True}}, id="nothing fetched"),
    ],
)
def test_engines_that_send_each_other_nothing_need_no_way(service: dict[str, Any]) -> None:
    load(cut(apart(**service)))
