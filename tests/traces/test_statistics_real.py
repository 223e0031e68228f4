"""The statistics of the real slices: the figures that their reference gives, digit by digit."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from simtier.traces.statistics import Summary, summarise
from simtier.traces.tables import Family, batch

pytestmark = pytest.mark.skipif(
    "SIMTIER_TRACES" not in os.environ, reason="SIMTIER_TRACES does not name the real slices"
)
BYTES_PER_S = 125_000.0
"""of one Mbit/s"""


def slice_of(name: str) -> Path:
    path = Path(os.environ["SIMTIER_TRACES"]) / name
    if not path.exists():
        pytest.skip(f"{name} is not in SIMTIER_TRACES")
    return path


def summary_of(family: Family, **columns: Any) -> Summary:
    """Stream the columns in batches of an odd size; text and lists are given as Arrow arrays."""
    whole = batch(family, columns, len(next(iter(columns.values()))))
    return summarise((whole.slice(start, 997) for start in range(0, whole.num_rows, 997)), family)


def azure(item: str) -> Summary:
    table = pd.read_csv(slice_of(f"azure-llm-2023/AzureLLMInferenceTrace_{item}.csv.gz"))
    stamps = pd.to_datetime(table["TIMESTAMP"])
    return summary_of(
        "llm_requests",
        arrival_s=(stamps - stamps.iloc[0]).dt.total_seconds().to_numpy(),
        input_tokens=table["ContextTokens"].to_numpy(),
        output_tokens=table["GeneratedTokens"].to_numpy(),
        failed=np.zeros(len(table), bool),
    )


def rounded(value: float | None, digits: int) -> float:
    assert value is not None
    return round(value, digits)


@pytest.mark.parametrize(
    ("item", "rows", "span_s", "rate", "inputs", "outputs", "gaps", "cv", "dispersion"),
    [
        (
            "code",
            8_819,
            3435.948056,
            2.5667,
            (2047.848, 1469, 7436, 7437),
            (27.883, 13, 251.46, 1899, 6, 0),
            (0.389652, 0.063798, 217.169),
            13.15,
            (13.2, 160.5),
        ),
        (
            "conv",
            19_366,
            3501.721937,
            5.5304,
            (1154.697, 1020, 4142, 14050),
            (211.126, 129, 601, 1000, 7, 0),
            (0.180827, 0.118424, 4.315),
            1.094,
            (1.39, 20.6),
        ),
    ],
)
def test_azure_llm_2023(
    item: str,
    rows: int,
    span_s: float,
    rate: float,
    inputs: tuple[float, ...],
    outputs: tuple[float, ...],
    gaps: tuple[float, ...],
    cv: float,
    dispersion: tuple[float, float],
) -> None:
    summary = azure(item)
    arrivals, prompt, answer = summary.arrivals, summary.numbers["input_tokens"], summary.numbers["output_tokens"]
    assert arrivals is not None
    assert (summary.rows, summary.span_s) == (rows, span_s)
    assert rounded(arrivals.rate_per_s, 4) == rate
    assert (rounded(prompt.mean, 3), prompt.p50, prompt.p99, prompt.max) == inputs
    found = (rounded(answer.mean, 3), answer.p50, rounded(answer.p99, 2), answer.max, answer.min, answer.zeros)
    assert found == outputs
    assert (rounded(arrivals.gaps.mean, 6), rounded(arrivals.gaps.p50, 6), rounded(arrivals.gaps.max, 3)) == gaps
    assert arrivals.gap_cv == pytest.approx(cv, abs=0.0052)
    short, long = (1, 1) if item == "code" else (2, 1)
    assert (rounded(arrivals.dispersion_1s, short), rounded(arrivals.dispersion_60s, long)) == dispersion
    assert arrivals.ties == 0


def burstgpt(item: int) -> Summary:
    table = pd.read_csv(slice_of(f"burstgpt/BurstGPT_{item}_first400.csv"))
    times = table["Timestamp"].to_numpy(float)
    more: dict[str, Any] = {}
    if "Session ID" in table:
        more["session"] = pa.array(table["Session ID"], pa.string(), from_pandas=True)
        more["elapsed_s"] = table["Elapsed time"].to_numpy(float)
    return summary_of(
        "llm_requests",
        arrival_s=times - times[0],
        input_tokens=table["Request tokens"].to_numpy(),
        output_tokens=table["Response tokens"].to_numpy(),
        failed=table["Response tokens"].to_numpy() == 0,
        model=pa.array(table["Model"].tolist()),
        kind=pa.array(table["Log Type"].tolist()),
        **more,
    )


def test_burstgpt_file_1() -> None:
    summary = burstgpt(1)
    arrivals, prompt, answer = summary.arrivals, summary.numbers["input_tokens"], summary.numbers["output_tokens"]
    assert arrivals is not None
    assert (summary.rows, summary.span_s, arrivals.ties) == (400, 37_269.0, 4)
    assert summary.labels["model"].top == (("ChatGPT", 320), ("GPT-4", 80))
    assert summary.labels["kind"].top == (("Conversation log", 398), ("API log", 2))
    assert (summary.flags["failed"].count, prompt.zeros) == (17, 17)
    assert (rounded(prompt.mean, 2), prompt.p50, prompt.max) == (520.47, 314, 2126)
    assert (rounded(answer.mean, 2), answer.p50, answer.max) == (276.53, 229.5, 2019)
    assert (rounded(arrivals.gaps.mean, 3), rounded(arrivals.gap_cv, 3)) == (93.406, 4.561)
    assert summary.sessions is None


def test_burstgpt_file_3_with_sessions() -> None:
    summary = burstgpt(3)
    arrivals, prompt, answer = summary.arrivals, summary.numbers["input_tokens"], summary.numbers["output_tokens"]
    elapsed = summary.numbers["elapsed_s"]
    assert arrivals is not None
    assert summary.span_s == 19_481_563 - 19_440_110
    assert [count for _, count in summary.labels["model"].top] == [305, 95]
    assert [count for _, count in summary.labels["kind"].top] == [394, 6]
    assert summary.flags["failed"].count == 1
    assert summary.sessions is not None
    assert (summary.sessions.count, rounded(summary.sessions.mean_turns, 2), summary.sessions.max_turns) == (
        135,
        2.92,
        24,
    )
    assert (rounded(prompt.mean, 2), prompt.p50, prompt.max) == (617.35, 308.5, 25_085)
    assert (rounded(answer.mean, 2), answer.p50) == (170.88, 101)
    assert (rounded(elapsed.mean, 2), elapsed.p50, elapsed.max, elapsed.zeros) == (9.7, 3, 155, 28)
    assert (rounded(arrivals.gaps.mean, 3), rounded(arrivals.gap_cv, 3)) == (103.892, 2.867)


def test_mooncake_conversation_and_its_block_hits() -> None:
    with gzip.open(slice_of("mooncake/conversation_trace.jsonl.gz"), "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    summary = summary_of(
        "llm_requests",
        arrival_s=np.array([row["timestamp"] for row in rows]) / 1000,
        input_tokens=[row["input_length"] for row in rows],
        output_tokens=[row["output_length"] for row in rows],
        failed=np.zeros(len(rows), bool),
        blocks=pa.array([row["hash_ids"] for row in rows], pa.list_(pa.int64())),
    )
    arrivals, prompt, answer = summary.arrivals, summary.numbers["input_tokens"], summary.numbers["output_tokens"]
    assert arrivals is not None
    assert (summary.rows, summary.span_s, arrivals.ties) == (12_031, 3536.999, 12_031 - 1_180)
    assert (rounded(prompt.mean, 2), prompt.p50, round(prompt.p99 or 0, -2)) == (12_035.06, 6_909, 85_400)
    assert (rounded(answer.mean, 2), answer.p50, rounded(arrivals.gap_cv, 2)) == (342.62, 350, 3.03)
    assert rounded(summary.blocks["blocks"].hit_ratio, 3) == 0.366


def test_azure_functions_2021_by_start() -> None:
    table = pd.read_csv(slice_of("azure-functions-2021/Azure2021_200.csv"))
    starts = (table["end_timestamp"] - table["duration"]).to_numpy()
    summary = summary_of(
        "invocations",
        arrival_s=starts - starts[0],
        duration_s=table["duration"].to_numpy(),
        function=pa.array((table["app"] + "/" + table["func"]).tolist()),
        app=pa.array(table["app"].tolist()),
    )
    arrivals, duration = summary.arrivals, summary.numbers["duration_s"]
    assert arrivals is not None
    assert (summary.rows, summary.labels["app"].distinct, summary.labels["function"].distinct) == (199, 13, 31)
    assert (duration.zeros, rounded(duration.mean, 2), duration.p50) == (8, 53.26, 1.634)
    assert (rounded(duration.p95, 1), rounded(duration.max, 2)) == (330.0, 404.99)
    assert (rounded(arrivals.gaps.mean, 3), rounded(arrivals.gap_cv, 3)) == (6.061, 1.864)


@pytest.mark.parametrize(
    ("region", "total", "s_per_unit", "mean", "cv", "p99", "largest", "dispersion", "lag_24h"),
    [
        ("R1", 7_107_399, 0.3768, 159.2, 0.701, 506, 3_409, 78.3, 0.837),
        ("R2", 2_072_823, 1.2922, 46.4, 0.468, 124, 615, 10.2, 0.733),
        ("R3", 308_605, 8.6791, 6.9, 0.743, 21, 39, 3.8, 0.130),
        ("R4", 1_619_285, 1.6541, 36.3, 0.848, 171, 467, 26.1, 0.894),
        ("R5", 805_745, 3.3241, 18.0, 0.401, 37, 54, 2.9, 0.954),
    ],
)
def test_huawei_2025_cold_starts_by_minute(
    region: str,
    total: int,
    s_per_unit: float,
    mean: float,
    cv: float,
    p99: float,
    largest: float,
    dispersion: float,
    lag_24h: float,
) -> None:
    table = pd.read_csv(slice_of("huawei-2025-cold-starts/cold_starts_per_minute_R1-R5.csv.gz"))
    found = summary_of(
        "rates",
        time_s=table["time_s"].to_numpy(float),
        length_s=np.full(len(table), 60.0),
        series=pa.array([region] * len(table)),
        value=table[region].to_numpy(float),
    ).rates
    assert found is not None
    assert (found.total, found.intervals.count, rounded(found.s_per_unit, 4)) == (total, 44_640, s_per_unit)
    assert (rounded(found.intervals.mean, 1), rounded(found.interval_cv, 3)) == (mean, cv)
    assert (found.intervals.p99, found.intervals.max) == (p99, largest)
    assert (rounded(found.interval_dispersion, 1), rounded(found.lag_24h, 3)) == (dispersion, lag_24h)


def two_columns(archive: Path, folder: str) -> Iterator[Any]:
    with tarfile.open(archive) as tar:
        for member in tar:
            file = tar.extractfile(member) if member.isfile() and member.name.startswith(folder) else None
            if file:
                yield np.loadtxt(io.BytesIO(file.read()), ndmin=2)


@pytest.mark.parametrize(
    ("archive", "folder", "files", "figures"),
    [
        ("norway-hsdpa-3g/cooked_3gp.tar.gz", "cooked_3gp/", 80, (1.67, 0.50, 1.44, 3.84, 8.03)),
        ("fcc/pensieve_val_FCC_val_Norway.tar.gz", "data/abr/val_FCC/", 150, (1.32, 0.46, 1.00, 3.60, 3.92)),
        ("oboe/traces_oboe.tar.gz", "traces_oboe/", 428, (2.84, 0.59, 2.75, 5.46, 13.2)),
    ],
)
def test_bandwidth_row_by_row(archive: str, folder: str, files: int, figures: tuple[float, ...]) -> None:
    parts = list(two_columns(slice_of(f"bandwidth/{archive}"), folder))
    rows = np.concatenate(parts)
    summary = summary_of(
        "bandwidth", time_s=np.arange(len(rows), dtype=float), rate_bytes_per_s=rows[:, 1] * BYTES_PER_S
    )
    rate = summary.numbers["rate_bytes_per_s"]
    found = [(value or 0) / BYTES_PER_S for value in (rate.mean, rate.p5, rate.p50, rate.p95, rate.max)]
    assert len(parts) == files
    assert [round(value, 1 if value > 10 else 2) for value in found] == list(figures)
    assert summary.level is not None
    held = rows[:-1, 1].mean()  # each row but the last held for the same second
    assert summary.level.mean == pytest.approx(held * BYTES_PER_S)
