"""Autoscaling by requests waiting or in flight: on_demand, queue_length, target_concurrency."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simtier.contract import Autoscaling
from simtier.policies.autoscaling.on_demand import OnDemand
from simtier.policies.autoscaling.queue_length import QueueLength
from simtier.policies.autoscaling.target_concurrency import TargetConcurrency
from simtier.streams import Streams
from simtier.testing import FakeClock, FakeService, FakeSite, check_policy


class Bench:
    """A policy asked at given times."""

    def __init__(self, policy: Autoscaling) -> None:
        self.policy = policy
        self.clock = FakeClock(0.0)
        policy.start(FakeSite(clock=self.clock), Streams(0).stream("autoscaling"))

    def at(self, now_s: float, **shown: int) -> int:
        """Return the answer at `now_s`."""
        self.clock.now_s = now_s
        return self.policy.target(FakeService(**shown))


@pytest.mark.parametrize(
    ("queued", "starting", "own", "shared"), [(0, 2, 5, 5), (3, 2, 6, 5), (9, 2, 12, 6), (9, 0, 12, 6)]
)
def test_on_demand_starts_an_instance_for_each_request_or_for_as_many_as_it_has_slots(
    queued: int, starting: int, own: int, shared: int
) -> None:
    service = FakeService(ready=3, starting=starting, queued=queued, concurrency=4)
    assert OnDemand().target(service) == own
    assert OnDemand(waits_for_starting=True).target(service) == shared


@given(*(st.integers(0, 50) for _ in range(3)), st.integers(1, 9), st.booleans())
def test_on_demand_never_ends_an_instance_and_leaves_no_request_without_a_slot(
    ready: int, starting: int, queued: int, concurrency: int, waits: bool
) -> None:
    service = FakeService(ready=ready, starting=starting, queued=queued, concurrency=concurrency)
    wanted = OnDemand(waits_for_starting=waits).target(service)
    assert wanted >= ready + starting
    assert (wanted - ready) * concurrency >= queued


def test_on_demand_is_asked_at_once() -> None:
    assert OnDemand.at_once
    assert not OnDemand.foresees


def test_a_replica_for_every_five_requests_waiting() -> None:
    bench = Bench(QueueLength())
    assert [bench.at(15.0, ready=1, queued=queued) for queued in (5, 6, 11)] == [1, 2, 3]


def test_requests_in_service_may_count_too() -> None:
    shown = {"ready": 1, "queued": 4, "in_flight": 12}
    assert Bench(QueueLength()).at(15.0, **shown) == 1
    assert Bench(QueueLength(count="in_flight")).at(15.0, **shown) == 3


def test_the_queue_must_be_short_for_a_while_and_empty_for_the_cooldown() -> None:
    bench = Bench(QueueLength(scale_down_after=60.0, cooldown=300.0))
    assert bench.at(0.0, ready=1, queued=20, in_flight=21) == 4
    assert bench.at(45.0, ready=4, queued=0, in_flight=1) == 4
    assert bench.at(60.0, ready=4, queued=0, in_flight=1) == 1  # none is wanted, but one request is in service
    assert bench.at(75.0, ready=1) == 1
    assert bench.at(359.0, ready=1) == 1
    assert bench.at(360.0, ready=1) == 0
    assert bench.at(400.0, ready=0) == 0
    assert bench.at(401.0, ready=0, queued=1, in_flight=1) == 1


def test_a_service_without_replicas_stays_so_during_the_cooldown() -> None:
    assert Bench(QueueLength()).at(15.0, ready=0) == 0


def test_the_mean_over_the_window_decides_the_concurrency() -> None:
    """12 / (0.6 x 10) = 2; (12 + 24) / 2 / 6 = 3; 60 s later the first is forgotten: (24 + 0) / 2 / 6 = 2."""
    bench = Bench(TargetConcurrency())
    assert bench.at(5.0, in_flight=12, concurrency=10) == 2
    assert bench.at(10.0, in_flight=24, concurrency=10) == 3
    assert bench.at(65.0, in_flight=0, concurrency=10) == 2
    assert bench.at(70.0, in_flight=0, concurrency=10) == 0
    assert bench.at(130.0, in_flight=1, concurrency=10) == 1


def test_of_two_questions_at_one_instant_the_later_counts() -> None:
    bench = Bench(TargetConcurrency())
    assert [bench.at(5.0, in_flight=number, concurrency=10) for number in (60, 6)] == [10, 1]


@pytest.mark.parametrize(
    "policy",
    [
        OnDemand(),
        OnDemand(waits_for_starting=True),
        QueueLength(),
        QueueLength(count="in_flight", per_replica=0.5, scale_down_after=10.0),
        TargetConcurrency(),
        TargetConcurrency(share=1.5, window=20.0),
    ],
)
def test_they_keep_every_promise(policy: Autoscaling) -> None:
    check_policy(policy)
