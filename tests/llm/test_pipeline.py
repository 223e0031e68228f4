"""Pipelines at run time: counted by hand, against a formula, and laws."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from intervals import holds
from llm_driving import Linear, Row, drive
from llm_generated import POLICIES, laws, memories
from llm_lanes import all_is_over, drive_lanes, pipeline

from simtier.models.llm.blocks import Blocks
from simtier.models.llm.parallel import Pipelined
from simtier.models.llm.prefixes import PrefixBlocks
from simtier.policies.batching.vllm_v1 import VllmV1
from simtier.streams import Streams

every_policy = pytest.mark.parametrize("policy", POLICIES)
every_cache = pytest.mark.parametrize("cache", [False, True], ids=["plain", "prefixes"])
FIXED_S, PROMPT_S, DECODE_S = 0.00317, 0.000211, 0.0000713


def even(stages: int, fixed_s: float, prompt_s: float = 0.0, decode_s: float = 0.0) -> Pipelined:
    """Return a pipeline whose stages each take so much, fixed, for a token of a prompt and for a decode; sending takes no time."""
    whole = Linear(stages * fixed_s, stages * prompt_s, stages * decode_s)
    return Pipelined(whole, Linear(fixed_s, prompt_s, decode_s), stages, 0.0, 0.0)


def test_two_equal_batches_keep_both_stages_busy() -> None:
    rows = [Row(prompt=100, output=3), Row(prompt=100, output=3)]
    cost = even(2, 1.0)
    sequences, engine = drive_lanes(rows, pipeline(cost), VllmV1(), cost)
    # The first is in stage 1 from 0 to 1, 2 to 3 and 4 to 5, and in stage 2 in between; the second is one second behind.
    assert [(each.first_s, each.last_s) for each in sequences] == [(2.0, 6.0), (3.0, 7.0)]
    all_is_over(sequences, engine, rows)


def test_a_short_batch_behind_a_long_one_waits_at_the_second_stage() -> None:
    rows = [Row(prompt=100, output=2), Row(prompt=10, output=2)]
    cost = even(2, 0.1, prompt_s=0.01)
    sequences, _ = drive_lanes(rows, pipeline(cost), VllmV1(), cost)
    # Prompts: 0 to 1.1 and 1.1 to 2.2; 1.1 to 1.3 and, when that stage is free, 2.2 to 2.4.
    # Decodes: 2.2 to 2.3 and 2.4 to 2.5; 2.4 to 2.5 and 2.5 to 2.6.
    assert [(each.first_s, each.last_s) for each in sequences] == [
        (pytest.approx(2.2), pytest.approx(2.5)),
        (pytest.approx(2.4), pytest.approx(2.6)),
    ]


def test_sequences_of_one_batch_wait_for_each_other_and_not_for_those_of_the_other() -> None:
    rows = [Row(prompt=100, output=20), Row(at=0.5, prompt=100, output=20), Row(at=0.6, prompt=100, output=1)]
    cost = even(2, 1.0)
    sequences, _ = drive_lanes(rows, pipeline(cost), VllmV1(), cost)
    assert sequences[2].began_s == sequences[0].first_s  # it went to the batch of the first


@pytest.mark.parametrize("rate", [0.5, 1.0, 1.3])
def test_prompts_alone_wait_as_distserves_formula_for_two_stages_says(rate: float) -> None:
    """D + R D^2 / (4 (2 - R D)), section 3.1, equation 2: prompts that take D through two equal stages, one after the other, R a second."""
    cost = even(2, 0.5)
    means = []
    for replication in range(10):
        gaps = Streams(5, replication).stream("gaps").exponential(1 / rate, 4000)
        rows = [Row(at=float(at), prompt=100, output=1) for at in np.cumsum(gaps)]
        sequences, _ = drive_lanes(rows, pipeline(cost), VllmV1(tokens=100), cost)
        means.append(float(np.mean([each.first_s - each.arrival_s for each in sequences])))
    holds(1 + rate / (4 * (2 - rate)), means, precision=0.05)
    assert np.mean(means) == pytest.approx(1 + rate / (4 * (2 - rate)), rel=0.03)


@every_policy
@every_cache
@pytest.mark.parametrize("stages", [2, 3])
@laws
@given(memories())
def test_tokens_and_blocks_are_conserved_and_few_blocks_never_hang(
    policy: str, cache: bool, stages: int, memory: tuple[list[Row], int]
) -> None:
    rows, number = memory
    cost = even(stages, FIXED_S, PROMPT_S, DECODE_S)
    blocks = PrefixBlocks(number, 4, prefix_tokens=8) if cache else Blocks(number, 4)
    wrote: list[tuple[float, ...]] = []
    sequences, engine = drive_lanes(
        rows, pipeline(cost), POLICIES[policy](), cost, blocks=blocks, wrote=wrote.append, until=1e4
    )
    all_is_over(sequences, engine, rows)
    assert sum(row[0] for row in wrote) == engine.iterations


@pytest.mark.parametrize("policy", ["orca", "vllm", "vllm_v1", "sarathi", "priority"])
@laws
@given(memories())
def test_no_stage_does_two_things_at_once_and_none_is_faster_than_alone(
    policy: str, memory: tuple[list[Row], int]
) -> None:
    rows, number = memory
    cost = even(2, FIXED_S, PROMPT_S, DECODE_S)
    wrote: list[tuple[float, ...]] = []
    drive_lanes(rows, pipeline(cost), POLICIES[policy](), cost, blocks=Blocks(number, 4), wrote=wrote.append)
    # Each: (begin, end, what one stage takes).
    iterations = sorted((row[-3], row[-1], FIXED_S + PROMPT_S * row[3] + DECODE_S * row[1]) for row in wrote)
    for begin_s, end_s, stage_s in iterations:
        assert end_s - begin_s >= 2 * stage_s * (1 - 1e-9)
    for before, after in pairwise(iterations):
        assert after[0] >= (before[0] + before[2]) * (1 - 1e-9)


@every_policy
@every_cache
@laws
@given(memories())
def test_one_stage_is_no_pipeline(policy: str, cache: bool, memory: tuple[list[Row], int]) -> None:
    rows, number = memory
    cost = even(1, FIXED_S, PROMPT_S, DECODE_S)
    blocks = [PrefixBlocks(number, 4, prefix_tokens=8) if cache else Blocks(number, 4) for _ in range(2)]
    sequences, _ = drive_lanes(rows, pipeline(cost), POLICIES[policy](), cost, blocks=blocks[0])
    plain = drive(rows, POLICIES[policy](), cost, blocks=blocks[1])
    times = np.array([(each.first_s, each.last_s) for each in sequences])
    np.testing.assert_allclose(times, plain.times(), rtol=1e-9)


def test_two_stages_serve_more_than_one_accelerator_and_less_than_twice_as_much() -> None:
    rows = [Row(prompt=200, output=50) for _ in range(64)]
    ends = {}
    for stages in (1, 2):
        cost = Pipelined(
            Linear(0.01, 1e-4, 1e-4), Linear(0.01 / stages, 1e-4 / stages, 1e-4 / stages), stages, 0.0, 0.0
        )
        sequences, _ = drive_lanes(rows, pipeline(cost), VllmV1(sequences=16), cost)
        ends[stages] = max(each.last_s for each in sequences)
    assert 1.5 < ends[1] / ends[2] <= 2.0
