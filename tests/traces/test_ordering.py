"""The order of time: sorted stably whatever the blocks, from zero, with inversions counted and memory bounded."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simtier.errors import TraceError
from simtier.traces.ledger import Ledger
from simtier.traces.ordering import NS_PER_S, OutOfOrderError, in_order

Blocks = list[list[int]]


def _ordered(blocks: Blocks, ledger: Ledger) -> list[tuple[float, int]]:
    """Put blocks of seconds in order; rows carry their number in the file."""
    numbers = iter(range(10_000))
    rows = (
        ([second * NS_PER_S for second in block], {"available": [next(numbers) for _ in block]}) for block in blocks
    )
    out: list[tuple[float, int]] = []
    for part in in_order("f", "availability", rows, ledger):
        assert part.num_rows
        out += zip(part.column(0).to_pylist(), part.column(1).to_pylist(), strict=True)
    return out


def _expected(blocks: Blocks) -> list[tuple[float, int]]:
    stamps = [second for block in blocks for second in block]
    first = min(stamps, default=0)
    return sorted(((float(second - first), number) for number, second in enumerate(stamps)), key=lambda row: row[0])


def _inversions(blocks: Blocks) -> int:
    stamps = [second for block in blocks for second in block]
    return sum(later < earlier for earlier, later in itertools.pairwise(stamps))


@given(st.lists(st.lists(st.integers(-5, 5), max_size=5), max_size=8))
def test_rows_are_sorted_stably_however_they_are_parted(blocks: Blocks) -> None:
    ledger = Ledger()
    assert _ordered(blocks, ledger) == _expected(blocks)
    assert ledger.inversions == _inversions(blocks)


@given(st.lists(st.lists(st.integers(0, 20), max_size=5), max_size=8), st.integers(1, 12))
def test_with_few_rows_held_back_they_are_sorted_or_refused(blocks: Blocks, held: int) -> None:
    ledger = Ledger(reorder_rows=held)
    try:
        assert _ordered(blocks, ledger) == _expected(blocks)
    except OutOfOrderError:
        assert _inversions(blocks)


def test_a_block_that_ends_early_does_not_hide_that_the_next_begins_before_its_latest_row() -> None:
    assert [time for time, _ in _ordered([[5, 3], [3, 4]], Ledger())] == [0.0, 0.0, 1.0, 2.0]


def test_a_row_too_far_from_its_place_is_refused_with_the_way_out() -> None:
    with pytest.raises(TraceError) as error:
        _ordered([[1], [2], [3], [0]], Ledger(reorder_rows=2))
    assert str(error.value) == (
        "f: rows are more than 2 rows out of the order of time; convert the file with `simtier traces import`, which sorts it whole"
    )
