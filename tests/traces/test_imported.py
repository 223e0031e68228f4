"""Converted traces: what their Parquet files say of themselves, and that no damage to them goes unseen."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from simtier.errors import TraceError
from simtier.traces import imported
from simtier.traces.convert import write
from simtier.traces.imported import PROVENANCE, family_of, functions_beside, provenance, read_imported
from simtier.traces.ledger import Ledger
from simtier.traces.source import Source
from simtier.traces.tables import SCHEMAS, batch

Told = Mapping[str, Any]
NOTHING: Told = {"dropped": {}, "notes": []}


def _requests(rows: int) -> Any:
    numbers = np.arange(rows)
    columns = {
        "arrival_s": numbers / 10.0,
        "input_tokens": numbers * 7919 % 1000,
        "output_tokens": numbers % 7,
        "failed": numbers % 7 == 0,
        "model": pa.array([f"model-{number % 3}" for number in range(rows)]),
        "session": pa.array([None if number % 2 else f"s{number}" for number in range(rows)], pa.string()),
    }
    return batch("llm_requests", columns, rows)


def _converted(path: Path, rows: int, told: Told = NOTHING) -> Source:
    write(path, "llm_requests", [_requests(rows)], lambda: dict(told))
    return Source(path)


def _table(source: Source, ledger: Ledger | None = None) -> Any:
    parts = list(read_imported(source, ledger or Ledger()))
    return pa.Table.from_batches(parts, SCHEMAS["llm_requests"])


def test_rows_come_back_as_they_were_in_parts_of_moderate_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imported, "ROWS_AT_ONCE", 100)
    rows = 205
    parts = list(read_imported(_converted(tmp_path / "a.parquet", rows), Ledger()))
    table = pa.Table.from_batches(parts)
    assert table.schema.equals(SCHEMAS["llm_requests"], check_metadata=True)
    assert table.to_pylist() == _requests(rows).to_pylist()
    assert [part.num_rows for part in parts] == [100, 100, 5]


def test_a_group_of_rows_is_as_large_as_is_read_at_once(tmp_path: Path) -> None:
    source = _converted(tmp_path / "a.parquet", 300_000)
    metadata = pq.read_metadata(source.path)
    assert metadata.num_row_groups == 3
    assert [metadata.row_group(k).num_rows for k in range(3)] == [131_072, 131_072, 37_856]


def test_what_conversion_found_is_told_again(tmp_path: Path) -> None:
    told = {
        "facts": {"origin_s": "5.0", "metric": "requests"},
        "rows_read": 9,
        "dropped": {"b: blank": 1, "a: blank": 2},
        "notes": ["first", "second"],
    }
    ledger = Ledger()
    _table(_converted(tmp_path / "a.parquet", 6, told), ledger)
    assert (ledger.rows_read, dict(ledger.dropped), ledger.facts) == (6, {}, told["facts"])
    assert ledger.notes == [
        "2 of 9 rows were dropped when it was converted: a: blank",
        "1 of 9 rows were dropped when it was converted: b: blank",
        "first",
        "second",
    ]


def test_no_flipped_bit_changes_a_row_unseen(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    expected = _table(_converted(path, 500))
    good = path.read_bytes()
    # What follows the rows, and tells of them, has no checksum.
    footer = len(good) - 8 - int.from_bytes(good[-8:-4], "little")
    random = np.random.default_rng(3)
    told = 0
    for _ in range(300):
        data = bytearray(good)
        data[int(random.integers(4, footer))] ^= 1 << int(random.integers(8))
        path.write_bytes(data)
        try:
            assert _table(Source(path)).equals(expected)
        except TraceError as error:
            assert str(error).startswith(f"{path}: ")  # noqa: PT017 - some bits change nothing
            told += 1
    assert told > 150


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.99])
def test_a_file_cut_short_is_told(tmp_path: Path, kept: float) -> None:
    source = _converted(tmp_path / "a.parquet", 500)
    data = source.path.read_bytes()
    source.path.write_bytes(data[: int(len(data) * kept)])
    for asked in (_table, family_of, provenance):
        with pytest.raises(TraceError, match=r"a\.parquet: not a Parquet file, or cut short"):
            asked(source)


def _with_metadata(path: Path, change: Callable[[dict[bytes, bytes]], dict[bytes, bytes]]) -> Source:
    table = pa.Table.from_batches([_requests(3)])
    pq.write_table(table.replace_schema_metadata(change(dict(table.schema.metadata))), path)
    return Source(path)


def test_a_family_that_is_none_is_refused(tmp_path: Path) -> None:
    for number, family in enumerate((b"", b"requests", b"\xff")):
        source = _with_metadata(tmp_path / f"{number}.parquet", lambda told, family=family: told | {b"family": family})  # type: ignore[misc]
        with pytest.raises(TraceError, match="no trace converted by `simtier traces import`"):
            family_of(source)


@pytest.mark.parametrize("told", [b"{", b"\xff\xfe\xfd"])
def test_a_damaged_word_of_where_it_came_from_is_told(tmp_path: Path, told: bytes) -> None:
    source = _with_metadata(tmp_path / "a.parquet", lambda metadata: metadata | {PROVENANCE: told})
    with pytest.raises(
        TraceError, match=r"a\.parquet: damaged \(where it came from is no JSON: .+\); convert it again"
    ):
        _table(source)


def test_a_file_that_says_nothing_of_where_it_came_from_is_read(tmp_path: Path) -> None:
    source = _with_metadata(tmp_path / "a.parquet", lambda metadata: metadata)
    assert provenance(source) == {}
    assert _table(source).num_rows == 3


def test_functions_lie_beside_under_the_name_with_functions(tmp_path: Path) -> None:
    table = batch("functions", {"function": ["f"]}, 1)
    write(tmp_path / "a-functions.parquet", "functions", [table], lambda: dict(NOTHING))
    assert functions_beside(Source(tmp_path / "a.parquet"), Ledger()).to_pylist() == table.to_pylist()
    assert functions_beside(Source(tmp_path / "b.parquet"), Ledger()) is None


def test_provenance_is_json_under_its_key(tmp_path: Path) -> None:
    source = _converted(tmp_path / "a.parquet", 1, NOTHING | {"source": "here"})
    assert json.loads(pq.read_metadata(source.path).metadata[PROVENANCE]) == provenance(source)
    assert provenance(source)["source"] == "here"


@pytest.mark.parametrize(
    ("told", "what"),
    [
        ("[1]", "expected an object, not [1]"),
        ("null", "expected an object, not None"),
        ('{"dropped": [1]}', "dropped: expected counts of rows by reason, not [1]"),
        ('{"dropped": {"blank": "2"}}', "dropped: expected counts of rows by reason, not {'blank': '2'}"),
        ('{"rows_read": NaN}', "rows_read: expected a count of rows, not nan"),
        ('{"rows_read": -1}', "rows_read: expected a count of rows, not -1"),
        ('{"notes": "one"}', "notes: expected a list of texts, not 'one'"),
        ('{"notes": [1]}', "notes: expected a list of texts, not [1]"),
        ('{"facts": []}', "facts: expected texts by name, not []"),
        ('{"facts": {"metric": 1}}', "facts: expected texts by name, not {'metric': 1}"),
        ('{"facts": {"period_s": "soon"}}', "facts.period_s: expected seconds, not 'soon'"),
        ('{"facts": {"period_s": "0"}}', "facts.period_s: expected seconds, not '0'"),
        ('{"facts": {"origin_s": "inf"}}', "facts.origin_s: expected seconds, not 'inf'"),
        ('{"sha256": 5}', "sha256: expected text, not 5"),
        ('{"generated": "no"}', "generated: expected true or false, not 'no'"),
        (f'{{"source": ["{"a" * 5000}"]}}', f"source: expected text, not ['{'a' * 58}..."),
    ],
)
def test_a_word_of_another_shape_is_told(tmp_path: Path, told: str, what: str) -> None:
    source = _with_metadata(tmp_path / "a.parquet", lambda metadata: metadata | {PROVENANCE: told.encode()})
    for asked in (_table, provenance):
        with pytest.raises(TraceError) as error:
            asked(source)
        assert str(error.value) == f"{source.path}: damaged (where it came from: {what}); convert it again"


def test_a_word_nested_without_end_is_told(tmp_path: Path) -> None:
    source = _with_metadata(tmp_path / "a.parquet", lambda metadata: metadata | {PROVENANCE: b"[" * 200_000})
    with pytest.raises(TraceError, match="where it came from is no JSON: nested too deeply"):
        provenance(source)
