"""Worked examples of each batching policy of engines, iteration by iteration: each takes a second, and blocks have 4 tokens."""

from __future__ import annotations

import pytest
from llm_driving import ONE_SECOND, Driven, Linear, Row, drive

from simtier.contract import IterationBatching
from simtier.models.llm.blocks import Blocks
from simtier.policies.batching.fastserve import FastServe
from simtier.policies.batching.orca import Orca
from simtier.policies.batching.priority_batching import Priority
from simtier.policies.batching.sarathi import Sarathi
from simtier.policies.batching.static import Static
from simtier.policies.batching.vllm import Vllm
from simtier.policies.batching.vllm_v1 import VllmV1
from simtier.testing import FakeEngine, FakeSequence, check_policy

A, B, C, D = range(4)


def played(policy: IterationBatching, *rows: Row, blocks: int = 1000, **how: float) -> Driven:
    """Drive an engine iteration by iteration; a sequence has 256 tokens at most."""
    how = {"context": 256} | how
    return drive(rows, policy, ONE_SECOND, blocks=Blocks(blocks, 4), one_by_one=True, **how)  # type: ignore[arg-type]


def plans(driven: Driven) -> list[tuple[float, dict[int, int]]]:
    """Return when each iteration began, and the tokens computed in it."""
    return [(at, tokens) for at, tokens, _ in driven.plans if tokens]


def ends(driven: Driven) -> list[tuple[float, float]]:
    """Return each sequence's first and last token's time."""
    return [(sequence.first_s, sequence.last_s) for sequence in driven.by_number()]


# -- static


def test_static_runs_a_full_batch_to_its_end_before_the_next_one_begins() -> None:
    """A and B make a batch of two when B comes at 1. C, there from 1.5 on, waits until the last of it, though A's place is empty from 3 on."""
    rows = (Row(prompt=3, output=2), Row(at=1, prompt=6, output=4), Row(at=1.5, prompt=2, output=1))
    driven = played(Static(size=2, timeout=2.0), *rows)
    assert plans(driven) == [(1, {A: 3, B: 6}), (2, {A: 1, B: 1}), (3, {B: 1}), (4, {B: 1}), (5, {C: 2})]
    assert ends(driven) == [(2, 3), (2, 5), (6, 6)]


def test_static_runs_what_there_is_when_the_oldest_has_waited_long_enough() -> None:
    rows = (Row(at=1.25, prompt=3, output=1), Row(at=2, prompt=3, output=1), Row(at=3.5, prompt=3, output=1))
    driven = played(Static(size=4, timeout=2.0), *rows)
    assert plans(driven) == [(3.25, {A: 3, B: 3}), (5.5, {C: 3})]


def test_static_pads_each_prompt_to_the_longest() -> None:
    """Two prompts of 3 and 6 tokens take the time of 12, of a second each."""
    rows = (Row(prompt=3, output=1), Row(prompt=6, output=1))
    driven = drive(rows, Static(), Linear(0.0, prompt_s=1.0))
    assert ends(driven) == [(12, 12), (12, 12)]


def test_static_keeps_room_for_the_longest_prompt_with_the_longest_answer() -> None:
    """Each of A and B gets room for 8 + 8 tokens, 4 blocks; of 7 blocks that leaves none for B, though 2 + 1 and 1 + 2 would fit."""
    rows = (Row(prompt=8, output=1, most=4), Row(prompt=4, output=1, most=8))
    assert plans(played(Static(), *rows, blocks=7)) == [(0, {A: 8}), (1, {B: 4})]
    assert plans(played(Static(), *rows, blocks=8)) == [(0, {A: 8, B: 4})]


def test_static_preempts_the_last_if_answers_are_longer_than_it_was_told_to_expect() -> None:
    """Room for 4 + 2 tokens is 2 blocks: of 3 blocks that is one at a time, of 4 both. But both turn out to have 9 tokens to keep, in 3 blocks."""
    rows = (Row(prompt=4, output=6), Row(prompt=4, output=6))
    assert played(Static(untold=2), *rows, blocks=3).preemptions == 0
    driven = played(Static(untold=2), *rows, blocks=4)
    assert driven.preemptions == 1
    assert ends(driven) == [(1, 6), (1, 7)]


