"""The Knative autoscaler, step by step, against traces worked out by hand from its published algorithm."""

from __future__ import annotations

from simtier.policies.autoscaling.knative_kpa import KnativeKpa
from simtier.streams import Streams
from simtier.testing import FakeClock, FakeService, FakeSite, check_policy


class Bench:
    """A policy asked every 2 s; a replica takes 10 requests, so 7 are aimed at."""

    def __init__(self, policy: KnativeKpa) -> None:
        self.policy = policy
        self.clock = FakeClock(0.0)
        self.restart()

    def restart(self) -> None:
        self.clock.now_s = 0.0
        self.policy.start(FakeSite(clock=self.clock), Streams(0).stream("autoscaling"))

    def ask(self, in_flight: int, ready: int, starting: int = 0) -> int:
        """Return the wanted number 2 s later."""
        self.clock.now_s += 2.0
        return self.policy.target(FakeService(ready=ready, starting=starting, in_flight=in_flight, concurrency=10))

    def surge(self) -> list[int]:
        """Return the answers from 2 s to 14 s of a surge from 7 to 28 requests in flight that ends after 12 s."""
        shown = [(7, 1), (7, 1), (28, 1), (28, 1), (28, 2), (28, 4), (0, 4)]
        return [self.ask(in_flight, ready) for in_flight, ready in shown]


def test_a_surge_makes_it_panic_and_in_panic_it_never_shrinks() -> None:
    """Means of (panic, stable) window over 7, rounded up, at 2, 4 ... 14 s.

    (7, 7): 1, 1 | the same | (14, 14): 2, 2, twice the one ready: panic | (21, 17.5): 3, 3 | (28, 19.6): 4, 3, twice the two ready |
    (28, 21): 4, 3 of four ready | (18.7, 18): 3, 3, but four were wanted in this panic.
    """
    assert Bench(KnativeKpa()).surge() == [1, 1, 2, 3, 4, 4, 4]


def test_panic_ends_and_replicas_go_by_halves_and_the_last_one_after_the_grace_period() -> None:
    """The last reason to panic was at 10 s: it ends at 72 s, the first question more than 60 s later.

    By then both windows are empty, and floor(ready / 2) bounds the answer: 2, then 1; the last goes when none has been wanted for 30 s.
    """
    bench = Bench(KnativeKpa())
    bench.surge()
    assert [bench.ask(0, 4) for _ in range(28)] == [4] * 28
    assert bench.clock.now_s == 70.0
    assert [bench.ask(0, ready) for ready in (4, 2)] == [2, 1]
    assert [bench.ask(0, 1) for _ in range(15)] == [1] * 15
    assert bench.clock.now_s == 104.0
    assert [bench.ask(0, 1), bench.ask(0, 0)] == [0, 0]


def test_a_request_during_the_grace_period_makes_it_active_for_a_stable_window_again() -> None:
    bench = Bench(KnativeKpa())
    assert [bench.ask(7, 1), *(bench.ask(0, 1) for _ in range(35))] == [1] * 36
    assert bench.clock.now_s == 72.0  # none is wanted since 62 s
    assert bench.ask(7, 1) == 1
    assert [bench.ask(0, 1) for _ in range(44)] == [1] * 44
    assert bench.clock.now_s == 162.0  # the request was at 74 s: none is wanted since 134 s
    assert [bench.ask(0, 1), bench.ask(0, 1)] == [0, 1]  # if it is still there, as it has been ready only now


def test_without_panic_only_the_stable_window_counts() -> None:
    """Stable means of (13 x 7 + 17) / 14 = 7.7 up to (13 x 7 + 7 x 17) / 20 = 10.5: 2. The panic window wants 17 / 7: 3 of 2 ready."""
    bench = Bench(KnativeKpa())
    assert [bench.ask(7, 1) for _ in range(10)] == [1] * 10
    assert [bench.ask(7, 2) for _ in range(3)] == [1] * 3
    assert [bench.ask(17, 2) for _ in range(7)] == [2] * 7


def test_samples_older_than_the_window_do_not_count() -> None:
    """At 62 s the sample of 2 s is gone: the 30 left are 7, so 1 and not ceil(((70 + 30 x 7) / 31) / 7) = 2."""
    bench = Bench(KnativeKpa(panic_threshold=50.0))
    assert bench.ask(70, 1) == 10
    answers = [bench.ask(7, 1) for _ in range(30)]
    assert bench.clock.now_s == 62.0
    assert answers[-2:] == [2, 1]


def test_growth_is_bounded_by_the_ready_replicas() -> None:
    bench = Bench(KnativeKpa(max_scale_up_rate=1.5, initial_scale=0))
    assert bench.ask(700, 0) == 2
    assert bench.ask(700, 2) == 3


def test_with_several_replicas_at_the_first_question_it_begins_in_panic() -> None:
    bench = Bench(KnativeKpa())
    assert [bench.ask(0, 3) for _ in range(31)] == [3] * 31
    assert bench.clock.now_s == 62.0
    assert bench.ask(0, 3) == 1


def test_the_initial_scale_is_wanted_until_it_was_reached_once() -> None:
    bench = Bench(KnativeKpa(initial_scale=2))
    assert [bench.ask(0, ready, starting) for ready, starting in ((0, 0), (0, 2), (1, 1))] == [2, 2, 2]
    assert bench.ask(0, 2) == 1
    assert Bench(KnativeKpa(initial_scale=0)).ask(0, 0) == 0


def test_the_requests_a_replica_can_take_may_be_given() -> None:
    assert Bench(KnativeKpa(per_replica=100.0)).ask(140, 1) == 2
    assert Bench(KnativeKpa(per_replica=100.0, utilization=1.0)).ask(140, 1) == 2
    assert Bench(KnativeKpa(per_replica=100.0, utilization=1.0)).ask(90, 1) == 1


def test_a_start_forgets_the_panic() -> None:
    bench = Bench(KnativeKpa())
    first = bench.surge()
    bench.restart()
    assert bench.surge() == first


def test_it_keeps_every_promise() -> None:
    check_policy(KnativeKpa())
    check_policy(KnativeKpa(per_replica=5.0, stable_window=20.0, max_scale_up_rate=2.0, initial_scale=3))
