"""What the figures draw: time that adds up, curves that are exact, bins that keep the integral."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simtier.report.facts import Facts
from simtier.report.latencies import Distribution, curve, distributions
from simtier.report.numbers import quantity
from simtier.report.timebins import Bins, messages, utilisation
from simtier.report.timeparts import time_parts


@pytest.mark.parametrize("name", ["chain", "split"])
def test_the_parts_of_a_chain_add_up_to_the_mean_latency(name: str, request: pytest.FixtureRequest) -> None:
    facts = Facts(request.getfixturevalue(name))
    for app, parts in time_parts(facts).items():
        assert facts.is_chain(app)
        assert parts.sum_s == pytest.approx(parts.latency_s, rel=1e-9)
        assert parts.latency_s == pytest.approx(facts.summary["apps"][app]["latency_s"]["mean"], rel=1e-12)
        assert all(time >= 0 for times in parts.rows.values() for time in times)


def test_the_parts_of_a_fork_overlap(fork: Path) -> None:
    facts = Facts(fork)
    assert not facts.is_chain("both")
    parts = time_parts(facts)["both"]
    assert parts.sum_s > parts.latency_s
    assert "overlap in time" in (fork / "report.html").read_text(encoding="utf-8")


def test_time_parts_are_those_of_a_join_in_pandas(chain: Path) -> None:
    requests, stages = (pd.read_parquet(chain / f"{name}.parquet") for name in ("requests", "stages"))
    counted = requests[(requests["outcome"] == "ok") & (requests["arrival_s"] >= 5)]
    joined = stages.merge(counted[["replication", "request"]], on=["replication", "request"])
    waits = (
        (joined["started_s"] - joined["queued_s"])
        .groupby([joined["replication"], joined["stage"]], observed=True)
        .sum()
    )
    means = waits.div(counted.groupby("replication").size(), level=0).groupby("stage").mean()
    rows = time_parts(Facts(chain))["see"].rows
    for stage in ("decode", "look"):
        waited = sum(times[1] for (name, _), times in rows.items() if name == stage)
        assert waited == pytest.approx(means[stage], rel=1e-9)


def test_shares_of_a_fixed_cut_are_all_or_nothing(split: Path) -> None:
    shares = time_parts(Facts(split))["detect"].shares
    assert len(shares) == 2
    assert all(share == pytest.approx(1) for share in shares.values())
    assert {tier for _, _, tier in shares} == {"device", "edge"}


def test_the_curve_is_the_empirical_distribution_at_each_of_its_points(chain: Path) -> None:
    requests = pd.read_parquet(chain / "requests.parquet")
    counted = requests[(requests["outcome"] == "ok") & (requests["arrival_s"] >= 5)]
    latencies = (counted["end_s"] - counted["arrival_s"]).to_numpy()
    seconds, shares = curve(distributions(Facts(chain))["see"].pooled(), 500)
    assert 10 < len(seconds) <= 500
    for second, share in zip(seconds, shares, strict=True):
        assert share == pytest.approx((latencies <= second).mean(), abs=1e-12)


@given(st.lists(st.floats(0, 1e7), min_size=1, max_size=50))
@settings(max_examples=50, deadline=None)
def test_every_latency_is_counted_once(latencies: list[float]) -> None:
    seen = Distribution()
    seen.add(0, np.array(latencies))
    assert seen.pooled().sum() == len(latencies)
    seconds, shares = curve(seen.pooled(), 500)
    assert (np.diff(seconds) > 0).all()
    assert (np.diff(shares) > 0).all()


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 5), st.floats(0, 3)), min_size=1, max_size=20))
@settings(max_examples=100, deadline=None)
def test_bins_keep_the_integral_of_each_interval(intervals: list[tuple[float, float, float]]) -> None:
    start, length, rate = (np.array(values) for values in zip(*intervals, strict=True))
    bins = Bins(10.0, 7)
    bins.add("all", start, start + length, rate)
    expected = np.sum(rate * (np.minimum(start + length, 10) - start))
    assert bins.mean("all").sum() * 10 / 7 == pytest.approx(expected, abs=1e-6)


def test_an_interval_fills_the_bins_it_covers() -> None:
    bins = Bins(10.0, 5)
    bins.add("x", np.array([1.0, 7.0]), np.array([5.0, np.nan]), np.array([2.0, 1.0]))
    assert bins.mean("x") == pytest.approx([1.0, 2.0, 1.0, 0.5, 1.0])


@pytest.mark.parametrize("name", ["chain", "split"])
def test_utilisation_over_time_agrees_with_all_busy_time(name: str, request: pytest.FixtureRequest) -> None:
    directory = request.getfixturevalue(name)
    facts = Facts(directory)
    edges, curves = utilisation(facts)
    stages = pd.read_parquet(directory / "stages.parquet")
    busy = stages[stages["replication"] == 0]["busy_s"].sum()
    size = {
        (group, kind): number * len(info["names"])
        for group, info in facts.layout["nodes"].items()
        for kind, number in (("cores", info["cores"]), ("accelerators", len(info["devices"])))
    }
    total = sum(values.mean() * size[key] for key, values in curves.items()) * edges[-1]
    assert total == pytest.approx(busy, rel=1e-9)


def test_messages_over_time_agree_with_all_transmission_time(chain: Path) -> None:
    edges, found = messages(Facts(chain))
    transfers = pd.read_parquet(chain / "transfers.parquet")
    mine = transfers[transfers["replication"] == 0]
    sending = (mine["sent_s"] - mine["started_s"]).sum()
    assert sum(curves["active"].mean() for curves in found.values()) * edges[-1] == pytest.approx(sending, rel=1e-9)


@pytest.mark.parametrize(
    ("value", "unit", "half", "text"),
    [
        (0.0986, "s", None, "98.6 ms"),
        (1.2022, "s", 1.1696, "1.2 ± 1.2 s"),
        (0.97, "%", 0.0104, "97.0 ± 1.0 %"),
        (0.34, "s", 1.8e-15, "340 ms"),
        (0.0, "J", None, "0 J"),
        (None, "s", None, "\N{EN DASH}"),
        (14401, "", None, "14,401"),
        (0.05, "/s", None, "0.0500 /s"),
        (0.9999, "%", None, "> 99.9 %"),
        (1.0, "%", None, "100.0 %"),
        (1680.0, "s", None, "1,680 s"),
        (float("inf"), "B/s", None, "unlimited B/s"),
    ],
)
def test_quantities_read_well(value: float | None, unit: str, half: float | None, text: str) -> None:
    assert quantity(value, unit, half) == text


def test_a_chain_may_be_written_in_any_order(chain: Path, tmp_path: Path) -> None:
    document = json.loads((chain / "result.json").read_text(encoding="utf-8"))
    stages = document["scenario"]["apps"]["see"]["stages"]
    stages["decode"]["after"], stages["look"]["after"] = ["look"], []
    (tmp_path / "result.json").write_text(json.dumps(document), encoding="utf-8")
    assert Facts(tmp_path).is_chain("see")
    stages["decode"]["after"] = []
    (tmp_path / "result.json").write_text(json.dumps(document), encoding="utf-8")
    assert not Facts(tmp_path).is_chain("see")