# -- Orca


def test_orca_lets_sequences_join_and_leave_with_every_iteration() -> None:
    """C comes at 0.5 and joins when A leaves at 2, beside B's third token."""
    rows = (Row(prompt=3, output=2), Row(prompt=5, output=3), Row(at=0.5, prompt=2, output=1))
    driven = played(Orca(sequences=2), *rows)
    assert plans(driven) == [(0, {A: 3, B: 5}), (1, {A: 1, B: 1}), (2, {B: 1, C: 2})]
    assert ends(driven) == [(1, 2), (1, 3), (3, 3)]


def test_orca_reserves_blocks_for_the_longest_answer() -> None:
    """Six blocks: A reserves 8 + 8 tokens or 4 blocks, B and C each 4 + 4 or 2. C waits for B, though A uses 2 blocks only."""
    rows = (Row(prompt=8, output=2, most=8), Row(prompt=4, output=1, most=4), Row(prompt=4, output=1, most=4))
    assert plans(played(Orca(), *rows, blocks=6)) == [(0, {A: 8, B: 4}), (1, {A: 1, C: 4})]


@pytest.mark.parametrize(("untold", "together"), [(0, 1), (12, 1), (4, 2)])
def test_orca_reserves_the_context_where_nobody_says_how_long_the_answer_may_get(untold: int, together: int) -> None:
    """Six blocks of 4, a context of 16 tokens: 4 + 12 tokens are 4 blocks, 4 + 4 are 2."""
    rows = [Row(prompt=4, output=2)] * 2
    driven = played(Orca(untold=untold), *rows, blocks=6, context=16)
    assert len(plans(driven)[0][1]) == together
    assert driven.preemptions == 0


# -- vLLM before version 1


def test_vllm_computes_prompts_in_iterations_of_their_own() -> None:
    """The budget of 8 holds A's 5, then B's 4 and C's 3, during which A stalls."""
    rows = (Row(prompt=5, output=3), Row(prompt=4, output=2), Row(prompt=3, output=2))
    driven = played(Vllm(tokens=8), *rows)
    assert plans(driven) == [(0, {A: 5}), (1, {B: 4, C: 3}), (2, {A: 1, B: 1, C: 1}), (3, {A: 1})]
    assert ends(driven) == [(1, 4), (2, 3), (2, 3)]


def test_vllm_may_count_each_prompt_as_the_longest() -> None:
    """4 and 3 tokens are 7, or padded 8."""
    rows = (Row(prompt=4, output=1), Row(prompt=3, output=1))
    assert plans(played(Vllm(tokens=7), *rows)) == [(0, {A: 4, B: 3})]
    assert plans(played(Vllm(tokens=7, padded=True), *rows)) == [(0, {A: 4}), (1, {B: 3})]


def test_vllm_runs_a_prompt_beyond_the_budget_alone_and_by_default_the_budget_is_the_context() -> None:
    rows = (Row(prompt=3, output=1), Row(prompt=9, output=1), Row(prompt=3, output=1))
    assert plans(played(Vllm(tokens=8), *rows)) == [(0, {A: 3}), (1, {B: 9}), (2, {C: 3})]
    assert plans(played(Vllm(), *rows)) == [(0, {A: 3, B: 9, C: 3})]  # 2048 at least
    long = (Row(prompt=2000, output=1), Row(prompt=1000, output=1))
    assert len(plans(played(Vllm(), *long, context=2500))) == 2
    assert len(plans(played(Vllm(), *long, context=3000))) == 1


def test_vllm_admits_no_more_than_may_run() -> None:
    driven = played(Vllm(sequences=1), Row(prompt=3, output=2), Row(prompt=3, output=1))
    assert plans(driven) == [(0, {A: 3}), (1, {A: 1}), (2, {B: 3})]


def test_vllm_preempts_the_newest_when_blocks_are_missing_and_computes_it_again() -> None:
    """Four blocks. Both have 4 + 5 tokens of which 8 are computed at 5, in 2 blocks each; A's next takes a third. B begins again at 6 with
    9 tokens, and has its sixth at 7."""
    driven = played(Vllm(watermark=0.0), Row(prompt=4, output=6), Row(prompt=4, output=6), blocks=4)
    assert plans(driven) == [
        (0, {A: 4, B: 4}),
        *((at, {A: 1, B: 1}) for at in range(1, 5)),
        (5, {A: 1}),
        (6, {B: 9}),
    ]
    assert [preempted for *_, preempted in driven.plans if preempted] == [{B: False}]
    assert ends(driven) == [(1, 6), (1, 7)]


