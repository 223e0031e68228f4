"""Loans of blocks: counted by hand (iterations take a second, and what contexts and messages add), and laws."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from llm_driving import ONE_SECOND, Linear
from llm_pools import TOKEN_BYTES, Asked, alive, apart, nothing_is_left, one_by_one, played, service
from playing import Played

from simtier.models.llm.replica import LlmReplica

approx = pytest.approx
laws = settings(
    derandomize=True, deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow], database=None
)
COST = Linear(0.00317, prompt_s=0.000211, decode_s=0.0000713, context_s=0.0000037)


def several(
    asked: list[Asked], *, balancing: Any = None, replicas: int = 2, nodes: str = "ab", **llm: Any
) -> dict[str, Any]:
    """Return a service with so many replicas, the first of which gets all requests."""
    policies = {"routing": "balancing_at:First"} | ({"balancing": balancing} if balancing is not None else {})
    both = service("a", policies=policies, **llm)
    both |= {"on": ["a", "b"], "replicas": "each"} if nodes == "ab" else {"replicas": replicas}
    return apart([], link={"latency": "1 ms"}, duration="400 s") | {
        "services": {"one": both},
        **one_by_one(asked, {"service": "one"}),
    }


def lend(times: list[float], blocks: list[int]) -> dict[str, Any]:
    return {"use": "balancing_at:LendAt", "times": times, "blocks": blocks}


def rows(run: Played, *columns: str) -> list[tuple[Any, ...]]:
    table = run.table("sequences").sort_values("arrival_s")
    return list(table[list(columns)].itertuples(index=False, name=None))


def replicas(run: Played) -> list[LlmReplica]:
    return [each for each in run.world.replicas.made if isinstance(each, LlmReplica)]


def test_what_a_borrower_keeps_elsewhere_it_reads_there_and_the_lender_beside_its_own() -> None:
    scenario = several([(1.0, 100, 30)], balancing=lend([0.5], [4]), blocks=8)
    assert rows(played(several([(1.0, 100, 30)], blocks=8)), "outcome") == [("rejected",)]
    run = played(scenario, Linear(1.0, context_s=0.01))
    # 8 of 12 blocks are its own. Each decode takes a second, two thirds of 10 ms for each token of its context, and 32 layers' queries
    # (32 heads of 128, two bytes) there and results back: 64 times 1 ms, and 64 times 8,192 bytes at the link's rate.
    messages_s = 64 * (0.001 + 8192 / (100 * TOKEN_BYTES))
    contexts = np.arange(101, 130)
    assert rows(run, "outcome", "first_s") == [("served", approx(2 + 64 * 0.001))]
    assert rows(run, "last_s")[0][0] == approx(2.064 + (1 + 0.01 * contexts * 2 / 3 + messages_s).sum())
    borrower, lender = replicas(run)
    assert (borrower.engine.blocks.total, lender.engine.blocks.total) == (12, 4)
    assert lender.engine.cost.seconds([], 1, 10.0) == approx(1 + 0.01 * (10 + 4 * 16))
    assert lender.engine.cost.seconds([(10, 0)], 0, 0.0) == 1.0  # prompts attend to nothing of others


def test_blocks_are_given_back_when_they_are_free_and_everything_costs_as_before() -> None:
    run = played(
        several([(1.0, 100, 10)], balancing=lend([0.5, 5.0, 20.0], [4, -4, -4]), blocks=8), Linear(1.0, context_s=0.01)
    )
    # At 5 s 7 of its 12 blocks are held, and all of the loan is free.
    assert [each.engine.blocks.total for each in replicas(run)] == [8, 8]
    assert [each.engine.cost.seconds([], 1, 100.0) for each in replicas(run)] == approx([2.0, 2.0])
    nothing_is_left(run)


def test_no_more_is_lent_than_is_free_and_nothing_that_a_sequence_needs_is_taken_back() -> None:
    run = played(several([(1.0, 100, 90)], balancing=lend([0.5, 0.5, 3.0, 8.0], [4, 5, -1, 5]), blocks=8))
    # 5 more are not free beside the 4; the sequence of 190 tokens needs all of the 12 that it was admitted with; then 5 are not free.
    assert [each.engine.blocks.total for each in replicas(run)] == [12, 4]
    assert rows(run, "outcome") == [("served",)]


@pytest.mark.parametrize("number", [2, 4])
def test_the_longest_request_grows_with_the_cluster(number: int) -> None:
    """Infinite-LLM's context ratio: all free blocks of the cluster over those of an instance, exactly."""
    most = 8 * number * 16
    asked = [(1.0, most - 20, 20), (1.0, most - 20, 21)]
    run = played(several(asked, balancing=lend([0.5], [8]), replicas=number, nodes="a", blocks=8), ONE_SECOND)
    assert sorted(rows(run, "request", "outcome")) == [(0, "served"), (1 << 32, "rejected")]


def test_a_replica_that_drains_waits_for_what_it_has_lent_and_nothing_is_lost() -> None:
    scenario = several([(1.0, 100, 60)], balancing=lend([0.5], [4]), blocks=8)
    steps = {"use": "scaling_to:Steps", "times": [0.0, 5.0], "numbers": [2, 1]}
    scenario["services"]["one"]["policies"]["autoscaling"] = steps
    run = played(scenario)
    draining = run.replicas[run.replicas.state == "draining"].iloc[0]
    assert draining.end_s >= rows(run, "last_s")[0][0]
    assert [each.engine.blocks.total for each in replicas(run)] == [8, 8]
    nothing_is_left(run)


