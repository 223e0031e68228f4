"""The Horizontal Pod Autoscaler, step by step, against traces worked out by hand from its published algorithm."""

from __future__ import annotations

from simtier.policies.autoscaling.kubernetes_hpa import KubernetesHpa
from simtier.streams import Streams
from simtier.testing import FakeClock, FakeService, FakeSite, check_policy


class Bench:
    """A policy asked every 15 s about a service of 4 slots a replica."""

    def __init__(self, policy: KubernetesHpa, every_s: float = 15.0) -> None:
        self.policy = policy
        self.every_s = every_s
        self.clock = FakeClock(0.0)
        self.busy_slot_s = 0.0
        self.restart()

    def restart(self) -> None:
        self.clock.now_s = self.busy_slot_s = 0.0
        self.policy.start(FakeSite(clock=self.clock), Streams(0).stream("autoscaling"))

    def ask(self, ready: int, in_flight: int, starting: int = 0, share: float = 0.0) -> int:
        """Return the wanted number after the next period, of which `share` of the slots was busy."""
        self.clock.now_s += self.every_s
        self.busy_slot_s += share * ready * 4 * self.every_s
        return self.policy.target(
            FakeService(
                ready=ready, starting=starting, in_flight=in_flight, concurrency=4, busy_slot_s=self.busy_slot_s
            )
        )


def by_requests(**parameters: float) -> KubernetesHpa:
    """Return a policy that wants 10 requests in flight per replica."""
    return KubernetesHpa(metric="in_flight", wanted=10.0, **parameters)


GROWTH = ((4, 40, 0), (4, 43, 0), (4, 60, 0), (4, 60, 2), (6, 300, 0), (6, 300, 6), (24, 240, 0), (24, 120, 0))


def test_growth_is_in_proportion_and_limited_and_starting_replicas_count_as_idle() -> None:
    """Requests over 10 a replica, at 15, 30 ... 120 s.

    40 / 40 = 1: 4 | 43 / 40 is within 0.1 of 1: 4 | 60 / 40 = 1.5: 6 | the same with 2 starting: 60 / 60, so 6 as it is |
    300 / 60 = 5: 30, but at most twice the 6: 12 | with 6 starting 300 / 120 = 2.5: 30, at most 24 | 240 / 240: 24 |
    120 / 240 = 0.5: 12, but 30 were wanted at 90 s, so it stays.
    """
    bench = Bench(by_requests())
    assert [bench.ask(*shown) for shown in GROWTH] == [4, 4, 6, 6, 12, 24, 24, 24]


def test_it_shrinks_to_the_highest_number_wanted_within_300_s() -> None:
    """At 390 s the 30 of 90 s is out of the window, at 405 s the 24 of 105 s: then 12 were enough all the time."""
    bench = Bench(by_requests())
    for shown in GROWTH:
        bench.ask(*shown)
    assert [bench.ask(24, 120) for _ in range(18)] == [24] * 18
    assert bench.clock.now_s == 390.0
    assert bench.ask(24, 120) == 12
    assert [bench.ask(12, 0) for _ in range(19)] == [12] * 19
    assert bench.clock.now_s == 690.0
    assert bench.ask(12, 0) == 1  # by more than nine tenths at once, and never to none


def test_a_small_service_may_grow_by_four() -> None:
    assert Bench(by_requests()).ask(1, 100) == 5
    assert Bench(by_requests()).ask(5, 100) == 10
    assert Bench(by_requests(grow_by=0, grow_by_share=0.5)).ask(3, 100) == 5


def test_growth_counts_from_the_number_at_the_start_of_the_period() -> None:
    """Asked every 5 s it goes to 5 at 5 s, and may double only 15 s later."""
    bench = Bench(by_requests(), every_s=5.0)
    assert [bench.ask(1, 100), bench.ask(1, 100, starting=4)] == [5, 5]
    assert [bench.ask(5, 100), bench.ask(5, 100), bench.ask(10, 100)] == [5, 10, 10]


def test_shrinkage_may_be_limited() -> None:
    bench = Bench(by_requests(scale_down_after=0.0, shrink_by_share=0.1))
    assert [bench.ask(20, 10), bench.ask(18, 10)] == [18, 16]


def test_starting_replicas_do_not_count_when_there_is_less_to_do() -> None:
    assert Bench(by_requests(scale_down_after=0.0)).ask(4, 20, starting=2) == 2


def test_starting_replicas_never_turn_growth_into_shrinkage() -> None:
    """60 / 40 = 1.5 asks for more, 60 / 70 = 0.86 for less, 65 / 60 = 1.08 for neither."""
    assert Bench(by_requests(scale_down_after=0.0)).ask(4, 60, starting=3) == 7
    assert Bench(by_requests(scale_down_after=0.0)).ask(4, 65, starting=2) == 6


def test_utilization_is_that_of_the_slots_since_the_last_question() -> None:
    """1 / 0.8 x 4 = 5; 0.85 / 0.8 is within the tolerance; 0.4 / 0.8 x 4 = 2."""
    bench = Bench(KubernetesHpa(scale_down_after=0.0))
    assert [bench.ask(4, 0, share=share) for share in (1.0, 0.85, 0.4)] == [5, 4, 2]


def test_without_a_ready_replica_nothing_changes_and_from_none_it_goes_to_the_minimum() -> None:
    bench = Bench(by_requests(minimum=2))
    assert [bench.ask(0, 50), bench.ask(0, 50, starting=2)] == [2, 2]


def test_a_start_forgets_what_was_wanted() -> None:
    bench = Bench(by_requests())
    first = [bench.ask(*shown) for shown in GROWTH]
    bench.restart()
    assert [bench.ask(*shown) for shown in GROWTH] == first


def test_it_keeps_every_promise() -> None:
    check_policy(KubernetesHpa())
    check_policy(by_requests(shrink_by_share=0.5, scale_down_after=30.0))
