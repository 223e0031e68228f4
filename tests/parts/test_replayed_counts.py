"""Counts by the minute as workloads: how many arrive, what is drawn, and what is left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from playing import Played, load
from replaying import (
    COUNTS,
    DURATION,
    arrivals,
    busy,
    counted,
    own,
    play,
    pool,
    run,
)

from simtier.errors import ScenarioError, TraceError


@pytest.fixture(autouse=True)
def _only_shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIMTIER_TRACES", raising=False)


def by_minute(played: Played) -> list[int]:
    return np.bincount((arrivals(played) // 60).astype(int), minlength=4).tolist()


TOTALS = [sum(counts[k] for counts in COUNTS.values()) for k in range(4)]


@pytest.mark.parametrize("expand", ["uniform", "even", {"process": "gamma", "cv": 3}])
def test_counts_are_kept_by_the_minute(expand: Any, tmp_path: Path) -> None:
    assert by_minute(play(counted(tmp_path, expand))) == TOTALS


def test_what_is_drawn_depends_on_seed_and_replication_not_on_policies(tmp_path: Path) -> None:
    data = counted(tmp_path, "poisson")
    first = arrivals(play(data))
    np.testing.assert_array_equal(first, arrivals(play(data)))
    np.testing.assert_array_equal(
        first, arrivals(play(data | {"policies": {"routing": "random", "scheduling": "lifo"}}))
    )
    others = [play(data, 1), play(counted(tmp_path, "poisson", run={"seed": 2}))]
    for other in others:
        assert not np.isin(arrivals(other), first).any()


def test_sources_expand_each_for_themselves(tmp_path: Path) -> None:
    played = play(counted(tmp_path, "uniform", sources=2))
    assert by_minute(played) == [2 * total for total in TOTALS]
    assert len(set(arrivals(played))) == 2 * sum(TOTALS)


def test_a_window_cuts_within_the_minute_and_shifts_no_arrival(tmp_path: Path) -> None:
    whole = arrivals(play(counted(tmp_path, "uniform")))
    part = arrivals(play(counted(tmp_path, "uniform", {"window": ["90 s", "130 s"]})))
    np.testing.assert_allclose(part, whole[(whole >= 90) & (whole < 130)] - 90, atol=1e-9)


def test_without_durations_in_the_times_none_is_left_out(tmp_path: Path) -> None:
    _, document = run(counted(tmp_path, "uniform"), tmp_path)
    assert document["left_out"] == {}
    assert document["summary"]["workloads"]["asks"]["arrived"] == sum(TOTALS)


def azure(folder: Path) -> str:
    """Write a day of azure-functions-2019 with two functions, of which one has durations, and return its name."""
    ids = {"HashOwner": ["o", "o"], "HashApp": ["a", "b"], "HashFunction": ["f", "g"]}
    minutes = {str(k): [2, 3] if k <= 2 else [0, 0] for k in range(1, 1441)}
    pd.DataFrame({**ids, "Trigger": ["http", "http"], **minutes}).to_csv(
        folder / "invocations_per_function_md.anon.d01.csv", index=False
    )
    percentiles = {f"percentile_Average_{p}": [100 + p] for p in (0, 1, 25, 50, 75, 99, 100)}
    known = {name: values[:1] for name, values in ids.items()}
    durations = {"Average": [100], "Count": [4], "Minimum": [100], "Maximum": [200], **percentiles}
    pd.DataFrame({**known, **durations}).to_csv(folder / "function_durations_percentiles.anon.d01.csv", index=False)
    return f"azure-functions-2019:{folder / 'invocations_per_function_md.anon.d01.csv'}"


def test_those_without_a_duration_are_left_out_and_counted(tmp_path: Path) -> None:
    data = pool({"trace": azure(tmp_path), "expand": "uniform"}, DURATION, sources=2, run={"replications": 3})
    _, document = run(data, tmp_path)
    ((_, reasons),) = document["left_out"].items()
    assert list(reasons.values()) == [6 * 2 * 3]
    assert document["summary"]["workloads"]["asks"]["arrived"] == 4 * 2 * 3


def test_only_the_window_is_counted_as_left_out(tmp_path: Path) -> None:
    data = pool({"trace": azure(tmp_path), "expand": "uniform", "window": ["60 s", "10 min"]}, DURATION)
    _, document = run(data, tmp_path)
    ((_, reasons),) = document["left_out"].items()
    assert list(reasons.values()) == [3]


def test_a_default_duration_leaves_none_out(tmp_path: Path) -> None:
    data = pool({"trace": azure(tmp_path), "expand": {"process": "even", "default_duration": "5 s"}}, DURATION)
    played = play(data)
    times = np.sort(busy(played))
    np.testing.assert_allclose(times[4:], 5.01, atol=1e-9)
    assert ((times[:4] >= 0.11) & (times[:4] <= 0.21)).all()


def huawei(folder: Path, metric: str) -> str:
    """Write a day of a metric of huawei-2023 and return its name."""
    place = folder / f"{metric}_minute"
    place.mkdir()
    rows = {"day": [0, 0], "time": [0, 60], "0": [3, 4], "1": [0, 1]}
    pd.DataFrame(rows).to_csv(place / "day_000.csv", index=False)
    return f"huawei-2023:{place / 'day_000.csv'}"


@pytest.mark.parametrize(
    ("metric", "told"), [("cpu_usage", "cpu_usage in share of the limit"), ("instances", "instances")]
)
def test_numbers_that_count_no_arrivals_are_not_expanded(metric: str, told: str, tmp_path: Path) -> None:
    message = f"expand: .* holds {told} by the interval, which counts no arrivals: `expand` needs a trace of requests"
    with pytest.raises(ScenarioError, match=message):
        load(pool({"trace": huawei(tmp_path, metric), "expand": "poisson"}))


def test_requests_by_the_minute_are_expanded(tmp_path: Path) -> None:
    assert by_minute(play(pool({"trace": huawei(tmp_path, "requests"), "expand": "uniform"})))[:2] == [3, 5]


def test_counts_without_durations_need_a_default_where_a_time_takes_one(tmp_path: Path) -> None:
    with pytest.raises(
        ScenarioError, match="tells no durations, which a stage of 'ask' takes from it: give `default_duration`"
    ):
        load(counted(tmp_path, "uniform", time=DURATION))


def test_a_count_that_is_none_is_refused_with_its_trace(tmp_path: Path) -> None:
    name = own(
        tmp_path, {"time_s": [0.0, 60.0], "length_s": [60.0] * 2, "series": ["f", "g"], "value": [1.0, 20_000_001.0]}
    )
    with pytest.raises(
        TraceError, match=r"own\.csv, 'g', interval at 60 s: the count is 20,000,001, and at most 10,000,000"
    ):
        play(pool({"trace": name, "expand": "even"}))


def test_a_window_between_the_counts_ends_the_run(tmp_path: Path) -> None:
    name = own(tmp_path, {"time_s": [0.0, 600.0], "length_s": [60.0, 60.0], "series": ["f", "f"], "value": [3, 3]})
    with pytest.raises(TraceError, match="no interval of the trace lies in the window from 120 s to 180 s"):
        play(pool({"trace": name, "expand": "even", "window": ["2 min", "3 min"]}))
