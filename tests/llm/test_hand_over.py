"""Prompts in one pool, tokens in another, counted by hand: iterations take a second each, the link carries 100 tokens' keys and values a second."""

from __future__ import annotations

from math import ceil
from typing import Any

import pytest
from llm_pools import TOKEN_BYTES, Asked, apart, engines, nothing_is_left, played, rate, service
from playing import Played

approx = pytest.approx
FULL = 100 * TOKEN_BYTES
ONE: list[Asked] = [(0, 100, 4)]
"""A prompt of 100 tokens, 7 blocks, and an answer of 4, of which the pool for tokens computes 3."""
SMALL = service("b", blocks=8)
"""Has room for one of these at a time."""


def rows(run: Played, *columns: str) -> list[tuple[Any, ...]]:
    """Return columns of the table `sequences` in order of arrival."""
    table = run.table("sequences").sort_values("arrival_s")
    return list(table[list(columns)].itertuples(index=False, name=None))


def outcomes(run: Played) -> list[str]:
    return list(run.requests.sort_values("arrival_s").outcome)


def moved(run: Played, link: str = "ab:a>b") -> Any:
    return run.transfers[run.transfers.link == link].sort_values("queued_s")


def test_a_request_between_two_nodes() -> None:
    run = played(apart(ONE))
    # The prompt is computed from 0 to 1; 100 tokens take 1 s on the link and 0.25 s more; three iterations follow.
    assert rows(run, "service", "outcome", "began_s", "first_s", "delivered_s", "last_s") == [
        ("tokens", "served", 0.0, 1.0, 2.25, 5.25)
    ]
    assert rows(run, "prompt_replica", "replica", "moves", "output_tokens") == [(0, 1, 0, 4)]
    stages = run.stages[["service", "sent_s", "queued_s", "started_s", "finished_s", "busy_s"]]
    assert list(stages.itertuples(index=False, name=None)) == [
        ("prompts", 0.0, 0.0, 0.0, 1.0, 1.0),
        ("tokens", 1.0, 2.25, 2.25, 5.25, 3.0),
    ]
    sent = moved(run)[["bytes", "started_s", "sent_s", "delivered_s"]]
    assert list(sent.itertuples(index=False, name=None)) == [(FULL, 1.0, 2.0, 2.25)]
    assert run.requests.end_s[0] == 5.5  # the answer goes back over the link
    nothing_is_left(run)


def test_a_request_within_a_node_goes_through_the_port_of_the_replica_it_leaves() -> None:
    port = {"bandwidth": rate(100), "latency": "50 ms"}
    run = played(apart(ONE, prompts=service("a", interconnect=port), tokens=service("a")))
    assert rows(run, "delivered_s", "last_s") == [(approx(2.05), approx(5.05))]
    assert list(run.transfers.link) == ["prompts port"]
    assert list(run.transfers.bytes) == [FULL]
    nothing_is_left(run)


def test_two_replicas_of_a_node_have_a_port_each_and_what_leaves_one_shares_its_own() -> None:
    port = {"bandwidth": rate(100)}
    batching = {"batching": {"use": "vllm_v1"}, "routing": "round_robin"}
    asked = [(0.0, 100, 4), (0.1, 100, 4), (0.2, 100, 4)]
    prompts = service("a", replicas=2, interconnect=port, policies=batching)
    run = played(apart(asked, prompts=prompts, tokens=service("a", replicas=2)))
    # The third prompt is computed from 1 to 2 on the first replica, whose port is then free again.
    assert [at for (at,) in rows(run, "delivered_s")] == approx([2.0, 2.1, 3.0])
    both = played(apart([(0, 100, 4)] * 2, prompts=service("a", interconnect=port), tokens=service("a")))
    assert [at for (at,) in rows(both, "first_s")] == [1.0, 1.0]
    assert [at for (at,) in rows(both, "delivered_s")] == approx([3.0, 3.0])  # each has half of the rate


@pytest.mark.parametrize(
    ("tokens_per_s", "delivered_s"),
    [
        (1000, 1 + 0.1 / 32 + 0.25),  # all but one of 32 layers have left before the prompt ends
        (100, 1 + 1 / 32 + 0.25),
        (50, 2 + 0.25),  # the link is the bottleneck from the begin on
    ],
)
def test_layers_leave_while_the_prompt_is_computed(tokens_per_s: float, delivered_s: float) -> None:
    run = played(apart(ONE, prompts=service("a", hand_over={"overlap": True}), link={"bandwidth": rate(tokens_per_s)}))
    assert rows(run, "first_s", "delivered_s", "last_s") == [(1.0, approx(delivered_s), approx(delivered_s + 3))]
    assert list(moved(run).bytes) == [FULL * 31 / 32, FULL / 32]
    nothing_is_left(run)


