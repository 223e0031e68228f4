"""The published files, where SIMTIER_TRACES has them: exact counts and the statistics computed once over the official data."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from simtier.traces import Trace, available, find, read
from simtier.traces.lookalike import MANIFEST

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
    item, rows, span, mean_in, median_in, max_in, mean_out, median_out, cv, mean_gap, max_gap
):
    trace = read(find(f"azure-llm-2023/{item}", _real("azure-llm-2023")))
    given, made, gaps = _column(trace, "input_tokens"), _column(trace, "output_tokens"), _gaps(trace)
    assert (trace.rows_read, trace.table.num_rows, dict(trace.dropped)) == (rows, rows, {})
    assert _column(trace, "arrival_s")[[0, -1]].tolist() == [0.0, span]  # to the last bit: from whole ticks
    assert (np.median(given), given.max(), np.median(made)) == (median_in, max_in, median_out)
    assert (round(given.mean(), 3), round(made.mean(), 3)) == (mean_in, mean_out)
    assert (round(gaps.mean(), 6), round(gaps.max(), 3)) == (mean_gap, max_gap)
    assert _cv(gaps) == pytest.approx(cv, abs=0.005)


def test_azure_code_is_on_off_traffic_with_34_gaps_over_20_s():
    gaps = _gaps(read(find("azure-llm-2023/code", _real("azure-llm-2023"))))
    assert ((gaps > 20).sum(), (gaps > 100).sum()) == (34, 6)


def _pooled(dataset: str, names: list[str], directories: list[Path]) -> tuple[np.ndarray, list[Trace]]:
    traces = [read(find(f"{dataset}/{name}", directories)) for name in names]
    return np.concatenate([_column(trace, "rate_bytes_per_s") for trace in traces]) / MBIT, traces


def _items(dataset: str, directories: list[Path]) -> list[str]:
    return [name.split("/")[1] for name in available(directories) if name.startswith(f"{dataset}/")]


def _summary(rates: np.ndarray) -> list[float]:
    return [round(float(value), 2) for value in (rates.mean(), *np.percentile(rates, [5, 50, 95]), rates.max())]


def test_the_80_norway_rides_have_their_published_rates_and_steps():
    directories = _real("norway-hsdpa")
    whole = [item for item in _items("norway-hsdpa", directories) if "part" not in item]
    rates, traces = _pooled("norway-hsdpa", whole, directories)
    steps = np.concatenate([np.diff(_column(trace, "time_s")) for trace in traces])
    assert (len(whole), _summary(rates)) == (80, [1.67, 0.50, 1.44, 3.84, 8.03])
    assert round(steps.mean(), 2) == 1.28


def test_of_144_cut_norway_parts_120_are_rebased():
    directories = _real("norway-hsdpa")
    parts = [item for item in _items("norway-hsdpa", directories) if "part" in item]
    _, traces = _pooled("norway-hsdpa", parts, directories)
    assert len(traces) == 144
    assert sum(any(note.startswith("stamps rebased") for note in trace.notes) for trace in traces) == 120
    assert all(_column(trace, "time_s")[0] == 0 for trace in traces)


def test_fcc_items_are_fcc_measurements_only():
    directories = _real("fcc")
    items = _items("fcc", directories)
    validation = [name for name in items if find(f"fcc/{name}", directories).path.name.startswith("pensieve_val")]
    rates, traces = _pooled("fcc", validation, directories)
    assert (len(items), len(validation)) == (150 + 59 + 88, 150)
    assert _summary(rates) == [1.32, 0.46, 1.00, 3.60, 3.92]
    assert {trace.period_s for trace in traces} <= {319.0, 320.0}


def test_zero_throughput_is_kept():
    directories = _real("fcc")
    originals = [name for name in _items("fcc", directories) if "part" in name or name.count("-") < 6]
    rates, _ = _pooled("fcc", originals, directories)
    assert (rates == 0).sum() == 52 + 5


def test_the_428_oboe_sessions_have_their_published_rates_and_are_all_rebased():
    directories = _real("oboe")
    items = _items("oboe", directories)
    rates, traces = _pooled("oboe", items, directories)
    assert (len(items), _summary(rates)) == (428, [2.84, 0.59, 2.75, 5.46, 13.16])
    assert all("stamps rebased by" in trace.notes[0] for trace in traces)
    assert round(float(np.concatenate([np.diff(_column(trace, "time_s")) for trace in traces]).mean()), 2) == 3.67
