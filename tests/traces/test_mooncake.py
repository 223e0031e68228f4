"""Mooncake: prefix blocks, milliseconds, and the exact figures of the released files."""

from __future__ import annotations

import gzip
import json
import os
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simtier.errors import TraceError
from simtier.traces import Trace, available, find, open_trace, read
from simtier.traces.datasets import mooncake
from simtier.traces.ledger import OnError
from simtier.traces.tables import LLM_REQUESTS

GOOD = {"timestamp": 27_482, "input_length": 6_955, "output_length": 52, "hash_ids": list(range(46, 60))}
WHOLE = "a whole number of at least 0"
BLOCKS = "not a list of whole numbers of 64 bits"


def _lines(*rows: object) -> str:
    return "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)


def _path(folder: Path, content: str | bytes, name: str = "my_trace.jsonl") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def _read(folder: Path, *rows: object, on_error: OnError = "fail") -> Trace:
    return read(find(f"mooncake:{_path(folder, _lines(*rows))}", []), on_error)


def test_milliseconds_become_seconds_and_ids_become_blocks(tmp_path: Path) -> None:
    trace = _read(tmp_path, GOOD, {**GOOD, "timestamp": 30_535, "more": "passed over"}, {**GOOD, "timestamp": 30_535})
    assert trace.table.schema.equals(LLM_REQUESTS)
    assert trace.table["arrival_s"].to_pylist() == [0.0, 3.053, 3.053]
    assert trace.table["blocks"].to_pylist() == [list(range(46, 60))] * 3
    assert trace.table["failed"].to_pylist() == [False] * 3
    assert (trace.facts, trace.notes) == ({"block_tokens": "512", "origin_s": "27.482"}, ())


def test_rows_out_of_order_are_sorted_with_their_blocks(tmp_path: Path) -> None:
    early = {"timestamp": 0, "input_length": 1, "output_length": 0, "hash_ids": [7]}
    trace = _read(tmp_path, GOOD, early)
    assert trace.table["blocks"].to_pylist() == [[7], GOOD["hash_ids"]]
    assert trace.notes == ("1 rows lay before the row above them; sorted by time, equal times in file order",)


def test_blocks_that_do_not_cover_the_prompt_are_told_and_kept(tmp_path: Path) -> None:
    exact = {**GOOD, "input_length": 512, "hash_ids": [1]}
    trace = _read(
        tmp_path, exact, {**exact, "input_length": 513}, {**exact, "input_length": 0}, {**exact, "hash_ids": [1, 2]}
    )
    assert trace.table.num_rows == 4
    assert trace.notes == ("3 rows whose number of blocks is not input tokens / 512, rounded up",)


def test_every_released_file_is_an_item(tmp_path: Path) -> None:
    folder = tmp_path / "mooncake"
    folder.mkdir()
    for name in ("conversation_trace", "synthetic_trace", "mooncake_trace"):
        _path(folder, _lines(GOOD), f"{name}.jsonl")
    _path(folder, gzip.compress(_lines(GOOD).encode()), "toolagent_trace.jsonl.gz")
    found = available([tmp_path])
    assert set(found) == {f"mooncake/{item}" for item in ("conversation", "synthetic", "toolagent", "arxiv")}
    assert {read(each).table.num_rows for each in found.values()} == {1}


def test_a_byte_order_mark_line_ends_and_blank_lines_are_not_data(tmp_path: Path) -> None:
    content = "\ufeff" + _lines(GOOD, "", GOOD, "").replace("\n", "\r\n")
    trace = read(find(f"mooncake:{_path(tmp_path, content)}", []))
    assert (trace.rows_read, trace.table.num_rows) == (2, 2)


@pytest.mark.parametrize(
    ("row", "message", "dropped"),
    [
        (
            "{}",
            "column timestamp: there is no key 'timestamp'; needed are timestamp, input_length, output_length, hash_ids",
            "no timestamp",
        ),
        ({**GOOD, "input_length": -1}, f"column input_length: -1 is not {WHOLE}", f"input_length: not {WHOLE}"),
        ({**GOOD, "output_length": "5"}, f"column output_length: '5' is not {WHOLE}", f"output_length: not {WHOLE}"),
        ({**GOOD, "output_length": 5.5}, f"column output_length: 5.5 is not {WHOLE}", f"output_length: not {WHOLE}"),
        ({**GOOD, "output_length": True}, f"column output_length: True is not {WHOLE}", f"output_length: not {WHOLE}"),
        ({**GOOD, "timestamp": None}, f"column timestamp: None is not {WHOLE}", f"timestamp: not {WHOLE}"),
        ({**GOOD, "timestamp": 10**30}, f"column timestamp: {10**30} is not {WHOLE}", f"timestamp: not {WHOLE}"),
        ({**GOOD, "hash_ids": 5}, f"column hash_ids: 5 is {BLOCKS}", f"hash_ids: {BLOCKS}"),
        (
            {**GOOD, "hash_ids": [1, "2"]},
            f"column hash_ids: [1, '2'] is {BLOCKS}: [1] is '2'",
            f"hash_ids: {BLOCKS}",
        ),
        (
            {**GOOD, "hash_ids": [*range(99), 2**63]},
            f"column hash_ids: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]... (100 values) is {BLOCKS}: [99] is {2**63}",
            f"hash_ids: {BLOCKS}",
        ),
        ("[1, 2]", "not a JSON object but list", "not a JSON object"),
        (
            '{"timestamp": 1, ',
            "not a JSON object (Expecting property name enclosed in double quotes at character 17)",
            "not a JSON object",
        ),
        (
            "timestamp,input_length",
            "not a JSON object (Expecting value at character 1)",
            "not a JSON object",
        ),
        ("[" * 100_000, "not a JSON object (nested too deeply)", "not a JSON object"),
        (
            {**GOOD, "timestamp": "x" * 200_000},
            f"column timestamp: {'x' * 60!r}... (200000 characters) is not",
            f"timestamp: not {WHOLE}",
        ),
        (
            '{"timestamp": ' + "9" * 5000 + "}",
            "not a JSON object (a number of thousands of digits)",
            "not a JSON object",
        ),
    ],
)
def test_a_bad_line_is_named_or_dropped_and_counted(tmp_path: Path, row: object, message: str, dropped: str) -> None:
    with pytest.raises(TraceError) as error:
        _read(tmp_path, GOOD, "", row, GOOD)
    place = ", line 3, " if message.startswith("column") else ", line 3: "
    assert str(error.value).startswith(f"{tmp_path / 'my_trace.jsonl'}{place}{message}")
    trace = _read(tmp_path, GOOD, "", row, GOOD, on_error="drop")
    assert (trace.rows_read, trace.table.num_rows, trace.dropped) == (3, 2, {dropped: 1})


