"""The journal: rows in, record batches out, and a fingerprint of all that was traced."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest

from simtier.errors import SimulationError
from simtier.journal import FLUSH_ROWS, Column, Journal, TableSpec
from simtier.models.tables import TABLES

SPEC = TableSpec(
    "trips",
    "what moved",
    (Column("number", "integer", "which"), Column("place", "text", "where"), Column("at_s", "number", "when")),
)
NOTES = TableSpec("notes", "for the plots", (Column("value", "number", "anything"),), traced=False)


class Kept:
    def __init__(self) -> None:
        self.batches: list[tuple[str, pa.RecordBatch]] = []

    def write(self, table: str, batch: pa.RecordBatch) -> None:
        self.batches.append((table, batch))


def journal(replication: int = 0) -> tuple[Journal, Kept]:
    sink = Kept()
    return Journal({"trips": SPEC, "notes": NOTES}, sink, replication), sink


def test_rows_come_out_typed_and_in_order() -> None:
    written, sink = journal(7)
    for number, place, at in [(3, "Bern", 0.5), (1, "Aarau", math.nan), (2, "Bern", math.inf)]:
        written.tables["trips"].append((number, written.code(place), at))
    written.flush()
    ((name, batch),) = sink.batches
    assert name == "trips"
    table = batch.to_pydict()
    assert table["replication"] == [7, 7, 7]
    assert table["number"] == [3, 1, 2]
    assert table["place"] == ["Bern", "Aarau", "Bern"]
    assert table["at_s"][0] == 0.5
    assert math.isnan(table["at_s"][1])
    assert math.isinf(table["at_s"][2])
    assert batch.schema.field("at_s").type == pa.float64()
    assert batch.schema.field("number").metadata[b"meaning"] == b"which"


def test_a_dictionary_names_only_what_its_batch_uses() -> None:
    written, sink = journal()
    for place in ("a", "b", "c"):
        written.code(place)
    written.tables["trips"].append((1, written.code("c"), 0.0))
    written.flush()
    assert sink.batches[0][1].column("place").dictionary.to_pylist() == ["c"]


def test_a_row_that_is_too_short_is_noticed() -> None:
    written, _ = journal()
    written.tables["trips"].append((1.0, 2.0))
    with pytest.raises(SimulationError, match="table 'trips' does not have 3 values"):
        written.flush()


def test_full_tables_are_flushed_and_short_ones_wait() -> None:
    written, sink = journal()
    for number in range(FLUSH_ROWS - 1):
        written.tables["trips"].append((number, written.code("a"), 0.0))
    written.flush_full()
    assert not sink.batches
    written.tables["trips"].append((0, written.code("a"), 0.0))
    written.flush_full()
    assert [batch.num_rows for _, batch in sink.batches] == [FLUSH_ROWS]
    assert written.tables["trips"].pending == 0
    assert written.tables["trips"].rows_written == FLUSH_ROWS


@pytest.mark.parametrize("handed_over_every", [1000, 16_429, 40_000])
def test_batches_are_the_same_whenever_they_are_handed_over(handed_over_every: int) -> None:
    tagged = tuple(Column(name, "text", "where", tagged=True) for name in ("place", "town"))
    sink = Kept()
    written = Journal({"trips": TableSpec("trips", "what moved", (SPEC.columns[0], *tagged))}, sink)
    tags = [written.tag("trips", place, "here") for place in "ab"]
    rows = 2 * FLUSH_ROWS + 500
    for number in range(1, rows + 1):
        written.tables["trips"].append((number, tags[number > FLUSH_ROWS]))
        if number % handed_over_every == 0:
            written.flush_full()
    assert written.tables["trips"].rows_written + written.tables["trips"].pending == rows
    written.flush()
    batches = [batch for _, batch in sink.batches]
    assert [batch.num_rows for batch in batches] == [FLUSH_ROWS, FLUSH_ROWS, 500]
    assert [batch.column("place").dictionary.to_pylist() for batch in batches] == [["a"], ["b"], ["b"]]
    assert np.concatenate([batch.column("number") for batch in batches]).tolist() == list(range(1, rows + 1))


def fingerprint(rows: list[tuple[int, str, float]], *, notes: int = 0, flush_every: int = 0) -> str:
    written, _ = journal()
    for place, (number, name, at) in enumerate(rows):
        written.tables["trips"].append((number, written.code(name), at))
        if flush_every and place % flush_every == 0:
            written.flush()
    for _ in range(notes):
        written.tables["notes"].append((1.0,))
    return written.fingerprint()


ROWS = [(1, "a", 0.25), (2, "b", 0.5), (3, "a", math.nan)]


def test_the_fingerprint_is_that_of_the_rows_however_often_they_were_flushed() -> None:
    assert fingerprint(ROWS) == fingerprint(ROWS, flush_every=1) == fingerprint(ROWS, flush_every=2)
    assert fingerprint(ROWS) == fingerprint(ROWS, notes=5)


@pytest.mark.parametrize(
    "rows",
    [
        ROWS[::-1],
        ROWS[:2],
        [(1, "a", np.nextafter(0.25, 1.0)), *ROWS[1:]],
        [(1, "z", 0.25), *ROWS[1:]],
        [(1, "a", 0.25), (2, "a", 0.5), ROWS[2]],
    ],
)
def test_any_difference_of_traced_rows_changes_the_fingerprint(rows: list[tuple[int, str, float]]) -> None:
    assert fingerprint(rows) != fingerprint(ROWS)


def test_every_table_of_a_run_says_what_its_columns_mean() -> None:
    for spec in TABLES.values():
        assert spec.meaning
        names = [column.name for column in spec.columns]
        assert len(names) == len(set(names))
        for column in spec.columns:
            assert column.meaning
            assert column.kind in {"number", "integer", "text"}
