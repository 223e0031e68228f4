"""Live migration: counted by hand (iterations take a second, the link carries some tokens' keys and values a second), and laws."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from llm_driving import Linear
from llm_pools import TOKEN_BYTES, Asked, apart, nothing_is_left, one_by_one, played, rate, service
from playing import Played

approx = pytest.approx
laws = settings(
    derandomize=True, deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow], database=None
)
COST = Linear(0.00317, prompt_s=0.000211, decode_s=0.0000713, context_s=0.0000037)


def two(
    asked: list[Asked], *, balancing: Any = None, tokens_per_s: float = 100, loss: float = 0.0, **llm: Any
) -> dict[str, Any]:
    """Return a service with a replica on each of two nodes, which take turns."""
    policies = {"routing": "round_robin"} | ({"balancing": balancing} if balancing is not None else {})
    link = {"bandwidth": rate(tokens_per_s), "loss": loss}
    both = service("a", policies=policies, **llm) | {"on": ["a", "b"], "replicas": "each"}
    return apart([], link=link, duration="400 s") | {
        "services": {"one": both},
        **one_by_one(asked, {"service": "one"}),
    }


def move(at: float, times: int = 1) -> dict[str, Any]:
    return {"use": "balancing_at:MoveAt", "at": at, "times": times}


def rows(run: Played, *columns: str) -> list[tuple[Any, ...]]:
    table = run.table("sequences").sort_values("arrival_s")
    return list(table[list(columns)].itertuples(index=False, name=None))


def copied(run: Played) -> list[float]:
    """Return how many tokens' keys and values each message carried."""
    return [nbytes / TOKEN_BYTES for nbytes in run.transfers.sort_values("queued_s").bytes if nbytes]


def test_one_round_and_the_rest() -> None:
    run = played(two([(0, 100, 10)], balancing=move(2.5)))
    # At 2.5 there are 101 tokens: 1.01 s and 0.25 s. At 3.76 one more is there, less than a block: it stops at 4, with 103. The two that are
    # missing arrive at 4.27; the fifth token comes a second later.
    assert copied(run) == approx([101, 2])
    assert rows(run, "replica", "prompt_replica", "moves", "first_s", "delivered_s", "last_s", "output_tokens") == [
        (1, 0, 1, 1.0, approx(4.27), approx(10.27), 10)
    ]
    assert list(run.requests.outcome) == ["ok"]
    nothing_is_left(run)


def test_another_round_while_more_than_a_block_has_come_in_the_meantime() -> None:
    run = played(two([(0, 100, 40)], balancing=move(2.5), tokens_per_s=5))
    # 101 tokens until 22.95; 20 new ones until 27.20; then 5: it stops at 28, with 28 tokens; the last 6 take until 29.45.
    assert copied(run) == approx([101, 20, 6])
    assert rows(run, "delivered_s", "last_s", "output_tokens") == [(approx(29.45), approx(29.45 + 12), 40)]
    nothing_is_left(run)


FULL: list[Asked] = [(0.0, 100, 10), (0.1, 100, 20)]
ABORTS: dict[str, dict[str, Any]] = {
    "no room there": {"asked": FULL, "blocks": 8},
    "it ends before": {"asked": [(0.0, 100, 3)]},
    "it ends in the iteration at whose end it would stop": {"asked": [(0.0, 100, 4)]},
    "what is sent gets lost": {"asked": [(0.0, 100, 10)], "loss": 0.999},
}


@pytest.mark.parametrize("why", ABORTS)
def test_what_cannot_move_stays_as_if_nothing_had_been_tried(why: str) -> None:
    tried, not_tried = (played(two(**ABORTS[why], balancing=balancing)) for balancing in (move(2.5), None))
    columns = ("request", "replica", "outcome", "moves", "first_s", "last_s", "output_tokens", "preemptions")
    assert rows(tried, *columns) == rows(not_tried, *columns)
    if why != "no room there":
        assert copied(tried)
    nothing_is_left(tried)


def test_a_client_that_gives_up_meanwhile_leaves_nothing_behind() -> None:
    scenario = two([(0, 100, 10)], balancing=move(2.5))
    scenario["apps"]["k0"]["timeout"] = "3 s"
    run = played(scenario)
    assert rows(run, "outcome", "output_tokens") == [("in_vain", 10)]
    nothing_is_left(run)


