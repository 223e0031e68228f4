"""Plans keep count of blocks; engines refuse plans that leave them standing still."""

from __future__ import annotations

import pytest
from llm_driving import ONE_SECOND, Row, drive

from simtier.contract import EngineView, IterationBatching, Plan
from simtier.errors import PolicyError
from simtier.models.llm.blocks import Blocks
from simtier.models.llm.prefixes import PrefixBlocks
from simtier.models.llm.sequence import LlmSequence
from simtier.policies.batching.vllm_v1 import VllmV1
from simtier.testing import FakeEngine, FakeSequence
from simtier.testing.legal import EXPECTED

RUNS = FakeSequence(id=1, prompt=20, generated=13, computed=32, blocks=8)
WAITS = FakeSequence(id=2, prompt=10)
ENGINE = FakeEngine(running=(RUNS,), waiting=(WAITS,), block_tokens=4, blocks_total=11, blocks_free=3)


def test_a_plan_counts_the_blocks_that_are_left() -> None:
    plan = Plan(ENGINE)
    assert not plan.run(WAITS, spare=1)
    assert plan.run(WAITS)
    assert plan.free == 0
    assert not plan.run(RUNS)
    assert plan.tokens == {WAITS: 10}


def test_who_is_preempted_leaves_the_plan_and_gives_back_its_blocks() -> None:
    plan = Plan(ENGINE)
    assert plan.run(RUNS)
    assert plan.free == 2
    plan.preempt(RUNS)
    assert (plan.free, plan.tokens, plan.preempted) == (11, {}, {RUNS: False})


@pytest.mark.parametrize("tokens", [0, -1, 11])
def test_a_plan_refuses_tokens_that_are_not_pending(tokens: int) -> None:
    with pytest.raises(ValueError, match="sequence 2 has 10 pending tokens: 1 to all can be computed"):
        Plan(ENGINE).run(WAITS, tokens)


def test_shared_blocks_come_back_when_the_last_who_holds_them_is_preempted() -> None:
    """Three sequences of 8 tokens in blocks of 4, of which two begin alike: 2 + 2 - 2 + 2 blocks are held."""
    blocks = PrefixBlocks(10, 4, prefix_tokens=8)
    alike = [LlmSequence(None, number, 9, 5, 0.0, prefix=(7,)) for number in range(2)]
    other = LlmSequence(None, 2, 8, 5, 0.0)
    for sequence in (*alike, other):
        blocks.look(sequence)
        blocks.admit(sequence)
        blocks.take(sequence, 8 - sequence.computed)
        sequence.computed = 8
    assert blocks.free == 10 - 4
    assert [blocks.back([sequence]) for sequence in (*alike, other)] == [0, 0, 2]
    assert blocks.back(alike) == 2
    assert blocks.back([*alike, other]) == 4


def test_a_swapped_sequence_comes_back_to_as_many_blocks_as_it_had() -> None:
    for blocks in (Blocks(10, 4), PrefixBlocks(10, 4, prefix_tokens=8)):
        sequence = LlmSequence(None, 0, 9, 5, 0.0)
        blocks.take(sequence, 9)
        sequence.computed, sequence.generated = 9, 1
        blocks.release(sequence)
        sequence.swapped = True
        blocks.look(sequence)
        assert sequence.computed == 9
        assert blocks.needed(sequence, 1) == 3
        blocks.take(sequence, 0)
        assert (sequence.blocks, blocks.free) == (3, 7)


class Lazy(IterationBatching):
    """Computes a prompt, and then nothing."""

    def plan(self, engine: EngineView) -> Plan:
        plan = Plan(engine)
        for sequence in engine.waiting:
            plan.run(sequence)
        return plan


class Late(IterationBatching):
    """Wants to be asked again, now."""

    def plan(self, engine: EngineView) -> Plan:
        plan = Plan(engine)
        plan.until_s = engine.now_s
        return plan


@pytest.mark.parametrize(
    ("policy", "expected"),
    [(Lazy(), "at least one of the 1 sequences that run"), (Late(), "asked again later than now")],
)
def test_an_engine_refuses_plans_that_leave_it_standing_still(policy: IterationBatching, expected: str) -> None:
    with pytest.raises(PolicyError, match=expected):
        drive_unchecked(policy)


def drive_unchecked(policy: IterationBatching) -> None:
    """Drive an engine whose plans only itself checks."""
    legal = EXPECTED["plan"]
    patch = pytest.MonkeyPatch()
    try:
        patch.setattr("llm_driving.EXPECTED", {"plan": lambda *_: None})
        drive([Row(prompt=2, output=3)], policy, ONE_SECOND)
    finally:
        patch.undo()
    assert EXPECTED["plan"] is legal


def illegal(plan: Plan) -> str | None:
    return EXPECTED["plan"](plan, ENGINE)


def test_the_checks_of_policies_say_what_is_wrong_with_a_plan() -> None:
    stranger = FakeSequence(id=9)
    assert illegal(VllmV1().plan(ENGINE)) is None
    assert illegal(Plan(ENGINE)) == "a Plan with at least one of the 1 sequences that run"
    plan = Plan(ENGINE)
    plan.iterations = 0
    assert illegal(plan) == "a Plan that holds for one iteration or more"
    plan = Plan(ENGINE)
    plan.tokens[WAITS] = 11
    assert illegal(plan) == "a Plan with 1 to all pending tokens of each of its sequences"
    plan.tokens[WAITS], plan.tokens[RUNS] = 10, 1
    assert illegal(plan) == "a Plan that needs at most the 3 blocks that are free, not 4"
    plan.preempted[RUNS] = False
    assert illegal(plan) == "a Plan that preempts sequences that run, and computes nothing of these"
    plan = Plan(ENGINE)
    plan.tokens[stranger] = 1
    assert illegal(plan) == "a Plan of sequences that the engine has"
    idle = FakeEngine(waiting=(WAITS,))
    plan = Plan(idle)
    plan.until_s = 0.0
    assert EXPECTED["plan"](plan, idle) == "a Plan with tokens, or until_s later than now"
