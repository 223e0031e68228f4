"""Prompts and tokens side by side on one accelerator: counted by hand, at the limits, and laws."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from llm_driving import Linear, Row, closed_form, drive
from llm_generated import POLICIES, laws, memories
from llm_lanes import Ended, all_is_over, beside, drive_lanes
from llm_pools import apart, played, service

from simtier.models.llm.blocks import Blocks
from simtier.models.llm.engine import Engine
from simtier.models.llm.prefixes import PrefixBlocks
from simtier.models.llm.shared_device import SharedDevice
from simtier.models.llm.work import IterationCost
from simtier.policies.batching.vllm_v1 import VllmV1

approx = pytest.approx
every_policy = pytest.mark.parametrize("policy", POLICIES)
every_cache = pytest.mark.parametrize("cache", [False, True], ids=["plain", "prefixes"])


def bound_by_arithmetic(compute: float, _: float) -> IterationCost:
    """Return iterations that take a second with all of the arithmetic."""
    return Linear(1 / compute)


def blocks_of(number: int, *, cache: bool) -> Blocks:
    return PrefixBlocks(number, 4, prefix_tokens=8) if cache else Blocks(number, 4)


def test_a_prompt_beside_a_decode_and_a_decode_beside_a_prompt() -> None:
    rows = [Row(prompt=100, output=3), Row(at=1.5, prompt=100, output=1)]
    sequences, engine = drive_lanes(
        rows, beside(bound_by_arithmetic, (0.8, 1.0)), VllmV1(), bound_by_arithmetic(1.0, 1.0)
    )
    # The first prompt is alone with its share: 1 / 0.8. Its next token takes a second with all of the accelerator. The second prompt begins
    # beside that: it gets 0.8 of 1.8. So does the other's last token with 1 of 1.8; both shares are rounded to hundredths.
    assert sequences[0].first_s == approx(1.25)
    assert sequences[1].first_s == approx(1.5 + 1 / 0.44)
    assert sequences[0].last_s == approx(2.25 + 1 / 0.56)
    all_is_over(sequences, engine, rows)


def test_an_engine_has_what_the_other_does_not_need() -> None:
    """Tokens that are bound by memory leave the prompts nearly all of the arithmetic, and have half of the bandwidth at the least."""

    def cost_of(compute: float, bandwidth: float) -> IterationCost:
        return Linear(0.0, prompt_s=0.01 / compute, context_s=0.01 / bandwidth)

    rows = [Row(prompt=100, output=9), Row(at=1.1, prompt=100, output=1)]
    sequences, _ = drive_lanes(rows, beside(cost_of, (0.8, 1.0)), VllmV1(), cost_of(1.0, 1.0))
    assert sequences[0].first_s == approx(100 * 0.01 / 0.8)
    assert sequences[1].began_s == sequences[0].first_s
    # From 1.25 on both run: the prompts do not need the bandwidth, the tokens not the arithmetic.
    assert sequences[1].first_s == approx(2 * 1.25)
    assert sequences[0].last_s == approx(1.25 + 0.01 * sum(range(101, 109)))


def test_prompts_are_about_as_fast_as_their_share_and_tokens_slower_only_below_one_half() -> None:
    prompt, decode = [(4000, 0)], (64, 64 * 500.0)
    full_s = closed_form().seconds(prompt, 0, 0.0)
    for share in (0.25, 0.5, 0.75):
        assert closed_form(share, min(1.0, share / 0.5)).seconds(prompt, 0, 0.0) == approx(full_s / share, rel=0.15)
    every_s = closed_form().seconds([], *decode)
    assert closed_form(0.5, 1.0).seconds([], *decode) == approx(every_s, rel=0.15)
    assert closed_form(0.25, 0.5).seconds([], *decode) > 1.5 * every_s


def played_alone(share: float, tokens: float, row: Row) -> tuple[float, float]:
    """Return what the first token takes, and the mean of the others, of a request that is alone."""
    (sequence,), _ = drive_lanes([row], beside(closed_form, (share, tokens)), VllmV1(), closed_form())
    return sequence.first_s, (sequence.last_s - sequence.first_s) / max(1, sequence.output - 1)


def test_the_engines_take_what_their_shares_say() -> None:
    row = Row(prompt=4000, output=50)
    firsts, others = zip(*(played_alone(share, share, row) for share in (0.25, 0.5, 1.0)), strict=True)
    assert firsts[0] / firsts[2] == approx(4, rel=0.15)
    assert firsts[1] / firsts[2] == approx(2, rel=0.15)
    assert others[1] / others[2] == approx(1, rel=0.05)
    assert others[0] / others[2] > 1.5


@every_policy
@every_cache
@laws
@given(memories())
def test_with_all_of_the_accelerator_and_only_prompts_it_is_an_ordinary_engine(
    policy: str, cache: bool, memory: tuple[list[Row], int]
) -> None:
    rows = [Row(at=row.at, prompt=row.prompt, output=1, prefix=row.prefix) for row in memory[0]]
    cost, blocks = closed_form(), [blocks_of(memory[1], cache=cache) for _ in range(2)]
    sequences, _ = drive_lanes(rows, beside(closed_form, (1.0, 1.0)), POLICIES[policy](), cost, blocks=blocks[0])
    plain = drive(rows, POLICIES[policy](), cost, blocks=blocks[1], one_by_one=True)
    times = np.array([(each.first_s, each.last_s) for each in sequences])
    np.testing.assert_allclose(times, plain.times(), rtol=1e-9)


@every_policy
@every_cache
@laws
@given(memories())
def test_tokens_and_blocks_are_conserved_and_few_blocks_never_hang(
    policy: str, cache: bool, memory: tuple[list[Row], int]
) -> None:
    rows, number = memory
    sequences, engine = drive_lanes(
        rows,
        beside(closed_form, (0.8, 1.0)),
        POLICIES[policy](),
        closed_form(),
        blocks=blocks_of(number, cache=cache),
        until=1e4,
    )
    all_is_over(sequences, engine, rows)


def test_other_shares_hold_from_the_next_iteration_on_and_cost_each_engine_its_time() -> None:
    rows = [Row(prompt=100, output=1), Row(at=0.1, prompt=100, output=1)]
    made: list[SharedDevice] = []

    def make(one: Callable[[Ended], Engine], ended: Ended) -> SharedDevice:
        device = SharedDevice(one, bound_by_arithmetic, ended, (1.0, 1.0), switch_s=0.25)
        device.clock.call_at(0.5, lambda _: device.change((0.5, 1.0)))
        made.append(device)
        return device

    sequences, _ = drive_lanes(rows, make, VllmV1(), bound_by_arithmetic(1.0, 1.0))
    assert [each.first_s for each in sequences] == approx([1.0, 1.0 + 0.25 + 2.0])


def mean_s(kind: str, rate: float) -> float:
    """Return the mean time from arrival to last token on two accelerators that hold 40,000 tokens each."""
    policies = {"batching": {"use": "vllm_v1", "tokens": 2048, "sequences": 256}, "routing": "least_in_flight"}
    pool = {"policies": policies, "blocks": 2500}
    services = {
        "together": {"one": service("a", replicas=2, **pool)},
        "apart": {"prompts": service("a", **pool), "tokens": service("a", **pool)},
        "beside": {"one": service("a", replicas=2, shares={}, **pool)},
    }[kind]
    tokens = {
        name: {"distribution": "lognormal", "mean": mean, "cv": 1} for name, mean in (("input", 1024), ("output", 256))
    }
    stage = {"split": list(services)} if kind == "apart" else {"service": "one"}
    scenario = apart([], duration="120 s") | {
        "services": services,
        "apps": {"ask": {"stages": {"answer": {**stage, "tokens": tokens}}}},
        "workloads": {"asks": {"app": "ask", "from": "a", "arrivals": {"process": "poisson", "rate": f"{rate} /s"}}},
    }
    scenario["run"]["drain"] = "300 s"
    sequences = played(scenario, None).table("sequences")
    assert set(sequences.outcome) <= {"served", "rejected"}  # the latter are longer than the context
    return float((sequences.last_s - sequences.arrival_s).mean())


def test_apart_wins_at_a_low_rate_and_loses_when_half_of_the_memory_is_too_little_and_beside_beats_both() -> None:
    """The published order of semi-PD (Hong et al., 2025): 1.27 to 2.58 times less time at the knee."""
    low = {kind: mean_s(kind, 2.0) for kind in ("together", "apart")}
    assert low["apart"] < low["together"]
    knee = {kind: mean_s(kind, 9.0) for kind in ("together", "apart", "beside")}
    assert knee["beside"] < knee["together"] < knee["apart"]
    assert 1.2 <= knee["together"] / knee["beside"] <= 2.5
