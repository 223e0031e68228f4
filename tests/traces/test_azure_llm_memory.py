"""Azure LLM 2023 and 2024, and LMM 2025: memory does not grow with the file."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from simtier.traces import csv_rows, find, open_trace

HEADER = "TIMESTAMP,ContextTokens,GeneratedTokens"


def _long_file(path: Path, rows: int) -> Path:
    def lines() -> Iterator[str]:
        yield HEADER + "\n"
        for k in range(rows):
            yield f"2024-05-10 {k // 36000:02d}:{k // 600 % 60:02d}:{k // 10 % 60:02d}.{k % 10}00000+00:00,{k % 8000},5\n"

    with path.open("w", encoding="utf-8") as file:
        file.writelines(lines())
    return path


def _most_bytes(path: Path, rows: int) -> int:
    """Return the most memory, Arrow's and Python's, while a file of so many rows is read."""
    reading = open_trace(find(f"azure-llm-2024:{path}", []))
    reading.ledger.reorder_rows = 1000
    before = pa.total_allocated_bytes()
    most, seen = 0, 0
    tracemalloc.start()
    for part in reading.batches():
        assert 0 < part.num_rows <= 65_536
        seen += part.num_rows
        most = max(most, pa.total_allocated_bytes() - before)
    python = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seen == rows
    return most + python


def test_a_file_three_times_as_long_takes_no_more_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_rows, "BLOCK_BYTES", 2**16)  # Arrow reads 32 blocks ahead
    _most_bytes(_long_file(tmp_path / "1.csv", 1), 1)  # what is loaded once
    short, long = (_most_bytes(_long_file(tmp_path / f"{rows}.csv", rows), rows) for rows in (150_000, 450_000))
    assert long < 1.15 * short
