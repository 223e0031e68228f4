"""Autoscaling of language models that is honest about starts, and the stages of ElasticMoE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from llm_loading import loads, pool, stages

from simtier.policies.autoscaling.elastic_moe import ElasticMoe
from simtier.policies.autoscaling.token_load import TokenLoad
from simtier.testing import FakeClock, FakeOutcome, FakeReplica, FakeRequest, FakeService, FakeSite


def elastic(clock: FakeClock, **parameters: Any) -> ElasticMoe:
    """Return the policy at the begin of a run."""
    policy = ElasticMoe(**parameters)
    policy.start(FakeSite(clock=clock), None)  # type: ignore[arg-type]  # it draws nothing
    return policy


def told(policy: ElasticMoe, number: int, *, arrived: float, late: bool) -> None:
    """Let the policy hear of requests."""
    request = FakeRequest(arrival_s=arrived, first_by_s=arrived + 1.0)
    for _ in range(number):
        policy.observe(FakeOutcome(request=request, latency_s=0.5, first_token_s=arrived + (2.0 if late else 0.1)))


def test_a_step_follows_a_window_of_broken_promises() -> None:
    clock = FakeClock()
    policy = elastic(clock, window=10.0, step=2)
    told(policy, 8, arrived=1.0, late=False)
    told(policy, 2, arrived=1.0, late=True)
    assert policy.target(FakeService(ready=3)) == 3  # 80 %, but no window has passed
    clock.now_s = 10.0
    assert policy.target(FakeService(ready=3)) == 5
    assert policy.target(FakeService(ready=3, starting=2)) == 5


def test_requests_from_before_a_step_do_not_count_after_it() -> None:
    clock = FakeClock(10.0)
    policy = elastic(FakeClock(), window=10.0)
    policy.start(FakeSite(clock=clock), None)  # type: ignore[arg-type]  # as above
    clock.now_s = 20.0
    told(policy, 5, arrived=15.0, late=True)
    assert policy.target(FakeService(ready=1)) == 2
    clock.now_s = 25.0
    assert policy.target(FakeService(ready=1, starting=1)) == 2
    clock.now_s = 30.0
    assert policy.target(FakeService(ready=2)) == 2  # ready: from now on
    told(policy, 5, arrived=29.0, late=True)
    clock.now_s = 40.0
    assert policy.target(FakeService(ready=2)) == 2
    told(policy, 5, arrived=31.0, late=True)
    assert policy.target(FakeService(ready=2)) == 3


def test_idle_replicas_go_when_all_promises_were_kept() -> None:
    clock = FakeClock()
    policy = elastic(clock, scale_down_after=100.0, window=10.0)
    clock.now_s = 100.0
    assert policy.target(FakeService(ready=3, busy_slot_s=60.0)) == 2
    clock.now_s = 200.0
    assert policy.target(FakeService(ready=3, busy_slot_s=260.0)) == 3
    clock.now_s = 300.0
    told(policy, 20, arrived=250.0, late=False)
    told(policy, 1, arrived=250.0, late=True)
    assert policy.target(FakeService(ready=3, busy_slot_s=261.0)) == 3  # 95 % are enough, but not to be fewer


@dataclass(frozen=True, kw_only=True)
class Engine(FakeReplica):
    """A replica with an engine."""

    queued_tokens: int = 0
    blocks_free: int = 100
    blocks_total: int = 100


def test_tokens_and_blocks_say_how_many_engines_there_are() -> None:
    policy = TokenLoad(blocks=0.5, queued=1000.0, scale_down_after=60.0)
    clock = FakeClock()
    policy.start(FakeSite(clock=clock), None)  # type: ignore[arg-type]  # as above
    full = tuple(Engine(blocks_free=20) for _ in range(2))
    assert policy.target(FakeService(replicas=full, ready=2)) == 4  # 160 blocks held, 50 each wanted
    prompts = tuple(Engine(queued_tokens=2300) for _ in range(2))
    assert policy.target(FakeService(replicas=prompts, ready=2)) == 5
    clock.now_s = 30.0
    idle = tuple(Engine() for _ in range(5))
    assert policy.target(FakeService(replicas=idle, ready=5)) == 5
    clock.now_s = 91.0
    assert policy.target(FakeService(replicas=idle, ready=5)) == 1


CARD = {"full": 2.43, "no_allocation": 3.14, "no_peer": 10.42, "no_initialised": 62.78, "no_attach": 67.40}
"""Seconds of a step from three ranks to four in ElasticMoE's ablation, each line without one thing more."""
PEER_S = 0.13
"""Of the first line, what is spent on copying from a peer; the card tells only sums, so this is ours."""