def test_vllm_can_swap_instead_and_blocks_take_their_time_both_ways() -> None:
    """Two blocks of half a second each way: B's leave in the iteration from 5 to 7, and come back in the one from 7 to 9."""
    rows = (Row(prompt=4, output=6), Row(prompt=4, output=6), Row(at=6.5, prompt=4, output=1))
    driven = played(Vllm(watermark=0.0, swap=True), *rows, blocks=4, swap_s=0.5)
    assert plans(driven)[-3:] == [(5, {A: 1}), (7, {B: 1}), (9, {C: 4})]  # while B is away C is not admitted
    assert ends(driven) == [(1, 7), (1, 9), (10, 10)]
    assert [sequence.swapped for sequence in driven.by_number()] == [False, False, False]


def test_vllm_keeps_the_watermark_free_but_for_one_that_runs_alone() -> None:
    """Of 10 blocks 2 are kept: beside A's 4 blocks B's 5 are too many. Alone, 9 are not."""
    rows = (Row(prompt=16, output=2), Row(prompt=20, output=1))
    assert plans(played(Vllm(watermark=0.2), *rows, blocks=10))[:2] == [(0, {A: 16}), (1, {A: 1})]
    assert plans(played(Vllm(watermark=0.1), *rows, blocks=10))[0] == (0, {A: 16, B: 20})
    assert plans(played(Vllm(watermark=0.2), Row(prompt=36, output=1), blocks=10)) == [(0, {A: 36})]


# -- vLLM from version 1 on


def test_vllm_v1_fills_its_budget_with_decodes_and_pieces_of_prompts() -> None:
    """Eight tokens: A's 5 and 3 of B's 6; then A's next, B's other 3 and C's 3."""
    rows = (Row(prompt=5, output=3), Row(prompt=6, output=2), Row(prompt=3, output=1))
    driven = played(VllmV1(tokens=8), *rows)
    assert plans(driven) == [(0, {A: 5, B: 3}), (1, {A: 1, B: 3, C: 3}), (2, {A: 1, B: 1})]
    assert ends(driven) == [(1, 3), (2, 3), (2, 2)]


def test_vllm_v1_without_pieces_waits_until_the_budget_holds_a_prompt() -> None:
    rows = (Row(prompt=5, output=3), Row(prompt=6, output=2), Row(prompt=3, output=1))
    driven = played(VllmV1(tokens=8, chunked=False), *rows)
    assert plans(driven) == [(0, {A: 5}), (1, {A: 1, B: 6}), (2, {A: 1, B: 1, C: 3})]
    assert plans(played(VllmV1(tokens=4, chunked=False), Row(prompt=6, output=1))) == [(0, {A: 6})]


def test_vllm_v1_bounds_the_piece_of_each_prompt() -> None:
    driven = played(VllmV1(tokens=8, piece=2), Row(prompt=5, output=1), Row(prompt=3, output=1))
    assert plans(driven) == [(0, {A: 2, B: 2}), (1, {A: 2, B: 1}), (2, {A: 1})]


def test_vllm_v1_admits_only_prompts_that_fit_as_a_whole_unless_told_otherwise() -> None:
    """Four blocks, of which A holds 2. B needs 3 in the end, and 1 for its first piece: admitted, it is preempted in the next iteration."""
    rows = (Row(prompt=8, output=4), Row(at=0.5, prompt=12, output=1))
    whole = played(VllmV1(tokens=5), *rows, blocks=4)
    assert whole.preemptions == 0
    assert [at for at, tokens in plans(whole) if B in tokens] == [5, 6, 7]
    pieces = played(VllmV1(tokens=5, whole=False), *rows, blocks=4)
    assert next(at for at, tokens in plans(pieces) if B in tokens) == 1
    assert pieces.preemptions >= 1


