"""Look-alikes against the published files, where SIMTIER_TRACES has them: distances and statistics, within stated bounds."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy.stats import ks_2samp, spearmanr

from simtier.streams import Streams
from simtier.traces.synthesis import GENERATORS, fit
from simtier.traces.synthesis.rhythm import Rhythm
from simtier.traces.tables import batch

MBIT = 125_000.0


def _file(relative: str) -> Path:
    for part in os.environ.get("SIMTIER_TRACES", "").split(os.pathsep):
        if part and (Path(part) / relative).is_file():
            return Path(part) / relative
    pytest.skip(f"SIMTIER_TRACES names no directory with {relative}")


def _table(family: Any, **columns: Any) -> pa.Table:
    return pa.Table.from_batches([batch(family, columns, len(next(iter(columns.values()))))])


def _made(parameters: Any, seed: int = 1, **extent: Any) -> pa.Table:
    return parameters.generate(Streams(seed).stream, **extent).read_all()


def _column(table: pa.Table, name: str) -> np.ndarray:
    return np.asarray(table.column(name).to_numpy(zero_copy_only=False), dtype=np.float64)


def _apart(a: np.ndarray, b: np.ndarray) -> float:
    return float(ks_2samp(a, b, method="asymp").statistic)


def _azure_llm(item: str) -> pa.Table:
    frame = pd.read_csv(_file(f"azure-llm-2023/AzureLLMInferenceTrace_{item}.csv.gz"))
    stamps = pd.to_datetime(frame["TIMESTAMP"])
    return _table(
        "llm_requests",
        arrival_s=(stamps - stamps.iloc[0]).dt.total_seconds().to_numpy(),
        input_tokens=frame["ContextTokens"].to_numpy(),
        output_tokens=frame["GeneratedTokens"].to_numpy(),
        failed=np.zeros(len(frame), dtype=bool),
    )


def _burstgpt() -> pa.Table:
    frame = pd.read_csv(_file("burstgpt/BurstGPT_1_first400.csv"))
    return _table(
        "llm_requests",
        arrival_s=(frame["Timestamp"] - frame["Timestamp"].iloc[0]).to_numpy(),
        input_tokens=frame["Request tokens"].to_numpy(),
        output_tokens=frame["Response tokens"].to_numpy(),
        failed=(frame["Response tokens"] == 0).to_numpy(),
        model=frame["Model"].tolist(),
        kind=frame["Log Type"].tolist(),
    )


def _mooncake() -> pa.Table:
    with gzip.open(_file("mooncake/conversation_trace.jsonl.gz"), "rt") as lines:
        rows = [json.loads(line) for line in lines]
    return _table(
        "llm_requests",
        arrival_s=np.array([row["timestamp"] for row in rows]) / 1000,
        input_tokens=[row["input_length"] for row in rows],
        output_tokens=[row["output_length"] for row in rows],
        failed=np.zeros(len(rows), dtype=bool),
        blocks=pa.array([row["hash_ids"] for row in rows], pa.list_(pa.int64())),
    )


def _links(archive: str, folder: str) -> list[pa.Table]:
    tables = []
    with tarfile.open(_file(archive)) as members:
        for member in members:
            read = members.extractfile(member) if member.isfile() and folder in member.name else None
            if read is not None:
                numbers = np.loadtxt(io.BytesIO(read.read()))
                times = numbers[:, 0] - numbers[0, 0]
                tables.append(_table("bandwidth", time_s=times, rate_bytes_per_s=numbers[:, 1] * MBIT))
    return tables


@pytest.mark.parametrize("item", ["code", "conv"])
@pytest.mark.parametrize("fitted", [False, True], ids=["published", "fitted"])
def test_azure_llm_columns_are_within_a_twentieth_of_the_file(*, item: str, fitted: bool) -> None:
    real = _azure_llm(item)
    parameters = fit("llm_requests", real) if fitted else GENERATORS[f"azure-llm-2023/{item}"].parameters
    like = _made(parameters, rows=40_000)
    for name in ("input_tokens", "output_tokens"):
        assert _apart(_column(real, name), _column(like, name)) < 0.05
    assert _apart(*(np.diff(_column(table, "arrival_s")) for table in (real, like))) < 0.05
    ranks = [
        spearmanr(_column(table, "input_tokens"), _column(table, "output_tokens")).statistic for table in (real, like)
    ]
    assert ranks[1] == pytest.approx(ranks[0], abs=0.07)  # conv: 0.073, here 0.02


@pytest.mark.parametrize("item", ["code", "conv"])
def test_gaps_and_counts_of_a_fit_vary_as_in_the_file(item: str) -> None:
    real = _column(_azure_llm(item), "arrival_s")
    parameters = fit("llm_requests", _azure_llm(item))

    def numbers(times: np.ndarray) -> list[float]:
        gaps = np.diff(times)
        counts = [np.histogram(times, np.arange(0, real[-1], window))[0] for window in (1, 60)]
        return [gaps.std() / gaps.mean(), *(n.var() / n.mean() for n in counts)]

    seen = [numbers(_column(_made(parameters, seed, duration_s=real[-1]), "arrival_s")) for seed in range(16)]
    assert np.mean(seen, axis=0) == pytest.approx(numbers(real), rel=0.3)


def test_burstgpt_lengths_are_within_a_twelfth_of_the_slice() -> None:
    real = _burstgpt()
    for parameters in (GENERATORS["burstgpt/1-first400"].parameters, fit("llm_requests", real)):
        like = _made(parameters, rows=20_000)
        for name in ("input_tokens", "output_tokens"):
            assert _apart(_column(real, name), _column(like, name)) < 0.08
        ranks = [
            spearmanr(
                *(_column(table, name)[_column(table, "failed") == 0] for name in ("input_tokens", "output_tokens"))
            )
            for table in (real, like)
        ]
        assert ranks[1].statistic == pytest.approx(ranks[0].statistic, abs=0.05)
        assert _column(like, "failed").mean() == pytest.approx(0.0425, abs=0.01)


def test_burstgpt_gaps_are_within_a_tenth_of_the_slice() -> None:
    gaps = np.diff(_column(_burstgpt(), "arrival_s"))
    like = np.diff(_column(_made(GENERATORS["burstgpt/1-first400"].parameters, rows=40_000), "arrival_s"))
    assert _apart(gaps, like) < 0.1
    # Ten hours are too short to tell: the slice's variation (4.56) lies in the one night that it has.
    assert 1.5 < like.std() / like.mean() < 4.56


def test_mooncake_is_close_in_lengths_gaps_and_hits() -> None:
    real = _mooncake()
    for parameters in (GENERATORS["mooncake/conversation"].parameters, fit("llm_requests", real)):
        like = _made(parameters, rows=12_031)
        for name in ("input_tokens", "output_tokens"):
            assert _apart(_column(real, name), _column(like, name)) < 0.03
        assert _apart(*(np.diff(_column(table, "arrival_s")) for table in (real, like))) < 0.05


@pytest.mark.parametrize(
    ("name", "archive", "folder", "lag1"),
    [
        ("norway-hsdpa", "bandwidth/norway-hsdpa-3g/cooked_3gp.tar.gz", "cooked_3gp/", 0.06),
        ("fcc", "bandwidth/fcc/pensieve_val_FCC_val_Norway.tar.gz", "val_FCC/", 0.06),
        ("oboe", "bandwidth/oboe/traces_oboe.tar.gz", "", 0.08),
    ],
)
def test_links_are_close_to_the_files_pooled_and_one_by_one(
    *, name: str, archive: str, folder: str, lag1: float
) -> None:
    real = _links(archive, folder)

    def lag(tables: list[pa.Table]) -> float:
        rates = [_column(table, "rate_bytes_per_s") for table in tables]
        return float(np.mean([np.corrcoef(r[:-1], r[1:])[0, 1] for r in rates if r[:-1].std() and r[1:].std()]))

    def level(tables: list[pa.Table]) -> float:
        return float(np.std([np.log(np.maximum(_column(t, "rate_bytes_per_s"), 100.0)).mean() for t in tables]))

    for parameters in (GENERATORS[name].parameters, fit("bandwidth", real)):
        assert hasattr(parameters, "session_rows")
        like = [_made(parameters, seed, rows=parameters.session_rows) for seed in range(300)]
        pooled = [np.concatenate([_column(t, "rate_bytes_per_s") for t in tables]) for tables in (real, like)]
        steps = [np.concatenate([np.diff(_column(t, "time_s")) for t in tables]) for tables in (real, like)]
        assert _apart(*pooled) < 0.06
        assert _apart(*steps) < 0.05
        assert pooled[1].mean() == pytest.approx(pooled[0].mean(), rel=0.06)
        assert lag(like) == pytest.approx(lag(real), abs=lag1)
        assert level(like) == pytest.approx(level(real), rel=0.15)


@pytest.mark.parametrize("region", ["R1", "R2", "R3", "R4", "R5"])
def test_cold_starts_per_minute_are_close_to_the_counts(region: str) -> None:
    frame = pd.read_csv(_file("huawei-2025-cold-starts/cold_starts_per_minute_R1-R5.csv.gz"))
    counts = frame[region].to_numpy().astype(np.float64)
    parameters: Any = GENERATORS[f"huawei-2025/{region}-cold-starts-per-minute"].parameters
    like = np.concatenate([_column(_made(parameters, seed, rows=44_640), "value") for seed in range(3)])
    assert _apart(counts, like) < 0.08
    assert np.percentile(like, 99) == pytest.approx(np.percentile(counts, 99), rel=0.35)  # R1: 656, the counts' 506
    again = Rhythm.fit(counts)
    assert again.per_minute == pytest.approx(parameters.rhythm.per_minute, abs=0.01)
    assert again.hours == pytest.approx(parameters.rhythm.hours, abs=0.02)
    assert again.noise_log_sd == pytest.approx(parameters.rhythm.noise_log_sd, abs=0.01)


def test_invocations_of_2021_are_like_the_sample() -> None:
    frame = pd.read_csv(_file("azure-functions-2021/Azure2021_200.csv"))
    start = (frame["end_timestamp"] - frame["duration"]).to_numpy()
    order = np.argsort(start, kind="stable")
    real = _table(
        "invocations",
        arrival_s=(start - start.min())[order],
        duration_s=frame["duration"].to_numpy()[order],
        function=(frame["app"] + frame["func"]).to_numpy()[order].tolist(),
        app=frame["app"].to_numpy()[order].tolist(),
    )
    parameters: Any = fit("invocations", real)
    published: Any = GENERATORS["azure-functions-2021/sample"].parameters
    assert (parameters.functions, parameters.apps) == (published.functions, published.apps) == (31, 13)
    assert parameters.skew == pytest.approx(published.skew, abs=0.01)
    seen = []
    for seed in range(30):
        like = _made(published, seed, duration_s=1200.0)
        gaps = np.diff(_column(like, "arrival_s"))
        distance = _apart(_column(real, "duration_s"), _column(like, "duration_s"))
        seen.append((like.num_rows, gaps.std() / gaps.mean(), distance))
    assert np.mean(seen, axis=0)[:2] == pytest.approx([199, 1.864], rel=0.2)
    assert np.mean(seen, axis=0)[2] < 0.1
