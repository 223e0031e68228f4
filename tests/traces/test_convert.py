"""Conversion to Parquet: the same rows, sorted, with where they came from; nothing half-written."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from simtier.errors import TraceError
from simtier.streams import Streams
from simtier.traces import find, open_trace, read
from simtier.traces.convert import convert, target_for, write, write_functions, write_generated
from simtier.traces.imported import provenance
from simtier.traces.source import Source
from simtier.traces.synthesis import GENERATORS
from simtier.traces.tables import SCHEMAS, batch

HEADER = "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type"


def _line(second: int, tokens: object = 3) -> str:
    return f"{second},,1,GPT-4,{tokens},1,4,API log"


def _burst(folder: Path, *lines: str) -> Path:
    path = folder / "BurstGPT_9.csv"
    path.write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
    return path


def test_a_converted_trace_is_read_back_with_rows_counts_notes_and_the_hash_of_its_source(tmp_path: Path) -> None:
    path = _burst(tmp_path, _line(9), _line(5), _line(6, "x"), _line(6))
    found = find(f"burstgpt:{path}", [])
    original = read(found, "drop")
    done = convert(found, target_for("burstgpt/mine", tmp_path), "where it was", "drop")
    assert (done.rows, dict(done.dropped)) == (3, dict(original.dropped))
    again = read(find("burstgpt/mine", [tmp_path]))
    assert again.table.equals(original.table)
    assert (again.sha256, again.family) == (hashlib.sha256(path.read_bytes()).hexdigest(), "llm_requests")
    assert again.facts["origin_s"] == original.facts["origin_s"] == "5.0"
    dropped = "1 of 4 rows were dropped when it was converted: Request tokens: not a whole number of at most 18 digits"
    assert again.notes == (dropped, *original.notes)
    told = provenance(Source(done.path))
    assert (told["source"], told["dataset"], told["inversions"], told["generated"]) == (
        "where it was",
        "burstgpt",
        1,
        False,
    )
    assert told["made_by"].startswith("simtier ")


def test_a_converted_trace_comes_before_the_official_file_of_that_name(tmp_path: Path) -> None:
    folder = tmp_path / "burstgpt"
    folder.mkdir()
    found = find(f"burstgpt:{_burst(folder, _line(1), _line(2))}", [])
    convert(found, target_for("burstgpt/9", tmp_path), "here")
    assert find("burstgpt/9", [tmp_path]).path.name == "9.parquet"


def test_a_file_far_out_of_order_is_refused_as_a_stream_and_sorted_whole_when_converted(tmp_path: Path) -> None:
    seconds = np.random.default_rng(1).permutation(120_000)
    found = find(f"burstgpt:{_burst(tmp_path, *(_line(int(second)) for second in seconds))}", [])
    reading = open_trace(found)
    reading.ledger.reorder_rows = 1000
    with pytest.raises(TraceError, match="convert the file with `simtier traces import`, which sorts it whole"):
        list(reading.batches())
    done = convert(found, target_for("burstgpt/mine", tmp_path), "here")
    times = read(find("burstgpt/mine", [tmp_path])).table["arrival_s"].to_numpy()
    assert (done.rows, times.tolist()) == (120_000, list(map(float, range(120_000))))


def test_what_exists_is_not_written_over_and_a_failure_leaves_nothing(tmp_path: Path) -> None:
    good, target = find(f"burstgpt:{_burst(tmp_path, _line(1))}", []), target_for("burstgpt/mine", tmp_path)
    convert(good, target, "here")
    before = target.read_bytes()
    with pytest.raises(TraceError, match=r"mine\.parquet: exists already; remove it, or choose another name"):
        convert(good, target, "here")
    assert target.read_bytes() == before
    bad = find(f"burstgpt:{_burst(tmp_path, _line(1), _line(2, 'x'))}", [])
    with pytest.raises(TraceError, match="line 3"):
        convert(bad, target_for("burstgpt/other", tmp_path), "here")
    assert [path.name for path in target.parent.iterdir()] == ["mine.parquet"]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "burstgpt").write_text("a file, not a folder", encoding="utf-8")
    found = find(f"burstgpt:{_burst(tmp_path, _line(1))}", [])
    with pytest.raises(TraceError, match="cannot be written"):
        convert(found, target_for("burstgpt/mine", tmp_path), "here")


@pytest.mark.parametrize(
    "name",
    [
        "mine",
        "burstgpt/",
        "burstgpt/../x",
        "burstgpt/a/b",
        "/tmp/x",
        "burstgpt/.x",
        "burst gpt/x",
        "burstgpt/x\n",
        "burstgpt/x\\y",
        "burstgpt/*",
        "../x",
        "burstgpt/x:y",
        "",
    ],
)
def test_a_name_is_a_dataset_and_a_plain_item(name: str) -> None:
    with pytest.raises(TraceError, match="a converted trace is called dataset/item"):
        target_for(name, Path())


def test_an_unknown_dataset_is_told_with_the_nearest() -> None:
    with pytest.raises(TraceError, match=r"no dataset 'burstgtp' \(did you mean 'burstgpt'\?\)"):
        target_for("burstgtp/1", Path())


def test_a_look_alike_says_that_it_is_one_also_when_it_is_converted_again(tmp_path: Path) -> None:
    made = GENERATORS["azure-llm-2023/conv"].parameters.generate(Streams(1).stream, rows=50)
    write_generated(target_for("own/like", tmp_path), made, "a test")
    convert(find("own/like", [tmp_path]), target_for("own/again", tmp_path), "a copy")
    convert(find("own/again", [tmp_path]), target_for("own/third", tmp_path), "a copy of a copy")
    for name in ("own/like", "own/again", "own/third"):
        assert read(find(name, [tmp_path])).notes == ("a generated look-alike, not the published data",)


def test_functions_are_kept_beside_their_counts(tmp_path: Path) -> None:
    counts = batch("rates", {"time_s": [0.0], "length_s": [60.0], "series": ["f"], "value": [2.0]}, 1)
    table = pa.Table.from_batches([batch("functions", {"function": ["f"], "duration_mean_s": [0.5]}, 1)])
    target = target_for("own/counts", tmp_path)
    write(target, "rates", [counts], lambda: {"dropped": {}, "notes": [], "facts": {"metric": "requests"}})
    assert find("own/counts", [tmp_path]).functions() is None
    write_functions(target.with_name("counts-functions.parquet"), table, "a test")
    found = find("own/counts", [tmp_path])
    assert found.functions().to_pylist()[0]["duration_mean_s"] == 0.5
    assert read(found).facts == {"metric": "requests"}


def test_a_parquet_file_that_is_no_converted_trace_is_refused_with_the_way_out(tmp_path: Path) -> None:
    folder = tmp_path / "burstgpt"
    folder.mkdir()
    pq.write_table(pa.table({"a": [1]}), folder / "odd.parquet")
    (folder / "cut.parquet").write_bytes(b"PAR1")
    with pytest.raises(TraceError, match=r"a Parquet file of your own is named own:PATH"):
        read(find("burstgpt/odd", [tmp_path]))
    with pytest.raises(TraceError, match="not a Parquet file, or cut short"):
        read(find("burstgpt/cut", [tmp_path]))


def test_columns_of_another_version_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    schema = pa.schema([SCHEMAS["bandwidth"].field(0)], metadata={"family": "bandwidth"})
    pq.write_table(pa.table([[0.0]], schema=schema), folder / "old.parquet")
    with pytest.raises(TraceError, match="its columns are not those of bandwidth in this version; convert it again"):
        read(find("own/old", [tmp_path]))


def test_a_packed_file_is_known_by_the_hash_of_what_it_packs(tmp_path: Path) -> None:
    path = _burst(tmp_path, _line(1), _line(2))
    plain = path.read_bytes()
    packed = tmp_path / "BurstGPT_8.csv.gz"
    packed.write_bytes(gzip.compress(plain))
    convert(find(f"burstgpt:{packed}", []), target_for("burstgpt/mine", tmp_path), "here")
    again = read(find("burstgpt/mine", [tmp_path]))
    assert again.sha256 == hashlib.sha256(plain).hexdigest()
    assert provenance(again.found.source)["sha256"] == again.sha256


def test_a_converted_trace_converted_again_keeps_what_the_first_conversion_told(tmp_path: Path) -> None:
    path = _burst(tmp_path, _line(9), _line(5), _line(6, "x"))
    convert(find(f"burstgpt:{path}", []), target_for("burstgpt/one", tmp_path), "here", "drop")
    convert(find("burstgpt/one", [tmp_path]), target_for("own/two", tmp_path), "there")
    one, two = (read(find(name, [tmp_path])) for name in ("burstgpt/one", "own/two"))
    assert (two.table, two.notes, two.facts, two.sha256) == (one.table, one.notes, one.facts, one.sha256)
    assert len(set(two.notes)) == len(two.notes) == 2


def test_an_interrupt_leaves_nothing_half_written(tmp_path: Path) -> None:
    def interrupted() -> Iterator[Any]:
        yield batch("bandwidth", {"time_s": [0.0], "rate_bytes_per_s": [1.0]}, 1)
        raise KeyboardInterrupt

    target = target_for("own/mine", tmp_path)
    with pytest.raises(KeyboardInterrupt):
        write(target, "bandwidth", interrupted(), dict)
    assert list(target.parent.iterdir()) == []


def test_rows_that_did_not_reach_the_disk_are_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = find(f"burstgpt:{_burst(tmp_path, _line(1), _line(2))}", [])
    whole = pq.read_metadata
    shorter = pa.BufferOutputStream()
    pq.write_table(pa.table({"a": [1]}), shorter)
    monkeypatch.setattr(pq, "read_metadata", lambda _: whole(pa.BufferReader(shorter.getvalue())))
    target = target_for("burstgpt/mine", tmp_path)
    with pytest.raises(TraceError, match=r"mine\.parquet: 2 rows were written and are not there; is the disk full\?"):
        convert(found, target, "here")
    assert list(target.parent.iterdir()) == []


def test_a_trace_whose_rows_are_all_dropped_is_not_converted(tmp_path: Path) -> None:
    found = find(f"burstgpt:{_burst(tmp_path, _line(1, 'x'), _line(2, 'y'))}", [])
    target = target_for("burstgpt/mine", tmp_path)
    with pytest.raises(TraceError, match="a header and no rows: all 2 were dropped"):
        convert(found, target, "here", "drop")
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize("name", ["burstgpt/3", "own/My.trace-2", "norway-hsdpa/bus-1"])
def test_a_converted_trace_is_found_under_the_name_it_was_given(tmp_path: Path, name: str) -> None:
    parts = [batch("bandwidth", {"time_s": [0.0], "rate_bytes_per_s": [1.0]}, 1)]
    told = {"dropped": {}, "notes": [], "facts": {"period_s": "1.0"}}
    write(target_for(name, tmp_path), "bandwidth", parts, lambda: told)
    trace = read(find(name, [tmp_path]))
    assert (trace.family, trace.period_s, trace.rows_read) == ("bandwidth", 1.0, 1)