def test_only_the_last_piece_of_a_prompt_overlaps() -> None:
    piecewise = {"batching": {"use": "vllm_v1", "tokens": 60}}
    run = played(
        apart(
            ONE,
            prompts=service("a", hand_over={"overlap": True}, policies=piecewise),
            link={"bandwidth": rate(1000)},
        )
    )
    assert rows(run, "first_s", "delivered_s") == [(2.0, approx(2 + 0.1 / 32 + 0.25))]
    assert list(moved(run).queued_s) == [1.0, 2.0]


@pytest.mark.parametrize("overlap", [False, True])
def test_a_transfer_is_prepared_before_anything_is_sent(overlap: bool) -> None:
    handing = {"overlap": overlap, "setup": "300 ms", "per_block": "100 ms"}
    run = played(apart(ONE, prompts=service("a", hand_over=handing)))
    began_s = 0.0 if overlap else 1.0
    prepared_s = began_s + 0.3 + ceil(100 / 16) * 0.1
    assert moved(run).queued_s.to_numpy() == approx(prepared_s)
    assert rows(run, "delivered_s") == [(approx(prepared_s + 1 + 0.25),)]


def test_what_takes_long_to_prepare_does_not_leave_in_part_before() -> None:
    run = played(apart(ONE, prompts=service("a", hand_over={"overlap": True, "setup": "3 s"})))
    assert list(moved(run).queued_s) == [3.0, 3.0]
    assert rows(run, "delivered_s") == [(approx(4.25),)]


def test_a_pool_without_room_holds_up_the_one_before_it() -> None:
    asked = [(0.0, 100, 4), (0.1, 100, 4), (0.2, 100, 4), (0.3, 100, 4)]
    run = played(apart(asked, prompts=service("a", blocks=14), tokens=SMALL))
    assert rows(run, "began_s", "first_s", "delivered_s", "last_s") == [
        (0.0, 1.0, 2.25, 5.25),
        (1.0, 2.0, 6.5, 9.5),  # is sent when the first has ended
        (2.25, 3.25, 10.75, 13.75),  # its prompt waits until the first has left
        (6.5, 7.5, 15.0, 18.0),  # and this one's until the second has
    ]
    assert list(moved(run).queued_s) == [1.0, 5.25, 9.5, 13.75]
    nothing_is_left(run)


def test_what_the_engine_that_decodes_has_cached_is_not_sent() -> None:
    scenario = apart(ONE, tokens=service("b", prefix_caching=True), duration="30 s")
    scenario["workloads"]["w0"]["arrivals"]["rate"] = "0.1 /s"
    scenario["apps"]["k0"]["stages"]["answer"]["tokens"]["shared"] = {"tokens": 96}
    run = played(scenario)
    assert list(moved(run).bytes) == [FULL, 4 * TOKEN_BYTES, 4 * TOKEN_BYTES]
    assert [last - first for first, last in rows(run, "delivered_s", "last_s")] == approx([3.0] * 3)
    nothing_is_left(run)


def test_an_answer_of_one_token_never_leaves() -> None:
    run = played(apart([(0, 100, 1)]))
    assert rows(run, "service", "outcome", "last_s", "prompt_replica") == [("prompts", "served", 1.0, -1)]
    assert not len(run.transfers)
    nothing_is_left(run)


@pytest.mark.parametrize("overlap", [False, True])
def test_a_request_longer_than_the_engine_that_decodes_is_rejected(overlap: bool) -> None:
    run = played(
        apart(
            [(0, 100, 4), (0, 50, 4)],
            prompts=service("a", hand_over={"overlap": overlap}),
            tokens=service("b", blocks=6),
        )
    )
    assert outcomes(run) == ["rejected", "ok"]
    assert [outcome for _, outcome in sorted(rows(run, "request", "outcome"))] == ["rejected", "served"]
    assert not rows(run, "first_s")[0][0] >= 0  # before its prompt is computed
    nothing_is_left(run)


@pytest.mark.parametrize("overlap", [False, True])
@pytest.mark.parametrize("policies", [{"admission": "scaling_to:Closed"}, {"routing": "scaling_to:Nobody"}])
def test_a_pool_that_turns_a_request_away_rejects_it(policies: dict[str, Any], overlap: bool) -> None:
    run = played(
        apart(
            ONE,
            prompts=service("a", hand_over={"overlap": overlap}),
            tokens=service("b", replicas=2, policies=policies),
        )
    )
    assert outcomes(run) == ["rejected"]
    assert list(run.requests.end_s) == [0.0 if overlap else 1.0]
    nothing_is_left(run)


LATE: dict[str, tuple[list[Asked], float, dict[str, Any], str, str]] = {
    "its prompt": ([(0.0, 100, 4), (0.1, 100, 4)], 1.5, {"prompts": service("a", blocks=8)}, "prompts", "left"),
    "room": ([(0.0, 100, 9), (0.1, 100, 4)], 4.0, {"tokens": SMALL}, "prompts", "left"),
    "its keys and values": ([(0.0, 100, 4), (0.1, 100, 4)], 2.5, {"link": {"bandwidth": rate(40)}}, "prompts", "left"),
    "its tokens": ([(0.0, 100, 4), (0.1, 100, 4)], 5.0, {}, "tokens", "in_vain"),
}


