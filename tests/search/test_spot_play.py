"""A job on spot and on-demand instances, by hand and by the second."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simtier.contract import Instance, JobView, RunFor, Spot
from simtier.errors import PolicyError
from simtier.models.spot import Job, Played, Stint, Windows, play
from simtier.policies.spot.greedy_spot import GreedySpot
from simtier.policies.spot.on_demand_only import OnDemandOnly
from simtier.policies.spot.uniform_progress import UniformProgress
from simtier.testing import PROMISES

SPOT, ON_DEMAND, NONE = Instance.SPOT, Instance.ON_DEMAND, Instance.NONE
NEVER = Windows(())


def job(work: float, deadline: float, change: float) -> Job:
    return Job(work, deadline, change, spot_usd_per_s=1.0, on_demand_usd_per_s=3.0)


def played(given: Job, windows: Windows, policy: Spot) -> Played:
    return play(given, windows, policy, np.random.default_rng(0))


def stints(found: Played) -> list[tuple[float, float, Instance]]:
    return [(pytest.approx(each.begin_s), pytest.approx(each.end_s), each.on) for each in found.stints]  # type: ignore[misc]


class Scripted(Spot):
    """Runs as told, one letter a second; on demand where spot is told and there is none."""

    script: str = ""

    def run_on(self, job: JobView) -> RunFor:
        told = self.script[min(round(job.now_s), len(self.script) - 1)]
        on = {"n": NONE, "s": SPOT if job.available else ON_DEMAND, "o": ON_DEMAND}[told]
        return RunFor(on, round(job.now_s) + 1 - job.now_s)


def test_on_demand_only_takes_the_work_and_one_change_over() -> None:
    found = played(job(10, 15, 1), Windows((2.0, 9.0)), OnDemandOnly())
    assert stints(found) == [(0, 11, ON_DEMAND)]
    assert (found.met, found.cost_usd, found.done_s) == (True, 33.0, 10)
    assert found.cost_usd == found.job.on_demand_usd


def test_greedy_waits_after_spot_until_two_change_overs_are_left() -> None:
    """Three hours are done by 4, when seven are left of eleven: it can wait until 6."""
    found = played(job(10, 15, 1), Windows((0.0, 4.0)), GreedySpot())
    assert stints(found) == [(0, 4, SPOT), (6, 14, ON_DEMAND)]
    assert found.cost_usd == pytest.approx(4 * 1 + 8 * 3)


def test_greedy_stays_on_spot_beyond_the_safety_line_and_is_in_time_to_the_second() -> None:
    """It begins on spot with two change-overs left, loses one there and the other on demand."""
    found = played(job(10, 13, 1), Windows((0.9, 5.0)), GreedySpot())
    assert stints(found) == [(0.9, 5, SPOT), (5, 12.9, ON_DEMAND)]
    assert found.met


def test_uniform_progress_without_spot_is_on_demand_until_two_change_overs_ahead() -> None:
    """Half pace: ahead by 2 at 4 (3 done), behind at 6; the last wait ends at the safety line."""
    found = played(job(10, 20, 1), NEVER, UniformProgress())
    assert stints(found) == [(0, 4, ON_DEMAND), (6, 10, ON_DEMAND), (12, 16, ON_DEMAND), (17, 19, ON_DEMAND)]
    assert found.cost_usd == pytest.approx(14 * 3)


def test_uniform_progress_leaves_on_demand_for_spot_only_when_it_has_caught_up() -> None:
    found = played(job(10, 20, 1), Windows((3.0, 50.0)), UniformProgress())
    assert stints(found) == [(0, 4, ON_DEMAND), (4, 12, SPOT)]
    assert played(job(10, 20, 1), Windows((5.0, 50.0)), UniformProgress()).stints[1].begin_s == 5


def test_each_instance_loses_a_change_over_also_when_it_is_taken_away_during_one() -> None:
    found = played(job(3, 20, 2), Windows((0.0, 1.0, 2.0, 10.0)), GreedySpot())
    assert stints(found) == [(0, 1, SPOT), (2, 7, SPOT)]
    assert found.cost_usd == pytest.approx(6)


def test_a_job_that_is_late_is_told_what_it_takes_to_end_it() -> None:
    nothing = played(job(10, 12, 1), NEVER, Scripted(script="n"))
    assert (nothing.met, nothing.done_s, nothing.cost_usd, nothing.late_usd) == (False, 0.0, 0.0, 33.0)
    changing = played(job(10, 11, 1), NEVER, Scripted(script="nnnnnnnnnno"))
    assert changing.late_usd == pytest.approx(30.0)
    running = played(job(10, 12, 1), NEVER, Scripted(script="nno"))
    assert not running.met
    assert running.done_s == pytest.approx(9)
    assert running.late_usd == pytest.approx(3.0)


def test_windows_are_made_of_steps_and_seen_from_a_later_start() -> None:
    windows = Windows.of_steps([0, 10, 20, 30, 40], [False, True, True, False, True])
    assert windows.changes == (10.0, 30.0, 40.0)
    assert windows.since(15).changes == (0.0, 15.0, 25.0)
    assert windows.since(30).changes == (10.0,)
    assert windows.until(45) == [(10.0, 30.0), (40.0, 45)]
    assert [windows.available(time) for time in (9, 10, 29, 30, 100)] == [False, True, True, False, True]
    with pytest.raises(ValueError, match="must rise"):
        Windows((2.0, 2.0))


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ((10, 10.5, 1), "earlier than work and one change-over"),
        ((10, 15, 0), "must be above 0"),
        ((0, 15, 1), "must be above 0"),
    ],
)
def test_a_job_that_cannot_be_is_refused(numbers: tuple[float, float, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        job(*numbers)
    with pytest.raises(ValueError, match="no more than on demand"):
        Job(10, 15, 1, 4.0, 3.0)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (SPOT, "SPOT at 0 s, when none is available; look at job.available"),
        (RunFor(SPOT, 5.0), "when none is available"),
        ("spot", "expected NONE, SPOT or ON_DEMAND of Instance"),
        (None, "expected NONE"),
        (RunFor(NONE, 0.0), "RunFor more than 0 seconds"),
        (RunFor(NONE, float("nan")), "RunFor more than 0 seconds"),
        (RunFor(NONE, 1e-12), "was asked 100000 times"),
    ],
)
def test_wrong_answers_are_told_with_time_and_way_out(answer: object, message: str) -> None:
    class Wrong(Spot):
        def run_on(self, job: JobView) -> Instance:
            return answer  # type: ignore[return-value]

    with pytest.raises(PolicyError, match=message):
        played(job(10, 15, 1), NEVER, Wrong())
    if message != "was asked 100000 times":
        with pytest.raises(AssertionError, match=r"Wrong.run_on\(\) answered"):
            PROMISES["answers_are_legal"](Wrong())


@settings(max_examples=60, deadline=None)
@given(
    work=st.integers(1, 12),
    change=st.integers(1, 3),
    slack=st.integers(0, 10),
    script=st.text("nso", min_size=1, max_size=25),
    there=st.lists(st.booleans(), min_size=1, max_size=25),
)
def test_what_is_played_is_what_happens_second_by_second(
    work: int, change: int, slack: int, script: str, there: list[bool]
) -> None:
    """Where all that happens falls on whole seconds, a simulation by the second gives the same work and cost."""
    deadline = work + change + slack
    found = played(job(work, deadline, change), Windows.of_steps(range(len(there)), there), Scripted(script=script))
    running, left, done, cost = NONE, 0, 0, 0.0
    for second in range(deadline):
        if done == work:
            break
        is_there = there[min(second, len(there) - 1)]
        told = script[min(second, len(script) - 1)]
        on = {"n": NONE, "s": SPOT if is_there else ON_DEMAND, "o": ON_DEMAND}[told]
        if running is SPOT and not is_there:
            running = NONE
        left = left if on is running else change
        running = on
        cost += {NONE: 0.0, SPOT: 1.0, ON_DEMAND: 3.0}[on]
        done += running is not NONE and left == 0
        left = max(0, left - 1)
    assert found.done_s == pytest.approx(done, abs=1e-5)
    assert found.cost_usd == pytest.approx(cost, abs=1e-5)
    assert found.met == (done == work)


def test_what_is_written_of_a_job_says_what_it_cost() -> None:
    windows = Windows((1.0, 3.0, 4.0, 9.0, 11.0, 12.0))
    found = played(job(10, 18, 0.5), windows, UniformProgress())
    assert found.on_s(SPOT) * 1.0 + found.on_s(ON_DEMAND) * 3.0 == pytest.approx(found.cost_usd)
    assert all(isinstance(each, Stint) and each.begin_s < each.end_s for each in found.stints)
    assert all(a.end_s <= b.begin_s for a, b in zip(found.stints, found.stints[1:], strict=False))