def test_a_replica_that_drains_is_empty_sooner_where_its_sequences_may_leave() -> None:
    def gone_s(balancing: Any) -> float:
        scenario = two([(0.0, 100, 60), (0.1, 100, 60)], balancing=balancing)
        steps = {"use": "scaling_to:Steps", "times": [0.0, 5.0], "numbers": [2, 1]}
        scenario["services"]["one"]["policies"]["autoscaling"] = steps
        run = played(scenario)
        assert list(run.requests.outcome) == ["ok", "ok"]
        nothing_is_left(run)
        return float(run.replicas[run.replicas.state == "draining"].end_s.iloc[0])

    stays_s, leaves_s = gone_s(None), gone_s({"use": "llumnix", "low": 0.0, "high": 1.0})
    assert stays_s > 60
    assert leaves_s < 10


@st.composite
def restless(draw: Any) -> dict[str, Any]:
    """Requests that are moved wherever that is possible, all the time, with few blocks and a link that loses some."""
    number = draw(st.integers(1, 8))
    gaps = draw(st.lists(st.sampled_from([0.0, 0.00071, 0.0233, 0.111]), min_size=number, max_size=number))
    asked = [(float(at), draw(st.integers(1, 60)), draw(st.sampled_from([2, 16, 60, 100]))) for at in np.cumsum(gaps)]
    largest = max(-(-(prompt + output) // 4) for _, prompt, output in asked)
    scenario = two(
        asked,
        balancing={"use": "llumnix", "every": "7 ms", "low": 1e6, "high": -1e6},
        tokens_per_s=draw(st.sampled_from([1000, 20_000, 1_000_000])),
        loss=draw(st.sampled_from([0.0, 0.0, 0.2])),
        block=4,
        blocks=largest + draw(st.sampled_from([0, 3, 20, 1000])),
        prefix_caching=draw(st.booleans()),
    )
    scenario["links"]["ab"]["latency"] = draw(st.sampled_from(["0 s", "2 ms"]))
    policies = scenario["services"]["one"]["policies"]
    policies["batching"] = {"use": draw(st.sampled_from(["vllm_v1", "vllm", "orca"])), "sequences": 4}
    for app in scenario["apps"].values():
        app["timeout"] = draw(st.sampled_from(["1000 s", "1000 s", "90 ms", "400 ms"]))
    return scenario


@laws
@given(restless())
def test_no_token_is_lost_or_had_twice_and_nothing_is_left(scenario: dict[str, Any]) -> None:
    run = played(scenario, COST)
    nothing_is_left(run)
    sequences = run.table("sequences")
    assert len(set(sequences.request)) == len(sequences)
    asked = {name: app["stages"]["answer"]["tokens"]["output"] for name, app in scenario["apps"].items()}
    for row in sequences[sequences.outcome.isin(["served", "in_vain"])].itertuples():
        assert row.output_tokens == asked[row.app]
        assert row.last_s - row.first_s >= (row.output_tokens - 1) * 0.00317 * (1 - 1e-9)
    assert (sequences[sequences.moves > 0].delivered_s > sequences[sequences.moves > 0].first_s).all()
    assert set(run.requests.outcome) <= {"ok", "timed_out", "dropped"}


def require_the_same_with_stretches(scenario: dict[str, Any]) -> None:
    fast, slow = played(scenario, COST), played(scenario, COST, every=True)
    columns = ["request", "replica", "output_tokens", "preemptions", "moves", "first_s", "last_s", "delivered_s"]
    tables = [run.table("sequences").sort_values("request")[columns].to_numpy(float) for run in (fast, slow)]
    np.testing.assert_allclose(*tables, rtol=1e-9)


@settings(laws, max_examples=10)
@given(restless())
def test_stretches_end_where_their_iterations_one_by_one_do_with_migration(scenario: dict[str, Any]) -> None:
    require_the_same_with_stretches(scenario)


@pytest.mark.slow
@laws
@given(restless())
def test_stretches_end_where_their_iterations_one_by_one_do_with_migration_in_many_runs(
    scenario: dict[str, Any],
) -> None:
    require_the_same_with_stretches(scenario)


def test_the_laws_are_tried_where_sequences_move_several_times() -> None:
    scenario = two(
        [(0.0, 40, 100)], balancing={"use": "llumnix", "every": "7 ms", "low": 1e6, "high": -1e6}, tokens_per_s=20_000
    )
    scenario["links"]["ab"]["latency"] = "0 s"
    run = played(scenario, COST)
    assert run.table("sequences").moves[0] > 3
