"""The least a job can cost: against all schedules there are, and never more than what a policy makes of it."""

from __future__ import annotations

from functools import cache
from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simtier.contract import Spot
from simtier.models.spot import Job, Windows, least_cost, play
from simtier.policies.spot.greedy_spot import GreedySpot
from simtier.policies.spot.on_demand_only import OnDemandOnly
from simtier.policies.spot.uniform_progress import UniformProgress


def cheapest(job: Job, there: tuple[bool, ...]) -> float:
    """Return the least cost over all schedules that change at whole seconds only, by looking at every one.

    With whole numbers throughout no other schedule is cheaper: for a given order of instances cost and constraints are linear in the times
    of change, and all corners are whole.
    """

    @cache
    def best(second: int, on: str, left: int, done: int) -> float:
        if done == job.work_s:
            return 0.0
        if job.work_s - done > job.deadline_s - second:
            return inf
        costs = [best(second + 1, "none", 0, done)]
        for other, price in (("spot", job.spot_usd_per_s), ("on_demand", job.on_demand_usd_per_s)):
            if other == "on_demand" or there[second]:
                change = left if other == on else int(job.change_over_s)
                costs.append(price + best(second + 1, other, max(0, change - 1), done + (change == 0)))
        return min(costs)

    return best(0, "none", 0, 0)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_the_oracle_finds_the_cheapest_of_all_schedules(data: st.DataObject) -> None:
    work, change = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 3))
    deadline = work + change + data.draw(st.integers(0, 9))
    there = tuple(data.draw(st.lists(st.booleans(), min_size=deadline, max_size=deadline)))
    spot, on_demand = data.draw(st.sampled_from([(1, 3), (1, 10), (2, 3), (3, 3)]))
    job = Job(work, deadline, change, spot, on_demand)
    assert least_cost(job, Windows.of_steps(range(deadline), there)) == pytest.approx(cheapest(job, there))


def test_the_oracle_by_hand() -> None:
    """Ten of work, six of slack, change-overs of one; spot from 2 to 6 and from 10 to 15."""
    windows = Windows((2.0, 6.0, 10.0, 15.0))
    job = Job(10, 16, 1, 1.0, 3.0)
    # both windows (3 + 4 of work) and 3 of work on demand between them, its change-over included from 6 to 10: 9 and 4 hours, 3 of waiting
    assert least_cost(job, windows) == pytest.approx(9 * 1 + 4 * 3)
    # the time between them being an hour shorter, it takes two instances on demand
    assert least_cost(job, Windows((2.0, 6.0, 9.0, 14.0))) == pytest.approx(9 * 1 + 5 * 3)
    assert least_cost(Job(10, 11, 1, 1.0, 3.0), windows) == pytest.approx(33)
    assert least_cost(job, Windows((0.0,))) == pytest.approx(11)
    assert least_cost(job, Windows(())) == pytest.approx(33)


spans = st.lists(st.floats(0.05, 20.0), min_size=0, max_size=12)


@settings(max_examples=150, deadline=None)
@given(
    lengths=spans,
    work=st.floats(1.0, 40.0),
    change=st.floats(0.05, 2.0),
    slack=st.floats(0.0, 20.0),
    price=st.floats(0.05, 1.0),
)
def test_no_policy_is_cheaper_than_the_oracle_or_late(
    lengths: list[float], work: float, change: float, slack: float, price: float
) -> None:
    job = Job(work, work + change + slack, change, price, 1.0)
    windows = Windows(tuple(float(time) for time in np.cumsum(lengths)))
    least = least_cost(job, windows)
    assert price * (work + change) * (1 - 1e-9) <= least <= job.on_demand_usd * (1 + 1e-9)
    policies: list[Spot] = [OnDemandOnly(), GreedySpot(), UniformProgress()]
    for policy in policies:
        found = play(job, windows, policy, np.random.default_rng(0))
        assert found.met, type(policy).__name__
        assert found.cost_usd >= least * (1 - 1e-9) - 1e-5
        assert found.stints[-1].end_s <= job.deadline_s + 1e-6
        assert found.cost_usd <= found.stints[-1].end_s
        busy = sum(each.end_s - each.begin_s for each in found.stints)
        assert work + change <= busy * (1 + 1e-9) <= work * (1 + 2e-9) + change * len(found.stints) + 1e-6


@settings(max_examples=50, deadline=None)
@given(lengths=spans, work=st.floats(1.0, 40.0), change=st.floats(0.05, 2.0), slack=st.floats(0.0, 20.0))
def test_more_time_and_more_windows_never_cost_the_oracle_more(
    lengths: list[float], work: float, change: float, slack: float
) -> None:
    times = tuple(float(time) for time in np.cumsum(lengths))
    job, longer = (Job(work, work + change + room, change, 0.3, 1.0) for room in (slack, slack + 3.0))
    assert least_cost(longer, Windows(times)) <= least_cost(job, Windows(times)) * (1 + 1e-9)
    fewer = Windows(times[: len(times) // 2 * 2 - 2] if len(times) > 2 else ())
    assert least_cost(job, Windows(times[: len(times) // 2 * 2])) <= least_cost(job, fewer) * (1 + 1e-9)
