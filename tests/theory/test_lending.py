"""Cores lent between executions: worked examples, limits, and the direction of what Libra reports."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from lending import poisson, sharing
from playing import Played, play

SAVER = {"cores": 4, "uses": 1}
GREEDY = {"cores": 2, "uses": 4}
SLOWED = 1
"""A seed with which the second call could use more than the first did."""


def every_10_s(phase: str) -> dict[str, Any]:
    return {"process": "periodic", "rate": "0.1 /s", "phase": phase}


def ends(played: Played, function: str) -> list[float]:
    rows = played.stages[played.stages["part"] == function]
    return [float(each) for each in rows["finished_s"]]


def example(policy: Any) -> Played:
    calls = {"saver": ("5 s", every_10_s("0 s")), "greedy": ("6 s", every_10_s("2 s"))}
    return play(sharing({"saver": SAVER, "greedy": GREEDY}, calls, policy, duration="30 s"))


def test_with_fixed_shares_who_is_short_takes_work_over_cores() -> None:
    """24 core-seconds on 2 cores are 12 s; 5 s on 4 cores of which it can use one stay 5 s."""
    played = example("fixed_shares")
    assert ends(played, "saver") == [5.0, 15.0, 25.0]
    assert ends(played, "greedy") == [14.0, 24.0, 34.0]
    assert sorted(played.stages["busy_s"]) == [5.0] * 3 + [24.0] * 3


def test_a_lender_that_ends_early_takes_its_loan_with_it() -> None:
    """By hand. The saver uses 1 of 4 cores; 1 / 0.8 = 1.25 are left to it once that is known (it ended at 5 s), 2.75 are lent.

    The greedy one of 2 s has 2 cores up to 10 s (16 core-seconds), then the next saver's are lent to it: it uses 4, so that the last 8 take
    2 s. That of 12 s has 4.75 cores until the saver ends at 15 s (12 core-seconds), 2 until the next begins at 20 s (10 more), and the last
    2 take half a second. That of 22 s has 4 for 3 s, then 2 for 6 s.
    """
    played = example({"use": "harvest", "profile": 1})
    assert ends(played, "saver") == [5.0, 15.0, 25.0]
    assert ends(played, "greedy") == pytest.approx([12.0, 20.5, 31.0], abs=1e-12)
    assert sorted(played.stages["busy_s"]) == [5.0] * 3 + [24.0] * 3


def test_the_safeguard_costs_one_look_at_most() -> None:
    """The first call uses u of two cores, so u / 0.8 are left to the second, which could use v: more than that.

    It does 0.1 u / 0.8 core-seconds up to the first look, then has its two cores back and does what is left of v x 1 s at v.
    """
    function = {"cores": 2, "uses": {"distribution": "uniform", "low": 0.5, "high": 2}}
    policy = {"use": "harvest", "profile": 1}
    rows = play(
        sharing({"f": function}, {"f": ("1 s", every_10_s("0 s"))}, policy, duration="20 s", seed=SLOWED)
    ).stages
    u, v = (float(each) for each in rows["busy_s"])  # both could have them for the second they take with them
    assert v > u / 0.8
    late_s = 0.1 + (v - 0.1 * u / 0.8) / v - 1
    assert 0 < late_s < 0.1
    assert (rows["finished_s"] - rows["started_s"]).to_numpy() == pytest.approx([1.0, 1 + late_s], abs=1e-12)


@pytest.mark.parametrize("policy", ["fixed_shares", {"use": "lending:OwnShares"}])
def test_a_time_limit_cuts_off_by_the_clock_not_by_the_work(policy: Any) -> None:
    calls = {"greedy": ("6 s", every_10_s("0 s"))}
    played = play(sharing({"greedy": {**GREEDY, "time_limit": "7 s"}}, calls, policy, duration="20 s"))
    assert list(played.requests["outcome"]) == ["failed", "failed"]
    assert ends(played, "greedy") == [7.0, 17.0]
    assert list(played.stages["busy_s"]) == [14.0, 14.0]


@pytest.mark.parametrize("policy", ["fixed_shares", {"use": "lending:OwnShares"}])
def test_less_than_a_core_of_cpu_by_memory_is_slower_as_ever(policy: Any) -> None:
    calls = {"small": ("1 s", every_10_s("0 s"))}
    data = sharing({"small": {"memory": "250 MB"}}, calls, policy, duration="10 s", memory_per_core="1 GB")
    rows = play(data).stages
    assert list(rows["finished_s"]) == [4.0]
    assert list(rows["busy_s"]) == [1.0]


# -- the direction of what the paper reports


def misfits(policy: Any, seed: int) -> Played:
    """Return a run of four functions with more cores than they use and four with fewer, about 12 of each at a time on two nodes."""
    rich = {f"rich{k}": {"cores": 8, "uses": {"distribution": "uniform", "low": 1, "high": 2}} for k in range(4)}
    poor = {f"poor{k}": {"cores": 2, "uses": {"distribution": "uniform", "low": 4, "high": 8}} for k in range(4)}
    time = {"distribution": "lognormal", "mean": "3 s", "cv": 0.8}
    calls = {name: (time, poisson(1.0 if name in rich else 0.25)) for name in rich | poor}
    return play(sharing(rich | poor, calls, policy, nodes=2, duration="300 s", seed=seed))


def latency_and_use(played: Played) -> tuple[float, float]:
    """Return the mean latency, and core-seconds used over those allocated, as long as executions had them."""
    rows: pd.DataFrame = played.stages
    own = np.where(rows["part"].str.startswith("rich"), 8.0, 2.0)
    took_s = rows["finished_s"] - rows["started_s"]
    return float((rows["finished_s"] - rows["sent_s"]).mean()), float(rows["busy_s"].sum() / (took_s * own).sum())


def test_harvesting_shortens_latency_and_raises_utilisation() -> None:
    """Libra's headline is 39 % less latency and 3 times the utilisation, on its own traces and cluster.

    Here, where functions are misfits of either sort, it is 27 to 29 % in the mean and half of the 99th percentile, and 1.1 times: harvested
    cores are lent, but make no room for more instances, as they do in Libra's cluster. So the direction is what is checked.
    """
    for seed in (1, 2, 3):
        (before_s, used), (after_s, more_used) = (
            latency_and_use(misfits(policy, seed)) for policy in ("fixed_shares", "harvest")
        )
        assert 0.2 < 1 - after_s / before_s < 0.4
        assert 1.05 < more_used / used < 3