def test_vllm_v1_admits_none_in_an_iteration_that_preempts() -> None:
    """As with version 0, but C, which would fit beside A from 5 on, has to wait behind B."""
    rows = (Row(prompt=4, output=6), Row(prompt=4, output=6), Row(at=4.5, prompt=2, output=1))
    driven = played(VllmV1(), *rows, blocks=4)
    assert plans(driven)[-2:] == [(5, {A: 1}), (6, {B: 9, C: 2})]


# -- Sarathi


def test_sarathi_decodes_first_and_fills_up_with_pieces_of_prompts() -> None:
    """Four tokens: 4 of A's 6, its other 2 with 2 of B's 5, then A's next token with B's other 3."""
    driven = played(Sarathi(tokens=4), Row(prompt=6, output=3), Row(prompt=5, output=2))
    assert plans(driven) == [(0, {A: 4}), (1, {A: 2, B: 2}), (2, {A: 1, B: 3}), (3, {A: 1, B: 1})]
    assert ends(driven) == [(2, 4), (3, 4)]


def test_sarathi_never_lets_a_decode_wait_even_beyond_its_budget() -> None:
    """A budget of one: A's decodes leave none for B's prompt, which begins when A has ended. vLLM's version 1 does the same in this case."""
    driven = played(Sarathi(tokens=1), Row(prompt=1, output=3), Row(at=0.5, prompt=2, output=1))
    assert plans(driven) == [(0, {A: 1}), (1, {A: 1}), (2, {A: 1}), (3, {B: 1}), (4, {B: 1})]


def test_sarathi_keeps_the_blocks_of_a_prompt_that_has_begun() -> None:
    """All 8 free blocks are owed to a prompt of which 8 of 40 tokens are computed: the decode, which needs one, preempts it at once. vLLM's
    version 1 lets it go on until blocks are missing."""
    decode = FakeSequence(id=A, prompt=4, generated=5, computed=8, blocks=2)
    begun = FakeSequence(id=B, prompt=40, computed=8, blocks=2)
    engine = FakeEngine(running=(decode, begun), block_tokens=4, blocks_total=12, blocks_free=8)
    plan, other = Sarathi(tokens=16).plan(engine), VllmV1(tokens=16).plan(engine)
    assert (plan.tokens, plan.preempted) == ({decode: 1}, {begun: False})
    assert (other.tokens, other.preempted) == ({decode: 1, begun: 15}, {})


def test_sarathi_admits_prompts_that_fit_as_a_whole_beside_the_watermark() -> None:
    """Of 10 blocks A's prompt takes 4, so that 6 are left; B needs 5, of which the first piece takes 1."""
    rows = (Row(prompt=16, output=3), Row(prompt=20, output=1))
    assert plans(played(Sarathi(tokens=20, watermark=0.1), *rows, blocks=10))[0] == (0, {A: 16, B: 4})
    assert plans(played(Sarathi(tokens=20, watermark=0.2), *rows, blocks=10))[0] == (0, {A: 16})


def test_sarathi_preempts_the_newest_when_a_decode_lacks_a_block() -> None:
    driven = played(Sarathi(watermark=0.0), Row(prompt=4, output=6), Row(prompt=4, output=6), blocks=4)
    assert plans(driven)[-2:] == [(5, {A: 1}), (6, {B: 9})]
    assert driven.preemptions == 1


# -- FastServe


def test_fastserve_lets_who_has_used_up_its_quantum_go_behind_the_others() -> None:
    """Quanta of 1, 2, 4 s, one at a time. A has used 2 s at 2 and sinks; B, there from 1.5 on, is served; A goes on until 6, sinks, and goes on."""
    driven = played(FastServe(sequences=1, quantum=1.0), Row(prompt=4, output=6), Row(at=1.5, prompt=4, output=1))
    assert [(at, *tokens) for at, tokens in plans(driven)] == [(0, A), (1, A), (2, B), (3, A), (4, A), (5, A), (6, A)]
    assert driven.preemptions == 0  # blocks are plenty: A keeps its own
    assert ends(driven) == [(1, 7), (3, 3)]


