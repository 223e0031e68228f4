"""Prefixes that are found in the host's memory and on a disk, and blocks that are lent from a cache of prefixes."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from simtier.models.llm.offload import HostMemory
from simtier.models.llm.prefixes import PrefixBlocks
from simtier.models.llm.sequence import LlmSequence
from simtier.models.llm.tiers import TieredBlocks


def tiered(total: int = 4, host: int = 4, disk: int = 4) -> TieredBlocks:
    blocks = TieredBlocks(total, 16, 16, host, disk)
    blocks.memory = HostMemory(0.5, 2.0)
    return blocks


def asking(number: int, *prefix: int) -> LlmSequence:
    """Return a request whose prompt is those blocks of 16 tokens and one token more."""
    return LlmSequence(None, number, 16 * len(prefix) + 1, 1, 0.0, prefix=prefix)


def serve(blocks: TieredBlocks | PrefixBlocks, sequence: LlmSequence) -> int:
    """Compute a prompt and let it go; return how many tokens of it were found."""
    blocks.look(sequence)
    found = sequence.computed
    blocks.admit(sequence)
    blocks.take(sequence, sequence.prompt - found)
    blocks.release(sequence)
    return found


def test_a_block_that_gives_way_is_found_in_the_host_and_reading_it_takes_time() -> None:
    blocks = tiered()
    assert serve(blocks, asking(1, 7, 8)) == 0
    assert serve(blocks, asking(2, 5, 6, 9)) == 0  # four blocks, so both of the first give way
    assert blocks.memory.settle_s() == 0.0
    assert serve(blocks, asking(3, 7, 8)) == 32
    assert blocks.memory.settle_s() == 2 * 0.5
    assert blocks.memory.settle_s() == 0.0


def test_what_gives_way_in_the_host_goes_to_the_disk_and_from_there_nowhere() -> None:
    blocks = tiered(total=2, host=1, disk=1)
    for number, prefix in enumerate([1, 2, 3, 4]):  # each request has a block of its prefix and one more of its own
        assert serve(blocks, asking(number, prefix)) == 0
    # 4 is in the accelerators, 3 in the host, 2 on the disk, 1 is gone; reading changes that, so each is asked of a look alone
    found = {}
    for prefix in (1, 2, 3, 4):
        sequence = asking(10 + prefix, prefix)
        blocks.look(sequence)
        found[prefix] = sequence.computed
    assert found == {1: 0, 2: 16, 3: 16, 4: 16}
    assert serve(blocks, asking(20, 2)) == 16
    assert blocks.memory.settle_s() == 2.0


def test_a_beginning_half_here_and_half_in_the_host_is_found_whole() -> None:
    blocks = tiered(total=4)
    serve(blocks, asking(1, 1, 2, 3))
    serve(blocks, asking(2, 4))  # the last blocks of the first give way
    sequence = asking(3, 1, 2, 3)
    assert serve(blocks, sequence) == 48
    assert 0 < blocks.memory.settle_s() <= 3 * 0.5
    assert blocks.free == blocks.total


requests = st.lists(st.lists(st.integers(1, 6), min_size=1, max_size=5, unique=True), max_size=40)


@given(requests, st.integers(6, 9), st.integers(0, 4), st.integers(0, 4))
@settings(max_examples=200, deadline=None)
def test_more_memory_behind_finds_no_less_and_nothing_leaks(
    asked: list[list[int]], total: int, host: int, disk: int
) -> None:
    plain, deep = PrefixBlocks(total, 16, 16), tiered(total, host, disk)
    for number, prefix in enumerate(asked):
        shallow = serve(plain, asking(number, *prefix))
        found = serve(deep, asking(number, *prefix))
        assert found % 16 == 0
        assert found <= 16 * len(prefix)
        if host == disk == 0:
            assert found == shallow
        assert deep.free == deep.total == total


@given(requests, st.integers(8, 12), st.integers(0, 6))
@settings(max_examples=100, deadline=None)
def test_blocks_lent_from_a_cache_are_conserved_and_come_back(asked: list[list[int]], total: int, lent: int) -> None:
    lender, borrower = PrefixBlocks(total, 16, 16), PrefixBlocks(total, 16, 16)
    for number, prefix in enumerate(asked):
        serve(lender, asking(number, *prefix))
    lender.lend(borrower, min(lent, total - 6))
    assert lender.total + borrower.total == 2 * total
    for number, prefix in enumerate(asked):
        serve(lender, asking(100 + number, *prefix))
        serve(borrower, asking(200 + number, *prefix))
    assert (lender.free, borrower.free) == (lender.total, borrower.total)
    lender.lend(borrower, -min(lent, total - 6))
    assert (lender.total, borrower.total) == (total, total)