@pytest.mark.parametrize("on_error", ["fail", "drop"])
def test_what_holds_no_row_is_refused(tmp_path: Path, on_error: OnError) -> None:
    with pytest.raises(TraceError, match=r"my_trace\.jsonl: the file is empty"):
        _read(tmp_path, on_error=on_error)
    with pytest.raises(TraceError, match=r"my_trace\.jsonl: the file holds blank lines only"):
        _read(tmp_path, "", on_error=on_error)


@pytest.mark.parametrize("on_error", ["fail", "drop"])
def test_a_file_cut_short_is_refused(tmp_path: Path, on_error: OnError) -> None:
    rows = [{**GOOD, "timestamp": k, "output_length": k * k % 997} for k in range(2000)]
    path = _path(tmp_path, gzip.compress(_lines(*rows).encode())[:-500], "my_trace.jsonl.gz")
    with pytest.raises(TraceError, match=r"my_trace\.jsonl\.gz: cut short or damaged"):
        read(find(f"mooncake:{path}", []), on_error)


def test_a_long_file_is_read_with_flat_memory(tmp_path: Path) -> None:
    def most(rows: int) -> int:
        path = _path(tmp_path, _lines(*({**GOOD, "timestamp": k} for k in range(rows))))
        reading = open_trace(find(f"mooncake:{path}", []))
        reading.ledger.reorder_rows = 1000
        tracemalloc.start()
        assert sum(part.num_rows for part in reading.batches()) == rows
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    assert most(40_000) < 1.5 * most(20_000)


def _real(item: str) -> Trace:
    directories = [Path(part) for part in os.environ.get("SIMTIER_TRACES", "").split(os.pathsep) if part]
    if f"mooncake/{item}" not in available(directories):
        pytest.skip(f"SIMTIER_TRACES names no directory with mooncake/{item}")
    return read(find(f"mooncake/{item}", directories))


def _figures(trace: Trace) -> tuple[Any, ...]:
    arrivals, given, made = (trace.table[name].to_numpy() for name in ("arrival_s", "input_tokens", "output_tokens"))
    gaps = np.diff(arrivals)
    return (
        len(arrivals),
        arrivals[-1],
        round(given.mean(), 2),
        round(made.mean(), 2),
        round(gaps.std() / gaps.mean(), 2),
    )


def _hit_rate(trace: Trace) -> float:
    """Return the share of blocks that an endless cache of prefixes would hold already."""
    seen: set[int] = set()
    hits = blocks = 0
    for ids in trace.table["blocks"].to_pylist():
        known = [each in seen for each in ids]
        hits += known.index(False) if False in known else len(known)
        blocks += len(ids)
        seen.update(ids)
    return hits / blocks


def test_the_conversation_trace_has_its_figures() -> None:
    trace = _real("conversation")
    assert _figures(trace) == (12_031, 3536.999, 12_035.06, 342.62, 3.03)
    given, made = trace.table["input_tokens"].to_numpy(), trace.table["output_tokens"].to_numpy()
    assert (np.median(given), np.median(made), int(np.percentile(given, 99))) == (6909, 350, 85_400)
    assert len(np.unique(trace.table["arrival_s"].to_numpy())) == 1180
    assert round(_hit_rate(trace), 3) == 0.366
    assert (trace.dropped, trace.notes, trace.facts["block_tokens"]) == ({}, (), "512")


def test_the_synthetic_trace_has_its_figures() -> None:
    trace = _real("synthetic")
    assert _figures(trace) == (3993, 1022.025, 15_325.48, 149.12, 1.01)
    assert round(_hit_rate(trace), 3) == 0.640


@pytest.mark.parametrize("on_error", ["fail", "drop"])
def test_a_line_without_end_is_refused_not_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_error: OnError
) -> None:
    monkeypatch.setattr(mooncake, "_LONGEST_LINE", 300)
    with pytest.raises(TraceError, match=r"my_trace\.jsonl, line 2: longer than 300 bytes"):
        _read(tmp_path, GOOD, {**GOOD, "more": "x" * 300}, on_error=on_error)
