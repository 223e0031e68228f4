"""What must hold whenever prompts and tokens are computed in two pools: over generated requests, blocks, links, policies, losses and time-outs."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from llm_driving import Linear
from llm_pools import TOKEN_BYTES, apart, nothing_is_left, played, rate, service
from playing import Played

laws = settings(
    derandomize=True, deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow], database=None
)
COST = Linear(0.00317, prompt_s=0.000211, decode_s=0.0000713, context_s=0.0000037)
LEAST_S = 0.00317
BATCHING: list[dict[str, Any]] = [
    {"use": "static", "size": 3, "timeout": "37 ms", "untold": 20},
    {"use": "orca", "sequences": 3, "untold": 20},
    {"use": "vllm", "tokens": 64, "sequences": 4},
    {"use": "vllm", "tokens": 64, "sequences": 4, "swap": True},
    {"use": "vllm_v1", "tokens": 24, "sequences": 4},
    {"use": "vllm_v1", "tokens": 24, "sequences": 4, "whole": False},
    {"use": "sarathi", "tokens": 24, "sequences": 4},
    {"use": "fastserve", "tokens": 64, "sequences": 4, "quantum": "3 ms", "starvation": "200 ms"},
    {"use": "priority", "tokens": 24, "sequences": 4},
]
"""With limits so small that generated requests reach them."""
ROUTING = ["round_robin", "least_in_flight", "random", "shortest_queue_tokens", "on_demand_forwarding"]


@st.composite
def pools(draw: Any, on: str, *, least: int, prompts: bool) -> dict[str, Any]:
    """A service with one or two replicas, which have few blocks of 4 tokens."""
    llm: dict[str, Any] = {
        "block": 4,
        "blocks": least + draw(st.sampled_from([0, 1, 3, 10, 1000])),
        "prefix_caching": draw(st.booleans()),
    }
    if prompts:
        llm["hand_over"] = {
            "overlap": draw(st.booleans()),
            "setup": draw(st.sampled_from(["0 s", "2 ms"])),
            "per_block": draw(st.sampled_from(["0 s", "0.1 ms"])),
        }
    policies = {"batching": draw(st.sampled_from(BATCHING)), "routing": draw(st.sampled_from(ROUTING))}
    return service(on, replicas=draw(st.integers(1, 2)), policies=policies, **llm)


@st.composite
def scenarios(draw: Any, *, lossy: bool = True) -> dict[str, Any]:
    """Up to eight requests, some at once, some that hurry."""
    number = draw(st.integers(1, 8))
    gaps = draw(st.lists(st.sampled_from([0.0, 0.0, 0.00071, 0.0233, 0.311]), min_size=number, max_size=number))
    asked = [(float(at), draw(st.integers(1, 60)), draw(st.sampled_from([1, 2, 5, 16, 60]))) for at in np.cumsum(gaps)]
    largest = max(-(-(prompt + output) // 4) for _, prompt, output in asked)
    link = {
        "bandwidth": rate(draw(st.sampled_from([200, 3000, 100_000]))),
        "latency": draw(st.sampled_from(["0 s", "5 ms"])),
        "sharing": draw(st.sampled_from(["fair", "fifo"])),
        "loss": draw(st.sampled_from([0.0, 0.0, 0.3])) if lossy else 0.0,
    }
    scenario = apart(
        asked,
        prompts=draw(pools("a", least=largest, prompts=True)),
        tokens=draw(pools(draw(st.sampled_from(["a", "b"])), least=largest, prompts=False)),
        link=link,
        duration="600 s",
    )
    for app in scenario["apps"].values():
        app["timeout"] = draw(st.sampled_from(["1000 s", "1000 s", "20 ms", "90 ms", "400 ms"]))
    return scenario


def asked_tokens(scenario: dict[str, Any], run: Played) -> dict[int, tuple[int, int]]:
    """Return the prompt and the answer each request asks for, by its number."""
    tokens = {name: app["stages"]["answer"]["tokens"] for name, app in scenario["apps"].items()}
    return {
        request: (tokens[app]["input"], tokens[app]["output"])
        for request, app in zip(run.requests.request, run.requests.app, strict=True)
    }


@laws
@given(scenarios())
def test_every_request_ends_once_with_all_its_tokens_and_no_block_is_kept(scenario: dict[str, Any]) -> None:
    run = played(scenario, COST)
    nothing_is_left(run)
    asked, sequences = asked_tokens(scenario, run), run.table("sequences")
    assert sorted(run.requests.request) == sorted(set(run.requests.request))
    assert len(run.requests) == len(scenario["apps"])
    assert set(run.requests.outcome) <= {"ok", "timed_out", "dropped"}
    assert max(Counter(sequences.request).values(), default=0) <= 1
    done = sequences[sequences.outcome.isin(["served", "in_vain"])]
    for row in done.itertuples():
        assert (row.input_tokens, row.output_tokens) == asked[row.request]
    ok = set(run.requests[run.requests.outcome == "ok"].request)
    assert ok <= set(done[done.outcome == "served"].request)
    iterations = run.table("iterations")
    for column in ("blocks", "blocks_end"):
        assert iterations[column].between(0, iterations.blocks_total).all()


@laws
@given(scenarios())
def test_nothing_decodes_before_its_keys_and_values_are_there_and_those_take_what_the_link_says(
    scenario: dict[str, Any],
) -> None:
    run = played(scenario, COST)
    sequences, transfers = run.table("sequences"), run.transfers[run.transfers.link == "ab:a>b"]
    apart_from = scenario["services"]["tokens"]["on"] == "b"
    moved = sequences[sequences.delivered_s.notna()]
    assert (moved.first_s <= moved.delivered_s).all()
    assert (moved.last_s - moved.delivered_s >= (moved.output_tokens - 1) * LEAST_S * (1 - 1e-9)).all()
    if not apart_from:
        return
    per_s = float(scenario["links"]["ab"]["bandwidth"].split()[0])
    latency_s = {"0 s": 0.0, "5 ms": 0.005}[scenario["links"]["ab"]["latency"]]
    there = transfers[transfers.delivered_s.notna()]
    assert (there.sent_s - there.started_s >= there.bytes / per_s * (1 - 1e-9)).all()
    cached = scenario["services"]["tokens"]["llm"]["prefix_caching"]
    for row in moved.itertuples():
        mine = there[there.request == row.request]
        assert row.delivered_s == pytest.approx(mine.delivered_s.max())
        full = row.input_tokens * TOKEN_BYTES
        assert mine.bytes.sum() <= full * (1 + 1e-9) if cached else mine.bytes.sum() == pytest.approx(full)
        overlap = scenario["services"]["prompts"]["llm"]["hand_over"]["overlap"]
        least_s = (full / 32 if overlap else full) / per_s if not cached else 0.0
        assert row.delivered_s - row.first_s >= (least_s + latency_s) * (1 - 1e-9)


@laws
@given(scenarios())
def test_stretches_end_where_their_iterations_one_by_one_do_with_hand_overs(scenario: dict[str, Any]) -> None:
    fast, slow = played(scenario, COST), played(scenario, COST, every=True)
    columns = ["request", "replica", "output_tokens", "preemptions", "first_s", "last_s", "delivered_s"]
    tables = [run.table("sequences").sort_values("request")[columns].to_numpy(float) for run in (fast, slow)]
    np.testing.assert_allclose(*tables, rtol=1e-9)
    assert list(fast.requests.sort_values("request").outcome) == list(slow.requests.sort_values("request").outcome)


@laws
@given(st.integers(1, 500), st.integers(2, 60), st.booleans(), st.lists(st.floats(50, 1e6), min_size=2, max_size=4))
def test_a_faster_link_never_delivers_later(prompt: int, output: int, overlap: bool, rates: list[float]) -> None:
    ends = []
    for tokens_per_s in sorted(rates):
        link = {"bandwidth": rate(tokens_per_s)}
        run = played(
            apart([(0, prompt, output)], prompts=service("a", hand_over={"overlap": overlap}), link=link), COST
        )
        ends.append(run.table("sequences").delivered_s[0])
    assert ends == sorted(ends, reverse=True)
    assert all(at >= 0.25 + LEAST_S for at in ends)


def test_the_laws_are_tried_where_guests_wait_and_sequences_are_preempted() -> None:
    asked = [(0.001 * number, 40, 60) for number in range(8)]
    few = service("b", block=4, blocks=50)
    run = played(apart(asked, prompts=service("a", block=4, blocks=25), tokens=few), COST)
    sequences = run.table("sequences")
    assert sequences.preemptions.sum() > 0
    assert (sequences.began_s - sequences.queued_s).max() > 0.1  # prompts that wait until others have left
    nothing_is_left(run)
