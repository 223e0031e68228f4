"""Verdicts on variants from numbers: what is advised where nothing is shown, and what batches that hang together may not show."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from simtier.report.verdict_words import sentence
from simtier.study.batches import in_batches
from simtier.study.compared import in_metric
from simtier.study.observed import Requests

MEAN = "apps.ask.latency_s.mean"


def test_more_replications_are_advised_than_were_played() -> None:
    """Of five variants those that fail only for being five need more, not fewer, than there are."""
    advised = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        base = rng.normal(10, 1, 8)
        values = {"base": base.tolist()} | {f"v{i}": (base + rng.normal(0.8, 1, 8)).tolist() for i in range(5)}
        advised += [each.needed for each in in_metric(MEAN, values, 0.95).against if each.verdict == "not shown"]
    assert len(advised) > 50
    assert all(needed is None or needed > 8 for needed in advised)


def requests(latency_s: NDArray[np.float64]) -> dict[str, Requests]:
    times = np.arange(len(latency_s), dtype=np.float64)
    return {"ask": Requests(times, latency_s, np.ones_like(times), promised=False)}


def test_batches_that_are_correlated_to_the_last_show_nothing() -> None:
    """The other rises all the time: every tenth of the run is like its neighbour, and the t test would be certain."""
    flat = np.random.default_rng(1).normal(10, 0.01, 2000)
    runs = {"base": requests(flat), "rising": requests(flat + np.linspace(1, 2, 2000)), "same": requests(flat)}
    made, notes = in_batches(runs, (0.0, 2000.0), (MEAN,), 0.95)
    rising, same = made[0].against
    assert rising.comparison.p_value < 1e-3
    assert (rising.verdict, rising.needed, same.verdict) == ("not shown", None, "same")
    assert "even 10 batches are correlated: run longer" in sentence(MEAN, rising, "base")
    assert "shows no difference: run longer" in notes[0]


@pytest.mark.parametrize(
    ("end", "number", "shown"),
    [("p99", 2900, False), ("p99", 30_000, True), ("p95", 5900, False), ("mean", 870, False), ("mean", 900, True)],
)
def test_batches_of_too_few_requests_show_nothing(end: str, number: int, shown: bool) -> None:
    """One request a second in 30 batches: the smallest that shows anything has 30 for a mean, 200 for p95, 1000 for p99."""
    drawn = np.random.default_rng(3).exponential(1.0, number)
    runs = {"base": requests(drawn), "slower": requests(drawn * 1.5), "same": requests(drawn)}
    name = f"apps.ask.latency_s.{end}"
    made, notes = in_batches(runs, (0.0, float(number)), (name,), 0.95)
    slower, same = made[0].against
    assert slower.comparison.p_value < 1e-3
    assert (slower.verdict, same.verdict) == ("worse" if shown else "not shown", "same")
    told = f"batches hold {number / 30:,.0f} requests on average, too few for a {end}"
    assert any(told in note and "'slower'" in note for note in notes) != shown
    assert (told in sentence(name, slower, "base")) != shown