def ablation(line: str) -> dict[str, Any]:
    """Return the loading of one line: the differences of the card as times of stages."""
    warm_s = CARD["full"] - PEER_S
    allocation_s = CARD["no_allocation"] - CARD["full"] if line != "full" else 0.0
    disk_s = CARD["no_peer"] - CARD["no_allocation"] + PEER_S
    loading: dict[str, Any] = {"disk": f"{disk_s} s", "chunk": "0 B", "overlap": False, "connect": f"{allocation_s} s"}
    if line in ("full", "no_allocation"):
        loading["peer"] = {"rate": "1e9 GB/s", "time": f"{PEER_S} s"}
    again_s = CARD["no_attach"] - CARD["no_initialised"] if line == "no_attach" else 0.0
    return {**loading, "warmup": f"{warm_s + again_s} s"}


@pytest.mark.parametrize("line", CARD)
def test_a_step_of_elastic_moe_is_the_sum_of_its_stages(line: str) -> None:
    startup_s = CARD["no_initialised"] - CARD["no_peer"] if line in ("no_initialised", "no_attach") else 0.0
    llm = {"host_link": "1e9 GB/s"}
    service = pool(4, loading=ablation(line), replicas=3, startup=f"{startup_s} s", llm=llm)
    table, played = loads({"moe": service}, gpus=4, run={"duration": "100 s", "samples": 0})
    assert sum(stages(table, 3).values()) == pytest.approx(CARD[line])
    ready = played.replicas[played.replicas.state == "ready"]
    assert sorted(ready.start_s) == pytest.approx([0, 0, 0, 1 + CARD[line]])
    assert set(ready.end_s) == {100.0}  # the old ones serve on: no time without service


def test_without_room_for_both_the_service_is_down_while_the_new_one_loads() -> None:
    loading = {"disk": "67.4 s", "chunk": "0 B"}
    llm = {"host_link": "1e9 GB/s"}
    old, new = (pool(*n, loading=loading, replicas=r, llm=llm) for n, r in (((0,), 1), ((0, 1), 0)))
    played = play_for({"old": old, "new": new}, gpus=1)
    states = played.replicas
    gone = float(states[(states.service == "old") & (states.state == "ready")].end_s.iloc[0])
    back = float(states[(states.service == "new") & (states.state == "ready")].start_s.iloc[0])
    assert gone == 1.0
    assert back == pytest.approx(2.0 + 67.4, abs=0.01)


def play_for(services: dict[str, Any], **more: Any) -> Any:
    """Play for a hundred seconds."""
    return loads(services, run={"duration": "100 s", "samples": 0}, **more)[1]


def burst(loading: dict[str, Any], startup: str) -> float:
    """Return the share of requests of a burst whose first token comes in time, at a pool that grows with it."""
    service = pool(1, loading=loading, replicas=1, startup=startup, llm={"blocks": 4000})
    service["policies"] = {
        "autoscaling": {"use": "token_load", "queued": 4096, "every": "1 s", "scale_down_after": "300 s"}
    }
    spare = pool(0, loading=loading, replicas=3, llm={"blocks": 4000})  # leaves its weights on the other accelerators
    ask = {"stages": {"answer": {"service": "chat", "tokens": {"input": 4000, "output": 8}}}, "slo": {"ttft": "10 s"}}
    arrivals = {"process": "periodic", "rate": "7 /s", "phase": "10 s"}
    data = {
        "apps": {"ask": ask},
        "workloads": {"asks": {"app": "ask", "from": "switch", "stop": "40 s", "arrivals": arrivals}},
        "run": {"duration": "40 s", "drain": "100 s", "samples": 0},
    }
    _, played = loads({"chat": service, "spare": spare}, gpus=4, **data)
    rows = played.table("sequences")
    return float((rows.first_s - rows.arrival_s <= 10.0).mean())


def test_a_burst_breaks_its_promise_while_replicas_load_for_a_minute_and_not_when_they_attach() -> None:
    slow = burst({"disk": {"rate": "4 GB/s", "time": "50 s"}}, "5 s")
    quick = burst({"disk": {"rate": "4 GB/s", "time": "50 s"}, "attach": "100 ms", "warmup": "1 s"}, "5 s")
    assert slow < 0.75
    assert quick > 0.99
