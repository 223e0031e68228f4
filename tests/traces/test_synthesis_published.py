"""Look-alikes against published figures, without any data at hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from simtier.streams import Streams
from simtier.traces.synthesis import GENERATORS

MBIT = 125_000.0
PARTS = ("pod_allocation_s", "deploy_code_s", "deploy_dependency_s", "scheduling_s")


def _made(name: str, seed: int = 1, **extent: Any) -> pa.Table:
    return GENERATORS[name].parameters.generate(Streams(seed).stream, **extent).read_all()


def _column(table: pa.Table, name: str) -> np.ndarray:
    return np.asarray(table.column(name).to_numpy(zero_copy_only=False), dtype=np.float64)


def _dispersion(times: np.ndarray, span: float, window: float) -> float:
    counts = np.histogram(times, np.arange(0, span, window))[0]
    return float(counts.var() / counts.mean())


@pytest.mark.parametrize(
    ("item", "span", "rate", "cv", "second", "minute", "given", "made"),
    [
        ("code", 3435.948, 2.5667, 13.15, 13.2, 160.5, (2047.8, 1469, 7436), (27.88, 13, 251.46)),
        ("conv", 3501.722, 5.5304, 1.094, 1.39, 20.6, (1154.7, 1020, 4142), (211.13, 129, 601)),
    ],
)
def test_azure_llm_has_the_rates_gaps_and_lengths_of_its_hour(
    *,
    item: str,
    span: float,
    rate: float,
    cv: float,
    second: float,
    minute: float,
    given: tuple[float, float, float],
    made: tuple[float, float, float],
) -> None:
    """The process is compared as hours of it are seen, on average over sixteen; lengths over all."""
    seen, lengths = [], []
    for seed in range(16):
        table = _made(f"azure-llm-2023/{item}", seed, duration_s=span)
        times = _column(table, "arrival_s")
        gaps = np.diff(times)
        numbers = [len(times) / span, gaps.std() / gaps.mean()]
        seen.append([*numbers, *(_dispersion(times, span, window) for window in (1, 60))])
        lengths.append([_column(table, name) for name in ("input_tokens", "output_tokens")])
    assert np.mean(seen, axis=0) == pytest.approx([rate, cv, second, minute], rel=0.2)
    for sample, (mean, median, p99) in zip(zip(*lengths, strict=True), (given, made), strict=True):
        pooled = np.concatenate(sample)
        assert pooled.mean() == pytest.approx(mean, rel=0.03)
        assert np.median(pooled) == pytest.approx(median, rel=0.03)
        assert np.percentile(pooled, 99) == pytest.approx(p99, rel=0.03)


def test_code_traffic_is_on_and_off() -> None:
    gaps = np.diff(_column(_made("azure-llm-2023/code", rows=500_000), "arrival_s"))
    per_hour = 3435.948 / gaps.sum()
    assert np.count_nonzero(gaps > 20) * per_hour == pytest.approx(34, rel=0.25)
    assert np.count_nonzero(gaps > 100) * per_hour == pytest.approx(6, rel=0.35)
    assert gaps.max() <= 217.17


def test_burstgpt_has_the_rows_shares_and_failures_of_its_first_file() -> None:
    table = _made("burstgpt/1", rows=400_000)
    times, failed = _column(table, "arrival_s"), _column(table, "failed") == 1
    assert np.all(times == np.floor(times))
    assert failed.mean() == pytest.approx(0.0178, abs=0.001)
    shares = table.to_pandas()[~failed][["model", "kind"]]
    assert (shares["model"] == "ChatGPT").mean() == pytest.approx(1_189_167 / 1_404_294, abs=0.004)
    assert (shares["kind"] == "API log").mean() == pytest.approx(1_258_587 / 1_404_294, abs=0.004)
    rates = [300_000 / _column(_made("burstgpt/1", seed, rows=300_001), "arrival_s")[-1] for seed in range(5)]
    assert np.mean(rates) == pytest.approx(1_429_737 / 5_269_968, rel=0.1)
    assert _column(table, "input_tokens").max() == pytest.approx(29_665, rel=0.02)
    assert _column(table, "output_tokens").max() == pytest.approx(7_315, rel=0.02)


def test_mooncake_has_its_lengths_and_its_prefix_hits() -> None:
    hits = []
    for seed in range(3):
        table = _made("mooncake/conversation", seed, duration_s=3540.0)
        assert table.num_rows == pytest.approx(12_031, rel=0.04)
        seen: set[int] = set()
        hit = total = 0
        for ids in table.column("blocks").to_pylist():
            hit += next((k for k, block in enumerate(ids) if block not in seen), len(ids))
            total += len(ids)
            seen.update(ids)
        hits.append(hit / total)
    assert np.mean(hits) == pytest.approx(0.366, abs=0.015)
    given, made = _column(table, "input_tokens"), _column(table, "output_tokens")
    assert (given.mean(), np.median(given)) == (pytest.approx(12_035, rel=0.05), pytest.approx(6909, rel=0.06))
    assert (made.mean(), np.median(made)) == (pytest.approx(342.6, rel=0.05), pytest.approx(350, rel=0.03))
    gaps = np.diff(_column(table, "arrival_s"))
    assert gaps.std() / gaps.mean() == pytest.approx(3.03, rel=0.05)


# Figure 10a of the EuroSys 2025 paper, digitised: p25, p50, p75, p90
TOTALS = {
    "R1": (0.914, 2.15, 3.77, 8.0),
    "R2": (0.479, 0.826, 1.73, 10.3),
    "R3": (0.0267, 0.103, 0.277, 0.43),
    "R4": (0.29, 0.9, 1.71, 2.69),
    "R5": (0.218, 0.448, 0.638, 1.58),
}
# Figure 11: means of pod allocation, code, dependency, scheduling
MEANS = {
    "R1": (0.646, 0.588, 1.285, 1.532),
    "R2": (1.104, 0.121, 0.242, 0.682),
    "R4": (0.478, 0.157, 0.292, 0.482),
    "R5": (0.111, 0.070, 0.258, 0.467),
}


@pytest.mark.parametrize("region", sorted(TOTALS))
def test_cold_starts_take_as_long_as_in_their_region(region: str) -> None:
    table = _made(f"huawei-2025/{region}-cold-starts", rows=200_000)
    total = _column(table, "total_s")
    p25, p50, p75, p90 = TOTALS[region]
    assert np.median(total) == pytest.approx(p50, rel=0.05)
    assert np.percentile(total, 90) == pytest.approx(p90, rel=0.15)
    assert np.percentile(total, (25, 75)) == pytest.approx((p25, p75), rel=0.15)
    if region in MEANS:
        means = [_column(table, part).mean() for part in PARTS]
        assert means == pytest.approx(MEANS[region], rel=0.3)
        assert total.mean() == pytest.approx(sum(MEANS[region]), rel=0.06)


def test_cold_starts_of_r1_on_day_28_have_the_published_parts() -> None:
    table = _made("huawei-2025/R1-day28-cold-starts", rows=239_405)
    published = {
        "total_s": (5.0016, 2.3343, 9.3438, 42.091),
        "pod_allocation_s": (0.6224, 0.016689, 1.520129, 8.238613),
        "deploy_code_s": (0.59967, 0.062, 1.83, 3.847),
        "deploy_dependency_s": (1.95759, 0.0, 2.792, 32.02),
        "scheduling_s": (1.821931, 0.87703, 4.480336, 13.514943),
    }
    for name, (mean, p50, p90, p99) in published.items():
        values = _column(table, name)
        assert values.mean() == pytest.approx(mean, rel=0.05), name
        assert np.median(values) == pytest.approx(p50, rel=0.055), name
        assert np.percentile(values, (90, 99)) == pytest.approx((p90, p99), rel=0.1), name


# Figure 15a: p50 and p90 of the total by runtime, and the runtimes' numbers of cold starts in R2
RUNTIMES = {
    "Python3": (0.704, 2.18, 1_190_731),
    "Node.js": (1.18, 1.86, 287_253),
    "Custom": (11.0, 14.5, 186_452),
    "Java": (0.742, 1.52, 165_695),
    "Python2": (0.501, 0.863, 165_673),
    "Go1.x": (0.625, 0.852, 30_045),
    "PHP7.3": (0.388, 0.573, 25_591),
    "http": (10.7, 11.3, 18_167),
    "C#": (0.733, 0.867, 3_105),
}


def test_cold_starts_of_r2_differ_by_runtime_as_published() -> None:
    frame = _made("huawei-2025/R2-cold-starts", rows=300_000).select(["total_s", "runtime"]).to_pandas()
    whole = sum(count for _, _, count in RUNTIMES.values())
    for runtime, (p50, p90, count) in RUNTIMES.items():
        total = frame["total_s"][frame["runtime"] == runtime]
        assert len(total) / len(frame) == pytest.approx(count / whole, rel=0.15), runtime
        assert total.median() == pytest.approx(p50, rel=0.1), runtime
        assert total.quantile(0.9) == pytest.approx(p90, rel=0.2), runtime


# Counts of cold starts per minute over 31 days: mean, CV, variance over mean
MINUTES = {
    "R1": (159.2, 0.701, 78.3),
    "R2": (46.4, 0.468, 10.2),
    "R3": (6.9, 0.743, 3.8),
    "R4": (36.3, 0.848, 26.1),
    "R5": (18.0, 0.401, 2.9),
}


@pytest.mark.parametrize("region", sorted(MINUTES))
def test_cold_starts_per_minute_have_the_published_rhythm(region: str) -> None:
    months = [
        _column(_made(f"huawei-2025/{region}-cold-starts-per-minute", seed, rows=44_640), "value") for seed in range(4)
    ]
    mean, cv, dispersion = MINUTES[region]
    counts = np.concatenate(months)
    assert counts.mean() == pytest.approx(mean, rel=0.08)
    assert np.mean([month.std() / month.mean() for month in months]) == pytest.approx(cv, rel=0.1)
    assert np.mean([month.var() / month.mean() for month in months]) == pytest.approx(dispersion, rel=0.2)
    if region in ("R1", "R2", "R5"):  # where the day shows most
        hours = months[0].reshape(-1, 60).sum(axis=1)
        assert np.corrcoef(hours[:-24], hours[24:])[0, 1] > 0.6


def test_azure_functions_2019_have_the_published_skew_durations_memory_and_triggers() -> None:
    parameters: Any = GENERATORS["azure-functions-2019/day"].parameters
    tables = [
        pa.Table.from_batches([parameters.functions_table(Streams(seed).stream)]).to_pandas() for seed in range(8)
    ]
    durations = np.concatenate([table["duration_mean_s"] for table in tables])
    # log-normal(-0.38, 2.36): its F at 1, 10 and 60 s; the release has 0.573, 0.866, 0.963
    assert [(durations < x).mean() for x in (1, 10, 60)] == pytest.approx([0.564, 0.872, 0.971], abs=0.015)
    apps = [table.groupby("app", observed=True) for table in tables]
    memory = np.concatenate([app["memory_bytes"].first() for app in apps]) / 2**20
    # Burr: its F at 128, 200, 400 MB; the release has 0.422, 0.877, 0.990
    assert [(memory < x).mean() for x in (128, 200, 400)] == pytest.approx([0.385, 0.800, 0.966], abs=0.03)
    sizes = np.concatenate([app.size() for app in apps])
    assert [(sizes <= x).mean() for x in (1, 10)] == pytest.approx([0.503, 0.967], abs=0.04)
    calls = np.concatenate([app["invocations"].sum() for app in apps])
    assert [(calls <= x).mean() for x in (24, 1440)] == pytest.approx([0.415, 0.819], abs=0.03)
    assert np.median(calls) == pytest.approx(74, rel=0.25)
    triggers = np.concatenate([table["trigger"] for table in tables])
    shares = [(triggers == name).mean() for name in ("http", "timer", "queue", "orchestration", "event")]
    assert shares == pytest.approx([0.55, 0.156, 0.152, 0.069, 0.022], abs=0.02)


@pytest.mark.parametrize(
    ("name", "mean", "quantiles", "rel"),
    [
        ("norway-hsdpa", 1.67, (0.50, 1.44, 3.84), 0.04),
        ("fcc", 1.32, (0.46, 1.00, 3.60), 0.04),
        ("oboe", 2.84, (0.59, 2.75, 5.46), 0.04),
        ("lumos5g/walking", 555.7, (8, 503, 1420), 0.08),
        ("lumos5g/driving", 348.1, (12, 124, 1170), 0.08),
    ],
)
def test_links_have_the_published_rates(
    *, name: str, mean: float, quantiles: tuple[float, float, float], rel: float
) -> None:
    rates = _column(_made(name, rows=400_000), "rate_bytes_per_s") / MBIT
    assert rates.mean() == pytest.approx(mean, rel=rel)
    assert np.percentile(rates, (5, 50, 95)) == pytest.approx(quantiles, rel=rel)


@pytest.mark.parametrize(("name", "step"), [("norway-hsdpa", 1.28), ("fcc", 1.0), ("oboe", 3.67)])
def test_links_have_the_published_steps(*, name: str, step: float) -> None:
    assert np.diff(_column(_made(name, rows=50_000), "time_s")).mean() == pytest.approx(step, rel=0.03)


def test_a_spot_instance_is_available_as_often_as_published() -> None:
    table = _made("aws-spot", rows=200_000)
    assert _column(table, "available").mean() == pytest.approx(0.905, abs=0.01)
    assert np.all(np.diff(_column(table, "time_s")) == 195)
