"""Wide tables: of intervals, given out as they lie, and of functions, turned into the order of time."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from simtier.traces.columns import Count, Label, Number
from simtier.traces.csv_rows import csv_rows
from simtier.traces.ledger import Ledger
from simtier.traces.ordering import in_order
from simtier.traces.source import Source
from simtier.traces.wide import Cells, by_time, intervals


class _Given(Source):
    """A file that exists in memory only."""

    def __init__(self, content: bytes) -> None:
        super().__init__(Path("given"))
        object.__setattr__(self, "content", content)

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        yield io.BufferedReader(io.BytesIO(self.content))  # type: ignore[attr-defined,type-var,misc]


@given(
    counts=st.lists(
        st.lists(st.sampled_from([0, 0, 0, 1, 300, 70000]), min_size=7, max_size=7), min_size=1, max_size=9
    ),
    cut=st.integers(1, 4),
)
def test_turning_a_table_keeps_every_count_in_the_order_of_time_and_file(counts: list[list[int]], cut: int) -> None:
    table = np.array(counts, dtype=float)
    pieces = [Cells.of(table[first : first + cut].T, first) for first in range(0, len(table), cut)]
    series = pa.array([f"f{row}" for row in range(len(table))]).dictionary_encode()
    turned = [
        (row["time_s"], row["series"], row["value"])
        for part in by_time(pieces, [60.0 * minute for minute in range(7)], 60.0, series)
        for row in part.to_pylist()
    ]
    slow = [
        (60.0 * minute, f"f{row}", table[row, minute])
        for minute in range(7)
        for row in range(len(table))
        if table[row, minute]
    ]
    assert turned == slow


def test_a_table_of_many_functions_is_given_out_in_moderate_batches() -> None:
    functions, minutes = 46_000, 12
    table = np.random.default_rng(5).integers(0, 3, (minutes, functions)).astype(float)
    pieces = [Cells.of(table[:, first : first + 700], first) for first in range(0, functions, 700)]
    held = sum(piece.rows.nbytes + piece.values.nbytes + piece.starts.nbytes for piece in pieces)
    assert held < 5.2 * np.count_nonzero(table)  # five bytes a count, and where the minutes start
    series = pa.array([str(row) for row in range(functions)]).dictionary_encode()
    parts = list(by_time(pieces, [60.0 * minute for minute in range(minutes)], 60.0, series))
    assert sum(part.num_rows for part in parts) == np.count_nonzero(table)
    assert sum(float(part["value"].to_numpy().sum()) for part in parts) == table.sum()
    assert max(part.num_rows for part in parts) <= 65_536


@given(table=st.lists(st.lists(st.none() | st.integers(0, 9), min_size=3, max_size=3), min_size=1, max_size=12))
def test_every_sample_is_given_out_once_and_every_blank_counted(table: list[list[int | None]]) -> None:
    lines = [f"{60 * minute}," + ",".join("" if x is None else str(x) for x in row) for minute, row in enumerate(table)]

    ledger = Ledger()
    parts = list(intervals(_Given("\n".join(["time,a,b,c", *lines, ""]).encode()), ledger, Number(blank=True), 60.0))
    got = [(row["time_s"], row["series"], row["value"]) for part in parts for row in part.to_pylist()]
    expected = [
        (60.0 * minute, name, float(x))
        for minute, row in enumerate(table)
        for name, x in zip("abc", row, strict=True)
        if x is not None
    ]
    first = expected[0][0] if expected else 0.0
    assert got == [(time - first, name, value) for time, name, value in expected]
    assert ledger.rows_read + ledger.unfolded == len(got)
    assert int(ledger.facts["blank_cells"]) == 3 * len(table) - len(got)


def test_columns_read_in_one_go_are_blamed_and_dropped_one_by_one() -> None:
    kinds = {"name": Label(), "a": Count(), "b": Number(), "c": Count(blank=True), "d": Count()}
    content = b"a,b,name,c,d\n1,2,x,,3\n1,x,y,1,1.5\n1,2,,1,1\n4,5,z,6,7.0\n"
    ledger = Ledger("drop")
    (block,) = csv_rows(_Given(content), ledger, lambda names: {name: kinds[name] for name in names})
    assert {name: values.to_pylist() for name, values in block.items()} == {
        "a": [1, 4],
        "b": [2, 5],
        "name": ["x", "z"],
        "c": [None, 6],
        "d": [3, 7],
    }
    # A row counts for the first of its bad columns, in the order asked for.
    assert dict(ledger.dropped) == {"b: not a finite number": 1, "name: blank": 1}


def test_what_is_counted_over_several_blocks_can_be_written_down() -> None:
    ledger = Ledger()
    columns = {"length_s": np.ones(1), "series": pa.array(["a"]), "value": np.ones(1)}
    blocks = ((np.array([time]), columns) for time in (2, 1, 3))
    assert sum(part.num_rows for part in in_order("given", "rates", blocks, ledger)) == 3
    assert json.dumps([ledger.inversions, ledger.rows_read, ledger.facts]) == '[1, 0, {"origin_s": "1e-09"}]'
