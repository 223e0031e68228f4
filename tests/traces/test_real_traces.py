"""The published files, where SIMTIER_TRACES has them: exact counts, and statistics known of the official data."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from simtier.traces import Found, Trace, available, find, read
from simtier.traces.manifest import MANIFEST

MBIT = 125_000.0


def _real(dataset: str) -> list[Path]:
    parts = [Path(part) for part in os.environ.get("SIMTIER_TRACES", "").split(os.pathsep) if part]
    directories = [part for part in parts if not (part / MANIFEST).exists()]
    if not any(name.startswith(f"{dataset}/") for name in available(directories)):
        pytest.skip(f"SIMTIER_TRACES names no directory with the published {dataset} files")
    return directories


def _column(trace: Trace, name: str) -> np.ndarray:
    return trace.table.column(name).to_numpy()


def _gaps(trace: Trace) -> np.ndarray:
    return np.diff(_column(trace, "arrival_s"))


def _cv(values: np.ndarray) -> float:
    return float(values.std() / values.mean())


@pytest.mark.parametrize(
    ("item", "rows", "span", "mean_in", "median_in", "max_in", "mean_out", "median_out", "cv", "mean_gap", "max_gap"),
    [
        ("code", 8819, 3435.948056, 2047.848, 1469, 7437, 27.883, 13, 13.15, 0.389652, 217.169),
        ("conv", 19366, 3501.721937, 1154.697, 1020, 14050, 211.126, 129, 1.094, 0.180827, 4.315),
    ],
)
def test_azure_2023_has_its_published_rows_and_statistics(
    *,
    item: str,
    rows: int,
    span: float,
    mean_in: float,
    median_in: float,
    max_in: float,
    mean_out: float,
    median_out: float,
    cv: float,
    mean_gap: float,
    max_gap: float,
) -> None:
    trace = read(find(f"azure-llm-2023/{item}", _real("azure-llm-2023")))
    given, made, gaps = _column(trace, "input_tokens"), _column(trace, "output_tokens"), _gaps(trace)
    assert (trace.rows_read, trace.table.num_rows, dict(trace.dropped)) == (rows, rows, {})
    assert _column(trace, "arrival_s")[[0, -1]].tolist() == [0.0, span]  # to the last bit: from whole ticks
    assert (np.median(given), given.max(), np.median(made)) == (median_in, max_in, median_out)
    assert (round(given.mean(), 3), round(made.mean(), 3)) == (mean_in, mean_out)
    assert (round(gaps.mean(), 6), round(gaps.max(), 3)) == (mean_gap, max_gap)
    assert _cv(gaps) == pytest.approx(cv, abs=0.005)


def test_azure_code_is_on_off_traffic_with_34_gaps_over_20_s() -> None:
    gaps = _gaps(read(find("azure-llm-2023/code", _real("azure-llm-2023"))))
    assert ((gaps > 20).sum(), (gaps > 100).sum()) == (34, 6)


def _all(dataset: str) -> list[Found]:
    return [found for found in available(_real(dataset)).values() if found.dataset == dataset]


def _pooled(files: list[Found]) -> tuple[np.ndarray, list[Trace]]:
    traces = [read(found) for found in files]
    return np.concatenate([_column(trace, "rate_bytes_per_s") for trace in traces]) / MBIT, traces


def _steps(traces: list[Trace]) -> np.ndarray:
    return np.concatenate([np.diff(_column(trace, "time_s")) for trace in traces])


def _summary(rates: np.ndarray) -> list[float]:
    return [round(float(value), 2) for value in (rates.mean(), *np.percentile(rates, [5, 50, 95]), rates.max())]


def test_the_80_norway_rides_have_their_published_rates_and_steps() -> None:
    whole = [found for found in _all("norway-hsdpa") if "part" not in found.name]
    rates, traces = _pooled(whole)
    assert (len(whole), _summary(rates)) == (80, [1.67, 0.50, 1.44, 3.84, 8.03])
    assert round(_steps(traces).mean(), 2) == 1.28


def test_of_144_cut_norway_parts_120_are_rebased() -> None:
    _, traces = _pooled([found for found in _all("norway-hsdpa") if "part" in found.name])
    assert len(traces) == 144
    assert sum(any(note.startswith("stamps rebased") for note in trace.notes) for trace in traces) == 120
    assert all(_column(trace, "time_s")[0] == 0 for trace in traces)


def test_the_150_fcc_validation_traces_have_their_published_rates() -> None:
    rates, traces = _pooled([found for found in _all("fcc") if found.path.name.startswith("pensieve_val")])
    assert (len(traces), _summary(rates)) == (150, [1.32, 0.46, 1.00, 3.60, 3.92])
    assert {trace.period_s for trace in traces} == {319.0, 320.0}


def test_of_the_mixed_archive_only_fcc_traces_are_items_and_their_silence_is_kept() -> None:
    files = [found for found in _all("fcc") if found.path.name.startswith("fcc_ori")]
    rates, traces = _pooled(files)
    assert (len(files), int((rates == 0).sum())) == (59 + 88, 52 + 5)
    assert set(_steps(traces).tolist()) == {5.0}


def test_the_428_oboe_sessions_have_their_published_rates_and_are_all_rebased() -> None:
    rates, traces = _pooled(_all("oboe"))
    assert (len(traces), _summary(rates)) == (428, [2.84, 0.59, 2.75, 5.46, 13.16])
    assert all("stamps rebased by" in trace.notes[0] for trace in traces)
    assert round(_steps(traces).mean(), 2) == 3.67
