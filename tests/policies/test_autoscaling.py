"""How many replicas the built-in policies want."""

from __future__ import annotations

from simtier.policies.autoscaling.fixed import Fixed
from simtier.policies.autoscaling.target_utilization import TargetUtilization
from simtier.streams import Streams
from simtier.testing import FakeClock, FakeService, FakeSite


class Bench:
    """A policy and a service that has been busy for a given share of the time between two questions."""

    def __init__(self, policy: TargetUtilization) -> None:
        self.policy = policy
        self.clock = FakeClock(0.0)
        self.busy_slot_s = 0.0
        policy.start(FakeSite(clock=self.clock), Streams(0).stream("autoscaling"))

    def ask(self, ready: int, share: float, *, after_s: float = 15.0, starting: int = 0, queued: int = 0) -> int:
        """Return the wanted number `after_s` later, if `share` of `ready` replicas of 4 slots was busy meanwhile."""
        self.clock.now_s += after_s
        self.busy_slot_s += share * ready * 4 * after_s
        return self.policy.target(
            FakeService(ready=ready, starting=starting, queued=queued, concurrency=4, busy_slot_s=self.busy_slot_s)
        )


def test_fixed_keeps_what_there_is() -> None:
    assert Fixed().target(FakeService(ready=3, starting=1, queued=99)) == 4


def test_the_formula_of_the_horizontal_pod_autoscaler() -> None:
    """ceil(4 x 0.9 / 0.6) = 6; ceil(10 x 1 / 0.6) = 17."""
    assert Bench(TargetUtilization(utilization=0.6)).ask(4, 0.9) == 6
    assert Bench(TargetUtilization(utilization=0.6)).ask(10, 1.0) == 17


def test_a_quotient_that_is_whole_but_for_rounding_asks_for_no_replica_more() -> None:
    assert 0.9 / 0.3 > 3.0 - 1e-12
    assert Bench(TargetUtilization(utilization=0.3)).ask(1, 0.9) == 3


def test_near_the_target_nothing_changes() -> None:
    bench = Bench(TargetUtilization(utilization=0.5, tolerance=0.1))
    assert bench.ask(4, 0.54) == 4
    assert bench.ask(4, 0.46) == 4
    assert bench.ask(4, 0.54, starting=1) == 5
    assert bench.ask(4, 0.56) == 5


def test_only_the_time_since_the_last_question_is_measured() -> None:
    bench = Bench(TargetUtilization(utilization=0.5, scale_down_after=0.0))
    assert bench.ask(2, 1.0) == 4
    assert bench.ask(4, 0.25) == 2


def test_it_shrinks_only_when_fewer_were_enough_for_the_whole_window() -> None:
    bench = Bench(TargetUtilization(utilization=0.5, scale_down_after=60.0))
    assert [bench.ask(8, 0.125) for _ in range(4)] == [8] * 4
    assert bench.ask(8, 0.25) == 8
    assert bench.ask(8, 0.125) == 4
    assert [bench.ask(4, 0.25) for _ in range(3)] == [4] * 3
    assert bench.ask(4, 0.25) == 2


def test_an_earlier_peak_does_not_make_it_grow_again() -> None:
    bench = Bench(TargetUtilization(utilization=0.5, scale_down_after=300.0))
    assert bench.ask(4, 1.0) == 8
    assert bench.ask(2, 0.75) == 3


def test_from_zero_it_asks_for_one_if_a_request_waits() -> None:
    bench = Bench(TargetUtilization())
    assert bench.ask(0, 0.0) == 0
    assert bench.ask(0, 0.0, after_s=0.0, queued=1) == 1
    assert bench.ask(0, 0.0, starting=2, queued=5) == 2


def test_an_idle_service_falls_to_zero_and_leaves_it_to_the_service_to_bound_that() -> None:
    assert Bench(TargetUtilization(scale_down_after=0.0)).ask(3, 0.0) == 3
    bench = Bench(TargetUtilization(scale_down_after=10.0))
    assert [bench.ask(3, 0.0), bench.ask(3, 0.0)] == [3, 0]