@st.composite
def borrowing(draw: Any) -> dict[str, Any]:
    """Requests at the first of two replicas with few blocks, which lend each other what they can."""
    number = draw(st.integers(1, 8))
    gaps = draw(st.lists(st.sampled_from([0.0, 0.00071, 0.0233, 0.111]), min_size=number, max_size=number))
    asked = [(float(at), draw(st.integers(1, 60)), draw(st.sampled_from([1, 16, 60]))) for at in np.cumsum(gaps)]
    limits = {
        "batch": 8,
        "full": draw(st.sampled_from([0.3, 0.9])),
        "idle": 0.7,
        "spare": draw(st.sampled_from([0.05, 0.5])),
    }
    scenario = several(
        asked,
        balancing={"use": "infinite_llm", "every": "7 ms", **limits},
        block=4,
        blocks=draw(st.sampled_from([16, 31, 60])),
        prefix_caching=draw(st.booleans()),
    )
    policies = scenario["services"]["one"]["policies"]
    policies["batching"] = {"use": draw(st.sampled_from(["vllm_v1", "vllm", "orca", "sarathi"])), "sequences": 4}
    policies["routing"] = draw(st.sampled_from(["balancing_at:First", "round_robin"]))
    return scenario


@laws
@given(borrowing())
def test_blocks_are_conserved_and_every_request_ends(scenario: dict[str, Any]) -> None:
    world, memory, journal = alive(scenario, COST)
    total = sum(each.engine.blocks.total for each in world.replicas.made if isinstance(each, LlmReplica))
    world.play(lambda: False)
    world.close()
    run = Played(memory, world, journal.fingerprint())
    assert set(run.requests.outcome) <= {"ok", "rejected"}
    assert sum(each.engine.blocks.total for each in replicas(run)) == total
    for each in replicas(run):
        assert 0 <= each.engine.blocks.free == each.engine.blocks.total
    sequences = run.table("sequences")
    assert len(set(sequences.request)) == len(sequences) == len(run.requests)


def require_the_same_with_stretches(scenario: dict[str, Any]) -> None:
    fast, slow = played(scenario, COST), played(scenario, COST, every=True)
    columns = ["request", "replica", "output_tokens", "preemptions", "first_s", "last_s"]
    tables = [run.table("sequences").sort_values("request")[columns].to_numpy(float) for run in (fast, slow)]
    np.testing.assert_allclose(*tables, rtol=1e-9)


@settings(laws, max_examples=10)
@given(borrowing())
def test_stretches_end_where_their_iterations_one_by_one_do_with_loans(scenario: dict[str, Any]) -> None:
    require_the_same_with_stretches(scenario)


@pytest.mark.slow
@laws
@given(borrowing())
def test_stretches_end_where_their_iterations_one_by_one_do_with_loans_in_many_runs(scenario: dict[str, Any]) -> None:
    require_the_same_with_stretches(scenario)


def test_the_laws_are_tried_where_blocks_are_lent_and_given_back() -> None:
    asked: list[Asked] = [(0.0, 40, 60), (0.0, 40, 60), (2.0, 4, 2)]
    scenario = several(
        asked, balancing={"use": "infinite_llm", "every": "7 ms", "full": 0.5, "spare": 0.3}, block=4, blocks=31
    )
    world, _, _ = alive(scenario, COST)
    totals: list[int] = []
    borrower = world.replicas.made[0]
    assert isinstance(borrower, LlmReplica)
    for at in (0.01, 30.0):
        world.clock.call_at(at, lambda _: totals.append(borrower.engine.blocks.total))
    world.play(lambda: False)
    assert totals[0] > 31 == totals[1]


def tokens_per_s(cv: float, balancing: Any) -> float:
    """Return the tokens of the requests that four replicas serve, whose lengths vary so much, over time."""
    policies = {"routing": "round_robin"} | ({"balancing": balancing} if balancing is not None else {})
    port = {"bandwidth": "600 GB/s", "latency": "2 us"}
    lengths = {
        name: {"distribution": "lognormal", "mean": mean, "cv": cv} for name, mean in (("input", 1000), ("output", 200))
    }
    arrivals = {"process": "closed", "clients": 80, "think": "1 ms"}
    scenario = apart([], duration="100 s") | {
        "services": {"one": service("a", replicas=4, blocks=800, interconnect=port, policies=policies)},
        "apps": {"ask": {"stages": {"answer": {"service": "one", "tokens": lengths}}}},
        "workloads": {"asks": {"app": "ask", "from": "a", "arrivals": arrivals}},
    }
    sequences = played(scenario, None).table("sequences")
    done = sequences[sequences.outcome == "served"]
    return float((done.input_tokens + done.output_tokens).sum())


def test_loans_gain_more_where_lengths_vary_more() -> None:
    """Infinite-LLM (Lin et al., 2024) tells of 1.35 to 3.4 times; here requests that no instance can hold are turned away at the router."""
    loans = {"use": "infinite_llm", "every": "100 ms"}
    even, uneven = (tokens_per_s(cv, loans) / tokens_per_s(cv, None) for cv in (0.5, 3.0))
    assert even == pytest.approx(1.0, abs=0.05)
    assert 1.1 < uneven < 3.4
