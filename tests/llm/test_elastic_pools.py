"""The ratio of pools for prompts and for decodes: the balance equation, the rule that goes on from there, and both against every ratio."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from playing import Played, play

from simtier.errors import PolicyError
from simtier.policies.autoscaling.pd_ratio import PdRatio, balanced
from simtier.testing import FakeClock, FakeOutcome, FakeReplica, FakeRequest, FakeService, FakeSite

TOTAL = 6


def pools(prompts: int, adjust: str = "") -> dict[str, Any]:
    """Return a scenario with so many replicas for prompts; with `adjust` both pools have the policy."""

    def pool(role: str, partner: str, replicas: int) -> dict[str, Any]:
        policies: dict[str, Any] = {"batching": {"use": "vllm_v1", "sequences": 64}}
        if adjust:
            rule = {"use": "pd_ratio", "partner": partner, "role": role, "adjust": adjust, "every": "1 s"}
            policies["autoscaling"] = {**rule, "window": "20 s", "decode_batch": 64}
        loading = {"disk": "4 GB/s", "attach": "300 ms", "warmup": "1 s"}
        llm = {"model": "llama-3-8b", "loading": loading}
        return {"on": "gpu", "replicas": replicas, "cores": 0, "llm": llm, "policies": policies}

    tokens = {"input": 2000, "output": 600}
    return {
        "name": "pools",
        "run": {"duration": "120 s", "samples": 0},
        "nodes": {"gpu": {"tier": "cloud", "cores": 8, "memory": "64 GB", "accelerators": ["a100_80g"] * TOTAL}},
        "services": {
            "prompts": pool("prefill", "tokens", prompts),
            "tokens": pool("decode", "prompts", TOTAL - prompts),
        },
        "apps": {"ask": {"stages": {"answer": {"split": ["prompts", "tokens"], "tokens": tokens}}}},
        "workloads": {
            "asks": {"app": "ask", "from": "gpu", "arrivals": {"process": "closed", "clients": 256, "think": "1 ms"}}
        },
    }


def served(played: Played) -> int:
    return Counter(played.requests.outcome)["ok"]


@cache
def best() -> int:
    """Return the number of replicas for prompts with which most requests are served."""
    return max(range(1, TOTAL), key=lambda prompts: served(play(pools(prompts))))


@pytest.mark.parametrize("begin", [1, 5])
def test_the_balance_equation_finds_the_best_ratio_but_one(begin: int) -> None:
    played = play(pools(begin, "balance"))
    sizes = [len(played.world.services[name].fleet.ready) for name in ("prompts", "tokens")]
    assert sum(sizes) == TOTAL
    assert abs(sizes[0] - best()) <= 1
    assert served(played) > 1.1 * served(play(pools(begin)))
    loads = played.table("loads")
    assert set(loads.source) == {"attach"}  # all that starts takes over what the other pool left


def test_there_are_never_more_replicas_than_both_pools_had() -> None:
    states = play(pools(1, "online")).replicas
    alive = states[states.state != "unplaced"]
    for time in range(0, 120, 5):
        assert ((alive.start_s <= time) & (alive.end_s > time)).sum() <= TOTAL


@given(st.floats(0.1, 100), st.floats(0.1, 100), st.integers(2, 40))
def test_the_balanced_split_is_next_to_where_both_pools_are_as_fast(prompt: float, answer: float, total: int) -> None:
    number = balanced(prompt, answer, total)
    assert 1 <= number < total
    exact = total * answer / (prompt + answer)
    assert abs(number - min(max(exact, 1), total - 1)) < 1 + 1e-9


def policy(role: Literal["prefill", "decode"], site: FakeSite, **parameters: Any) -> PdRatio:
    """Return the policy of one pool at the begin of a run."""
    made = PdRatio(
        partner="tokens" if role == "prefill" else "prompts", role=role, every=1.0, window=10.0, **parameters
    )
    made.start(site, None)  # type: ignore[arg-type]  # it draws nothing
    return made


def windows(*told: tuple[float, float]) -> list[tuple[int, int]]:
    """Return what both pools want after windows with requests of so long a latency and time to first token."""
    clock = FakeClock()
    decoding = FakeReplica(running=64)
    services = {"prompts": FakeService(ready=4), "tokens": FakeService(ready=4, replicas=(decoding,))}
    site = FakeSite(clock=clock, services=services)
    both = [policy("prefill", site), policy("decode", site)]
    found = []
    for number, (latency_s, first_s) in enumerate(told):
        for second in range(10):
            clock.now_s = number * 10.0 + second + 1
            if second == 9:
                for each in both:
                    for _ in range(40):
                        request = FakeRequest(arrival_s=0.0)
                        each.observe(FakeOutcome(request=request, latency_s=latency_s, first_token_s=first_s))
                # 4 prompts a second of busy time, and 64 sequences that take 16 s: 4 a second, too.
                busy = FakeService(ready=4, busy_slot_s=10.0 * (number + 1))
                services["prompts"] = busy
            answers = [each.target(services[name]) for each, name in zip(both, services, strict=True)]
        found.append((answers[0], answers[1]))
    return found


def test_both_pools_want_the_same_split_and_move_it_by_where_the_latency_rose() -> None:
    assert windows((2.0, 0.5)) == [(4, 4)]
    assert windows((2.0, 0.5), (3.0, 1.5)) == [(4, 4), (5, 3)]  # longer, and more of it before the first token
    assert windows((2.0, 0.5), (3.0, 0.5)) == [(4, 4), (3, 5)]
    assert windows((2.0, 0.5), (2.05, 1.5)) == [(4, 4), (4, 4)]  # hardly longer
    assert windows((2.0, 0.5), (1.0, 0.9)) == [(4, 4), (4, 4)]


def test_a_partner_nobody_knows_is_refused() -> None:
    data = pools(3, "online")
    data["services"]["tokens"]["policies"]["autoscaling"]["partner"] = "promts"
    with pytest.raises(PolicyError, match="no service is called 'promts'"):
        play(data)