def test_fastserve_lets_long_prompts_join_further_down() -> None:
    """A token of a prompt takes a second. A's 4 join the level of 4 s, B's 1 that of 1 s: B, which came later, is first."""
    rows = (Row(prompt=1, output=1), Row(at=0.25, prompt=4, output=1), Row(at=0.5, prompt=1, output=1))
    driven = drive(rows, FastServe(sequences=1, quantum=1.0), Linear(0.0, prompt_s=1.0, decode_s=1.0))
    assert [(at, *tokens) for at, tokens in plans(driven)] == [(0, A), (1, C), (2, B)]


def test_fastserve_lets_who_has_waited_long_rise() -> None:
    """B's prompt of 8 s stands on the level of 8 s; a request a second keeps it there until it has waited for 5."""
    rows = (*(Row(at=float(at), prompt=1, output=1) for at in range(1)), Row(prompt=8, output=1))
    later = [Row(at=at + 0.5, prompt=1, output=1) for at in range(9)]
    cost = Linear(0.0, prompt_s=1.0)
    policy = FastServe(sequences=1, quantum=1.0, starvation=5.0)
    assert [at for at, tokens in plans(drive((*rows, *later), policy, cost)) if B in tokens] == [5]
    patient = FastServe(sequences=1, quantum=1.0, starvation=100.0)
    assert [at for at, tokens in plans(drive((*rows, *later), patient, cost)) if B in tokens] == [10]


def test_fastserve_swaps_the_lowest_when_the_highest_lack_blocks() -> None:
    """Three blocks: at 2 A holds 2 and has sunk, B needs 2. A's wait at the host until B has ended; half a second for each block, each way."""
    rows = (Row(prompt=4, output=3), Row(at=1.5, prompt=8, output=1))
    driven = played(FastServe(sequences=1, quantum=1.0), *rows, blocks=3, swap_s=0.5)
    assert [preempted for *_, preempted in driven.plans if preempted] == [{A: True}]
    assert plans(driven) == [(0, {A: 4}), (1, {A: 1}), (2, {B: 8}), (4, {A: 1})]
    assert ends(driven) == [(1, 6), (4, 4)]


# -- priorities


def test_priority_takes_the_place_of_the_less_important() -> None:
    """One at a time. B, more important, comes at 1.5; A loses its 2 tokens at 2, and has them computed again with its prompt at 4."""
    rows = (Row(prompt=2, output=5), Row(at=1.5, prompt=2, output=2, priority=1))
    driven = played(Priority(sequences=1), *rows)
    assert plans(driven) == [(0, {A: 2}), (1, {A: 1}), (2, {B: 2}), (3, {B: 1}), (4, {A: 4}), (5, {A: 1}), (6, {A: 1})]
    patient = played(Priority(sequences=1, preempts=False), *rows)
    assert ends(patient) == [(1, 5), (6, 7)]


def test_priority_admits_the_most_important_first_and_of_equal_ones_the_first() -> None:
    rows = (Row(prompt=2, output=2), *(Row(at=0.5, prompt=2, output=1, priority=each) for each in (0, 2, 2)))
    driven = played(Priority(sequences=1, preempts=False), *rows)
    assert [(at, *tokens) for at, tokens in plans(driven)] == [(0, A), (1, A), (2, C), (3, D), (4, B)]


def test_priority_preempts_nobody_if_that_is_not_enough() -> None:
    """B needs 3 of 4 blocks; A, as important, holds 2 and C, less important, 1."""
    rows = (
        Row(prompt=8, output=3, priority=1),
        Row(at=0.5, prompt=12, output=1, priority=1),
        Row(prompt=4, output=1),
    )
    ordered = (rows[0], rows[2], rows[1])
    driven = played(Priority(), *ordered, blocks=5)
    assert driven.preemptions == 0
    assert plans(driven)[0] == (0, {A: 8, B: 4})


def test_priority_preempts_the_least_important_when_blocks_are_missing() -> None:
    """As with vllm_v1, but it is A who goes: B is more important."""
    rows = (Row(prompt=4, output=6), Row(prompt=4, output=6, priority=1))
    driven = played(Priority(), *rows, blocks=4)
    assert ends(driven) == [(1, 7), (1, 6)]


def test_all_of_them_keep_their_promises_with_unusual_parameters_too() -> None:
    for policy in (
        Priority(preempts=False, tokens=16),
        Priority(sequences=1, whole=False),
        FastServe(tokens=1),
        Static(size=1),
    ):
        check_policy(policy, kind="batching")
