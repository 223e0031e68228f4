"""What must hold of every engine: over generated requests, every policy, every cost of iterations, with and without a cache of prefixes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from llm_driving import Driven, Linear, Row, closed_form, drive, small_profile
from llm_generated import CONTEXT, POLICIES, SEQUENCES, TIMEOUT, TOKENS, laws, memories

from simtier.models.llm.blocks import Blocks
from simtier.models.llm.estimates import alone_s
from simtier.models.llm.prefixes import PrefixBlocks
from simtier.models.llm.work import IterationCost

RUNNING, BEGIN, END = 4, -3, -1
"""Where they stand in what an engine writes."""
COSTS: dict[str, Callable[[], IterationCost]] = {
    "linear": lambda: Linear(0.00317, prompt_s=0.000211, decode_s=0.0000713, context_s=0.0000037),
    "closed form": closed_form,
    "profiled": small_profile,
}
every_policy = pytest.mark.parametrize("policy", POLICIES)
every_cache = pytest.mark.parametrize("cache", [False, True], ids=["plain", "prefixes"])


def blocks_of(number: int, *, cache: bool) -> Blocks:
    return PrefixBlocks(number, 4, prefix_tokens=8) if cache else Blocks(number, 4)


def run(policy: str, rows: list[Row], number: int, cost: str = "linear", *, cache: bool = False, **how: Any) -> Driven:
    blocks = blocks_of(number, cache=cache)
    return drive(rows, POLICIES[policy](), COSTS[cost](), blocks=blocks, context=CONTEXT, **how)


@every_policy
@every_cache
@laws
@given(memories())
def test_every_sequence_gets_its_tokens_and_gives_its_blocks_back(
    policy: str, cache: bool, memory: tuple[list[Row], int]
) -> None:
    rows, number = memory
    driven = run(policy, rows, number, cache=cache)
    assert [sequence.id for sequence in driven.by_number()] == list(range(len(rows)))
    for sequence, row in zip(driven.by_number(), rows, strict=True):
        assert sequence.generated == row.output
        assert sequence.computed == row.prompt + row.output - 1
        assert sequence.blocks == 0
        assert sequence.arrival_s <= sequence.began_s < sequence.first_s <= sequence.last_s
    blocks = driven.engine.blocks
    assert not driven.engine.running
    assert not driven.engine.waiting
    assert blocks.free == blocks.total
    if isinstance(blocks, PrefixBlocks):
        assert not any(blocks._holders.values())
        assert blocks._fresh + len(blocks._unheld) == blocks.total


@every_policy
@every_cache
@laws
@given(memories())
def test_each_token_is_computed_once_but_those_found_and_those_lost(
    policy: str, cache: bool, memory: tuple[list[Row], int]
) -> None:
    driven = run(policy, *memory, cache=cache, one_by_one=True)
    computed = dict.fromkeys(range(len(driven.done)), 0)
    for _, tokens, _ in driven.plans:
        for each, tokens_of in tokens.items():
            computed[each] += tokens_of
    recomputed = {each for *_, preempted in driven.plans for each, swapped in preempted.items() if not swapped}
    for sequence in driven.done:
        wanted = sequence.prompt + sequence.output - 1 - sequence.cached
        if sequence.id not in recomputed:
            assert computed[sequence.id] == wanted
        elif not cache:  # else it may find more the second time, which others have computed
            assert computed[sequence.id] >= wanted


@every_policy
@pytest.mark.parametrize("cost", COSTS)
@every_cache
@laws
@given(memories())
def test_stretches_end_where_their_iterations_one_by_one_do(
    policy: str, cost: str, cache: bool, memory: tuple[list[Row], int]
) -> None:
    fast = run(policy, *memory, cost, cache=cache, swap_s=0.0017)
    slow = run(policy, *memory, cost, cache=cache, swap_s=0.0017, one_by_one=True)
    np.testing.assert_allclose(fast.times(), slow.times(), rtol=1e-9)
    assert fast.engine.iterations == slow.engine.iterations
    assert [each.preemptions for each in fast.by_number()] == [each.preemptions for each in slow.by_number()]
    assert sum(row[0] for row in fast.wrote) == fast.engine.iterations
    assert [each.busy_s for each in fast.by_number()] == pytest.approx([each.busy_s for each in slow.by_number()])


@every_policy
@laws
@given(memories())
def test_no_engine_rests_while_a_sequence_waits_unless_a_batch_is_to_fill_up(
    policy: str, memory: tuple[list[Row], int]
) -> None:
    driven = run(policy, *memory)
    busy = [(row[BEGIN], row[END]) for row in driven.wrote]
    patience_s = TIMEOUT if policy == "static" else 0.0
    for (_, end_s), (begin_s, _) in pairwise(busy):
        oldest_s = min(each.queued_s for each in driven.done if each.last_s > end_s)
        assert begin_s <= max(end_s, oldest_s + patience_s)


@every_policy
@pytest.mark.parametrize("cost", ["linear", "closed form"])
@every_cache
@laws
@given(memories())
def test_no_first_token_comes_before_its_prompt_can_be_computed_nor_the_last_before_all_can(
    policy: str, cost: str, cache: bool, memory: tuple[list[Row], int]
) -> None:
    driven = run(policy, *memory, cost, cache=cache)
    times = COSTS[cost]()
    for each in driven.done:
        prompt_s = times.seconds([(each.prompt - each.cached, each.cached)], 0, 0.0)
        assert each.first_s - each.began_s >= prompt_s * (1 - 1e-9)
        answer_s = float(times.times(1, each.prompt + 1, each.output - 1).sum()) if each.output > 1 else 0.0
        assert each.last_s - each.first_s >= answer_s * (1 - 1e-9)


@every_policy
@pytest.mark.parametrize("cost", ["linear", "closed form", "profiled"])
def test_a_sequence_alone_takes_what_the_engine_says(policy: str, cost: str) -> None:
    driven = run(policy, [Row(prompt=7, output=50)], 100, cost)
    waits_s = TIMEOUT if policy == "static" else 0.0
    assert driven.done[0].last_s - waits_s == pytest.approx(alone_s(driven.engine.cost, 7, 50), rel=1e-12)


@every_policy
@laws
@given(
    st.integers(1, 60), st.integers(1, 60), st.floats(0.1, 10), st.floats(1, 10), st.sampled_from(["peak", "bandwidth"])
)
def test_more_operations_or_bytes_a_second_never_make_a_sequence_slower(
    policy: str, prompt: int, output: int, factor: float, more: float, which: str
) -> None:
    row = Row(prompt=prompt, output=output)
    slow, fast = (
        drive([row], POLICIES[policy](), closed_form(**{which: each}), context=CONTEXT).times()
        for each in (factor, factor * more)
    )
    assert (fast <= slow * (1 + 1e-12)).all()


@every_policy
@every_cache
@laws
@given(memories())
def test_every_plan_is_within_its_budget(policy: str, cache: bool, memory: tuple[list[Row], int]) -> None:
    """That plans are legal, and within the blocks, is checked whenever an engine is driven."""
    name = policy.partition(",")[0]
    driven = run(policy, *memory, cache=cache)
    for _, tokens, preempted in driven.plans:
        assert len(tokens) <= SEQUENCES
        assert not tokens.keys() & preempted.keys()
        total, prompts = sum(tokens.values()), [number for number in tokens.values() if number > 1]
        if name in ("vllm_v1", "priority", "sarathi") and "not chunked" not in policy:
            assert total <= max(TOKENS, len(tokens))
        elif name in ("vllm", "fastserve"):
            assert sum(prompts) <= TOKENS or len(prompts) == 1
        if policy == "vllm_v1, whole":
            assert max(tokens.values(), default=0) <= 7
    assert max(row[RUNNING] for row in driven.wrote) <= (len(driven.done) if name == "fastserve" else SEQUENCES)


@every_policy
@laws
@given(memories())
def test_a_cache_of_prefixes_changes_nothing_if_no_two_prompts_begin_alike_and_nobody_is_preempted(
    policy: str, memory: tuple[list[Row], int]
) -> None:
    rows = [replace(row, prefix=()) for row in memory[0]]
    plain, cached = (run(policy, rows, 2000, cache=cache) for cache in (False, True))
    assert plain.preemptions == cached.preemptions
    if not plain.preemptions:
        np.testing.assert_array_equal(plain.times(), cached.times())


@pytest.mark.parametrize("policy", ["vllm", "vllm, swapping, padded", "vllm_v1", "sarathi", "fastserve", "priority"])
@every_cache
def test_the_laws_are_tried_where_sequences_are_preempted(policy: str, cache: bool) -> None:
    rows = [Row(at=0.001 * number, prompt=20, output=60, priority=number % 3) for number in range(8)]
    assert run(policy, rows, 25, cache=cache).preemptions > 0
