"""The order of time: sorted stably whatever the blocks, from zero, with inversions counted and memory bounded."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simtier.errors import TraceError
from simtier.traces import ordering
from simtier.traces.ledger import Ledger
from simtier.traces.ordering import NS_PER_S, OutOfOrderError, in_order
from simtier.traces.tables import SCHEMAS

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


def _furthest(blocks: Blocks) -> int:
    """Return over how many rows a row has to be moved forward at most."""
    return max((place - number for place, (_, number) in enumerate(_expected(blocks))), key=abs, default=0)


@given(st.lists(st.lists(st.integers(-5, 5), max_size=5), max_size=8))
def test_rows_are_sorted_stably_however_they_are_parted(blocks: Blocks) -> None:
    ledger = Ledger()
    assert _ordered(blocks, ledger) == _expected(blocks)
    assert ledger.inversions == _inversions(blocks)


@given(st.lists(st.lists(st.integers(0, 20), max_size=5), max_size=20), st.integers(1, 12))
def test_with_few_rows_held_back_they_are_sorted_or_refused(blocks: Blocks, held: int) -> None:
    ledger = Ledger(reorder_rows=held)
    try:
        assert _ordered(blocks, ledger) == _expected(blocks)
        assert ledger.inversions == _inversions(blocks)
    except OutOfOrderError:
        assert abs(_furthest(blocks)) > held


@given(
    st.lists(st.integers(0, 60), min_size=1, max_size=60),
    st.integers(1, 7),
    st.integers(1, 12),
)
def test_rows_near_their_place_are_never_refused(late: list[int], block: int, held: int) -> None:
    stamps = [number + delay % (held + 1) for number, delay in enumerate(late)]  # no row is passed by more than `held`
    blocks = [stamps[first : first + block] for first in range(0, len(stamps), block)]
    assert _ordered(blocks, Ledger(reorder_rows=held)) == _expected(blocks)


def test_a_block_that_ends_early_does_not_hide_that_the_next_begins_before_its_latest_row() -> None:
    assert [time for time, _ in _ordered([[5, 3], [3, 4]], Ledger())] == [0.0, 0.0, 1.0, 2.0]


def test_a_row_too_far_from_its_place_is_refused_with_the_way_out() -> None:
    with pytest.raises(TraceError) as error:
        _ordered([[1], [2], [3], [4], [0]], Ledger(reorder_rows=2))
    assert str(error.value) == (
        "f: rows are more than 2 rows out of the order of time; convert the file with `simtier traces import`, which sorts it whole"
    )


def test_rows_are_given_out_before_the_last_is_read() -> None:
    def rows() -> Any:
        for second in range(100):
            seen.append(second)
            yield [second * NS_PER_S], {"available": [0]}

    seen: list[int] = []
    parts = in_order("f", "availability", rows(), Ledger(reorder_rows=5))
    for number, _ in enumerate(parts):
        assert len(seen) <= min(number + 11, 100)  # 5 held back, and 5 to spare


@given(st.lists(st.integers(-(2**60), 2**60), min_size=1, max_size=30))
def test_times_are_the_nearest_floats_to_the_whole_nanoseconds_since_the_first(stamps: list[int]) -> None:
    ledger = Ledger()
    rows = [(stamps, {"available": np.zeros(len(stamps), np.int64)})]
    table = pa.Table.from_batches(list(in_order("f", "availability", rows, ledger)))
    first = min(stamps)
    assert table["time_s"].to_pylist() == [float(np.int64(stamp - first)) / 1e9 for stamp in sorted(stamps)]
    assert ledger.facts["origin_s"] == repr(first / NS_PER_S)


def test_the_reader_may_say_itself_where_zero_lies() -> None:
    ledger = Ledger(facts={"origin_s": "7.0"})
    list(in_order("f", "availability", [([0], {"available": [1]})], ledger))
    assert ledger.facts["origin_s"] == "7.0"


def test_times_whose_span_overflows_are_refused_not_wrapped() -> None:
    rows = [([-(2**62), 0, 2**62], {"available": [1, 2, 3]})]
    with pytest.raises(TraceError, match="f: its times span more than 292 years"):
        list(in_order("f", "availability", rows, Ledger()))


def test_blocks_with_dictionaries_of_their_own_are_sorted_into_one_another() -> None:
    def piece(seconds: list[int], names: list[str]) -> tuple[Any, dict[str, Any]]:
        columns = {"length_s": [1.0] * len(names), "value": [0.0] * len(names), "series": pa.array(names)}
        return np.array(seconds) * NS_PER_S, columns | {"series": columns["series"].dictionary_encode()}  # type: ignore[attr-defined]

    parts = list(in_order("f", "rates", [piece([0, 2, 3], ["a", "b", "a"]), piece([1, 2], ["c", "b"])], Ledger()))
    table = pa.Table.from_batches(parts)
    assert table.schema.equals(SCHEMAS["rates"])
    assert table["series"].to_pylist() == ["a", "c", "b", "b", "a"]


def test_what_is_given_out_at_once_is_of_moderate_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ordering, "ROWS_AT_ONCE", 10)
    rows = [(np.arange(35) * NS_PER_S, {"available": np.arange(35)})]
    parts = list(in_order("f", "availability", rows, Ledger()))
    assert [part.num_rows for part in parts] == [10, 10, 10, 5]
    assert pa.Table.from_batches(parts)["time_s"].to_pylist() == list(map(float, range(35)))