@pytest.mark.parametrize("overlap", [False, True])
@pytest.mark.parametrize("waits_for", LATE)
def test_a_client_gives_up_while_its_request_waits_for(waits_for: str, overlap: bool) -> None:
    asked, timeout_s, pools, at, outcome = LATE[waits_for]
    pools = {"prompts": service("a"), **pools}
    pools["prompts"]["llm"]["hand_over"] = {"overlap": overlap}
    scenario = apart(asked, **pools)
    scenario["apps"]["k1"]["timeout"] = f"{timeout_s} s"
    run = played(scenario)
    assert outcomes(run) == ["ok", "timed_out"]
    assert rows(run, "service", "outcome")[1] == (at, outcome)
    nothing_is_left(run)


@pytest.mark.parametrize("overlap", [False, True])
def test_a_client_gives_up_while_no_engine_is_ready_to_decode(overlap: bool) -> None:
    starting = service("b", replicas=0, policies={"autoscaling": "on_demand"}) | {"startup": "50 s", "least": 0}
    prompts = service("a", hand_over={"overlap": overlap})
    run = played(apart(ONE, prompts=prompts, tokens=starting, app={"timeout": "5 s"}))
    assert outcomes(run) == ["timed_out"]
    assert rows(run, "service", "outcome", "output_tokens") == [("prompts", "left", 1)]
    nothing_is_left(run)


def test_a_request_waits_until_an_engine_is_ready_to_decode() -> None:
    steps = {"use": "scaling_to:Steps", "times": [0.0, 3.0], "numbers": [0, 1]}
    starting = service("b", replicas=0, policies={"autoscaling": steps}) | {"startup": "2 s", "least": 0}
    run = played(apart(ONE, tokens=starting))
    # From 3 s on one is wanted; at 5 s it is ready, and the keys and values set out.
    assert rows(run, "first_s", "delivered_s", "last_s") == [(1.0, 6.25, 9.25)]
    nothing_is_left(run)


@pytest.mark.parametrize("overlap", [False, True])
def test_what_gets_lost_on_the_way_is_dropped(overlap: bool) -> None:
    asked = [(float(number), 100, 4) for number in range(12)]
    prompts = service("a", hand_over={"overlap": overlap})
    run = played(apart(asked, prompts=prompts, link={"loss": 0.5, "bandwidth": rate(10_000)}))
    ended = outcomes(run)
    assert set(ended) == {"ok", "dropped"}
    lost = [outcome in ("lost", "left") for (outcome,) in rows(run, "outcome")]
    answered = moved(run, "ab:b>a")
    assert lost.count(False) == len(answered) == ended.count("ok") + int(answered.delivered_s.isna().sum())
    nothing_is_left(run)


def test_replicas_that_drain_finish_what_they_have() -> None:
    steps = {"use": "scaling_to:Steps", "times": [0.0, 1.1], "numbers": [2, 1]}
    policies = {"autoscaling": steps, "routing": "round_robin"}
    pools = {name: service(on, replicas=2, policies=policies) for name, on in (("prompts", "a"), ("tokens", "b"))}
    run = played(apart([(0.1 * number, 100, 4) for number in range(6)], **pools))
    assert outcomes(run) == ["ok"] * 6
    gone = run.replicas[run.replicas.state == "draining"]
    assert sorted(gone.service) == ["prompts", "tokens"]
    # The one for prompts stays until the last keys and values have left it, the one for tokens until its last token.
    last = run.table("sequences").groupby("prompt_replica").delivered_s.max()
    prompt_end_s, token_end_s = (gone[gone.service == name].iloc[0] for name in ("prompts", "tokens"))
    assert prompt_end_s.end_s == approx(last[prompt_end_s.replica])
    ends = run.table("sequences").groupby("replica").last_s.max()
    assert token_end_s.end_s == approx(ends[token_end_s.replica])
    nothing_is_left(run)


def test_guests_enter_as_soon_as_a_preempted_sequence_has_its_blocks_back() -> None:
    """The second is preempted by the first and waits; a third comes meanwhile, and enters with it, not after it."""
    asked = [(0.0, 30, 60), (0.1, 30, 90), (40.0, 30, 4)]
    run = played(apart(asked, tokens=service("b", blocks=8), duration="400 s"))
    _, second, third = rows(run, "preemptions", "first_s", "delivered_s", "last_s")
    assert second[0] > 0
    assert third[2] < second[3]
    nothing_is_left(run)


def test_each_pool_takes_turns_by_itself() -> None:
    """The peers' bug: one counter of turns for two pools, so that with two replicas each every second one is never used."""
    policies = {"routing": "round_robin"}
    pools = {name: service(on, replicas=2, policies=policies) for name, on in (("prompts", "a"), ("tokens", "b"))}
    run = played(apart([(2.0 * number, 100, 2) for number in range(6)], link={"bandwidth": rate(1e6)}, **pools))
    ways = rows(run, "prompt_replica", "replica")
    assert ways == [(0, 2), (1, 3)] * 3
    assert len(engines(run)) == 4
