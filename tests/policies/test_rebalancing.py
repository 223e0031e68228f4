"""Harvesting of cores: what is left, who is lent what, and when it is given back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from simtier.policies.rebalancing.fixed_shares import FixedShares
from simtier.policies.rebalancing.harvest import Harvest
from simtier.streams import Streams
from simtier.testing import FakeExecution, FakeFunction, FakeNode, FakeSite

NODE = FakeNode()
HERS, HIS = FakeFunction(name="hers"), FakeFunction(name="his")


def begun(number: int, function: FakeFunction = HERS, cores: float = 4.0, started_s: float = 0.0) -> FakeExecution:
    """Return an execution that has only begun."""
    return FakeExecution(
        id=number,
        function=function,
        allocated_cores=cores,
        share=cores,
        used_cores=0.0,
        started_s=started_s,
        running_s=0.0,
    )


def seen(execution: FakeExecution, share: float, used: float) -> FakeExecution:
    """Return the execution as it shows after it has had a share for a while."""
    return replace(execution, share=share, used_cores=used)


def policy(**parameters: Any) -> Harvest:
    """Return a policy that leaves executions twice what it expects, and knows that those of `hers` use half a core, for 10 s."""
    made = Harvest(**{"profile": 1, "threshold": 0.5, **parameters})
    made.start(FakeSite(), Streams(0).stream("rebalancing"))
    for number in range(made.profile):
        made.finished(replace(seen(begun(1000 + number), 4.0, 0.5), running_s=10.0))
    return made


def test_fixed_shares_leave_each_its_own() -> None:
    assert FixedShares().shares(NODE, (begun(1, cores=2.0), begun(2, cores=0.5))) == [2.0, 0.5]


def test_nothing_is_harvested_before_enough_executions_were_seen() -> None:
    harvest = Harvest(profile=2, threshold=0.5)
    harvest.start(FakeSite(), Streams(0).stream("rebalancing"))
    for number, expected in enumerate([4.0, 4.0, 1.0]):
        assert harvest.shares(NODE, (begun(number),)) == [expected]
        harvest.finished(seen(begun(number), 4.0, 0.5))


def test_what_is_expected_to_be_idle_is_harvested_but_for_head_room() -> None:
    assert policy().shares(NODE, (begun(1),)) == [1.0]
    assert policy(threshold=0.8).shares(NODE, (begun(1),)) == [0.625]
    assert policy(threshold=0.1).shares(NODE, (begun(1),)) == [4.0]


def test_the_profile_is_the_most_that_the_last_executions_used() -> None:
    harvest = policy(profile=3)
    harvest.finished(seen(begun(1), 4.0, 1.5))
    assert harvest.shares(NODE, (begun(2),)) == [3.0]
    for number in range(3, 6):
        harvest.finished(seen(begun(number), 4.0, 0.25))
    assert harvest.shares(NODE, (begun(6),)) == [0.5]


def test_executions_that_were_over_at_once_tell_nothing() -> None:
    """Else nothing would be left to the next, which then would never end."""
    harvest = policy()
    harvest.finished(begun(1))
    assert harvest.shares(NODE, (begun(2),)) == [1.0]


def test_a_peak_that_passed_is_remembered() -> None:
    harvest, execution = policy(), begun(1)
    harvest.shares(NODE, (execution,))
    harvest.shares(NODE, (seen(execution, 4.0, 1.25),))
    harvest.finished(seen(execution, 4.0, 0.5))
    assert harvest.shares(NODE, (begun(2),)) == [2.5]


def test_one_that_uses_all_it_has_is_lent_as_much_again() -> None:
    harvest, lender, short = policy(), begun(1), begun(2, HIS, cores=1.0)
    calm = seen(lender, 1.0, 0.5)
    assert harvest.shares(NODE, (lender, short)) == [1.0, 1.0]
    assert harvest.shares(NODE, (calm, seen(short, 1.0, 1.0))) == [1.0, 2.0]
    assert harvest.shares(NODE, (calm, seen(short, 2.0, 2.0))) == [1.0, 4.0]
    assert harvest.shares(NODE, (calm, seen(short, 4.0, 4.0))) == [1.0, 4.0]


def test_what_a_borrower_does_not_need_is_there_for_the_next() -> None:
    harvest, lender, short, other = policy(), begun(1), begun(2, HIS, cores=2.0), begun(3, HIS, cores=2.0)
    harvest.shares(NODE, (lender, short, other))
    calm = seen(lender, 1.0, 0.5)
    assert harvest.shares(NODE, (calm, seen(short, 2.0, 2.0), seen(other, 2.0, 2.0))) == [1.0, 4.0, 3.0]
    assert harvest.shares(NODE, (calm, seen(short, 4.0, 0.5), seen(other, 3.0, 3.0))) == [
        1.0,
        4.0,
        3.0,
    ]  # it used 2 before
    calmer = begun(4, HIS, cores=1.0)
    harvest.finished(seen(short, 4.0, 1.0))
    assert harvest.shares(NODE, (calm, seen(other, 3.0, 3.0), calmer)) == [1.0, 5.0, 1.0]


def test_one_whose_peak_is_known_to_be_more_than_its_own_is_lent_that_from_its_begin() -> None:
    harvest, short = policy(), begun(2, HIS, cores=1.0)
    harvest.finished(seen(begun(3, HIS, cores=1.0), 2.5, 1.25))
    assert harvest.shares(NODE, (begun(1), short)) == [1.0, 2.5]


def test_one_that_turns_out_to_need_less_gives_the_rest_back() -> None:
    harvest, short = policy(), begun(2, HIS, cores=1.0)
    harvest.finished(seen(begun(3, HIS, cores=1.0), 4.0, 2.0))
    assert harvest.shares(NODE, (begun(1), short)) == [1.0, 4.0]
    assert harvest.shares(NODE, (seen(begun(1), 1.0, 0.5), seen(short, 4.0, 1.5))) == [1.0, 3.0]
    assert harvest.shares(NODE, (seen(begun(1), 1.0, 0.5), seen(short, 3.0, 0.5))) == [1.0, 3.0]


def test_first_come_first_served() -> None:
    harvest = policy()
    harvest.finished(seen(begun(9, HIS, cores=1.0), 3.0, 1.5))
    assert harvest.shares(NODE, (begun(1), begun(2, HIS, cores=1.0), begun(3, HIS, cores=1.0))) == [1.0, 3.0, 2.0]


def test_those_expected_to_run_longest_lend_first_and_a_loan_ends_with_its_lender() -> None:
    """Each could lend 3 cores. The one that began last is expected to end last, so all of the loan is its own, and goes with it.

    What the other has idle then takes its place at once; the safeguard has it keep its own, so that this shows.
    """
    harvest, short = policy(), begun(3, HIS, cores=1.0)
    harvest.finished(seen(begun(9, HIS, cores=1.0), 3.0, 1.5))
    early, late = begun(1), begun(2, started_s=5.0)
    assert harvest.shares(NODE, (early, late, short)) == [1.0, 1.0, 3.0]
    needs_it = seen(early, 1.0, 1.0)
    assert harvest.shares(NODE, (needs_it, late, seen(short, 3.0, 1.5))) == [4.0, 1.0, 3.0]
    assert harvest.shares(NODE, (seen(early, 4.0, 1.0), seen(short, 3.0, 1.5))) == [4.0, 1.0]


def test_one_that_needs_its_own_after_all_has_it_back_at_once_and_for_good() -> None:
    harvest, lender, short = policy(), begun(1), begun(2, HIS, cores=1.0)
    harvest.shares(NODE, (lender, short))
    assert harvest.shares(NODE, (seen(lender, 1.0, 0.5), seen(short, 1.0, 1.0))) == [1.0, 2.0]
    assert harvest.shares(NODE, (seen(lender, 1.0, 0.6), seen(short, 2.0, 2.0))) == [4.0, 1.0]
    assert harvest.shares(NODE, (seen(lender, 4.0, 0.1), seen(short, 1.0, 1.0))) == [4.0, 1.0]
    assert harvest.look_in(NODE) is None


def test_nodes_are_apart() -> None:
    harvest, short = policy(), begun(2, HIS, cores=1.0)
    harvest.shares(NODE, (begun(1),))
    assert harvest.shares(FakeNode(name="edge-1"), (seen(short, 1.0, 1.0),)) == [1.0]
    assert harvest.look_in(NODE) == 0.1
    assert harvest.look_in(FakeNode(name="edge-1")) is None
