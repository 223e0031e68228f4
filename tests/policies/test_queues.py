"""In which order queues are served, when batches run, and who is let in."""

from __future__ import annotations

import math
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simtier.contract import Hold, Limits, Scheduling
from simtier.policies.admission.bounded_queue import BoundedQueue
from simtier.policies.admission.deadline_feasible import DeadlineFeasible
from simtier.policies.admission.everyone import Everyone
from simtier.policies.batching.one_at_a_time import OneAtATime
from simtier.policies.batching.size_or_timeout import SizeOrTimeout
from simtier.policies.scheduling.earliest_deadline import EarliestDeadline
from simtier.policies.scheduling.fifo import Fifo
from simtier.policies.scheduling.lifo import Lifo
from simtier.policies.scheduling.priority import Priority
from simtier.policies.scheduling.shortest_first import ShortestFirst
from simtier.streams import Streams
from simtier.testing import FakeClock, FakeRequest, FakeService, FakeSite

QUEUE = (
    FakeRequest(id=1, queued_s=0.0, work_s=0.3, priority=1.0),
    FakeRequest(id=2, queued_s=0.0, work_s=0.1, priority=5.0, deadline_s=9.0),
    FakeRequest(id=3, queued_s=0.1, work_s=0.1, priority=5.0, deadline_s=4.0),
    FakeRequest(id=4, queued_s=0.2, work_s=0.2, priority=-1.0, deadline_s=5.0),
)


def served(policy: Scheduling, queue: Iterable[FakeRequest] = QUEUE) -> list[int]:
    """Return the ids in the order of service: by rank, equal ranks by arrival."""
    policy.start(FakeSite(), Streams(0).stream("scheduling"))
    ranked = [(policy.rank(request), place, request.id) for place, request in enumerate(queue)]
    return [number for _, _, number in sorted(ranked)]


def test_the_orders_of_service() -> None:
    assert served(Fifo()) == [1, 2, 3, 4]
    assert served(Lifo()) == [4, 3, 2, 1]
    assert served(ShortestFirst()) == [2, 3, 4, 1]
    assert served(EarliestDeadline()) == [3, 4, 2, 1]
    assert served(Priority()) == [2, 3, 1, 4]


BATCH = SizeOrTimeout(size=3, timeout=0.01)


def form(policy: SizeOrTimeout | OneAtATime, waiting: int, now_s: float, max_batch: int = 16) -> int | Hold:
    """Return how many of `waiting` requests, the oldest since 1.0 s, run at `now_s`, or the Hold."""
    answer = policy.form(QUEUE[:waiting], Limits(now_s, max_batch, 1.0))
    return answer if isinstance(answer, Hold) else len(answer)


def test_without_batching_each_request_runs_alone() -> None:
    assert form(OneAtATime(), 4, now_s=1.0) == 1


def test_a_batch_runs_when_it_is_full() -> None:
    assert form(BATCH, 3, now_s=1.0) == 3
    assert form(BATCH, 4, now_s=1.0) == 3
    assert form(BATCH, 2, now_s=1.0, max_batch=2) == 2


def test_a_batch_waits_for_others_until_the_oldest_has_waited_long_enough() -> None:
    assert form(BATCH, 2, now_s=1.005) == Hold(1.01)
    assert form(BATCH, 2, now_s=1.01) == 2
    assert form(SizeOrTimeout(size=8, timeout=0.0), 2, now_s=1.0) == 2


@settings(derandomize=True, deadline=None)
@given(oldest_s=st.floats(0.0, 1e9), timeout=st.floats(0.0, 1e4))
def test_a_batch_runs_at_the_very_instant_it_was_held_until(oldest_s: float, timeout: float) -> None:
    policy = SizeOrTimeout(timeout=timeout)
    held = policy.form(QUEUE[:1], Limits(oldest_s, 8, oldest_s))
    if isinstance(held, Hold):
        assert held.until_s > oldest_s
        assert policy.form(QUEUE[:1], Limits(held.until_s, 8, oldest_s)) == QUEUE[:1]
    else:
        assert oldest_s + timeout == oldest_s


def test_everyone_is_let_in_without_admission_control() -> None:
    assert Everyone().admit(FakeRequest(), FakeService(queued=10**6)) is True


@pytest.mark.parametrize(
    ("limit", "in_flight", "let_in"), [(3, 6, True), (3, 7, False), (0, 3, True), (0, 4, False), (0, 0, True)]
)
def test_a_bounded_queue_rejects_beyond_its_slots_and_its_limit(limit: int, in_flight: int, let_in: bool) -> None:
    service = FakeService(ready=2, concurrency=2, in_flight=in_flight)
    assert BoundedQueue(limit=limit).admit(FakeRequest(), service) is let_in


@pytest.mark.parametrize(
    ("deadline_s", "ready", "let_in"),
    [(10.75, 2, True), (10.74, 2, False), (math.inf, 2, True), (11.25, 0, True), (11.24, 0, False)],
)
def test_only_requests_that_can_be_in_time_are_let_in(deadline_s: float, ready: int, let_in: bool) -> None:
    """At 10 s, 4 waiting of 0.25 s each on 2 slots: 0.5 s of waiting and 0.25 s of work; without replicas as with one."""
    policy = DeadlineFeasible()
    policy.start(FakeSite(clock=FakeClock(10.0)), Streams(0).stream("admission"))
    service = FakeService(queued=4, work_s=0.25, ready=ready, concurrency=1)
    assert policy.admit(FakeRequest(deadline_s=deadline_s, work_s=0.25), service) is let_in
