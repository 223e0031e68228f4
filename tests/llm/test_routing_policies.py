"""Routing of requests to language models: worked examples."""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import Any

import pytest

from simtier.catalogue.policies import find_policy
from simtier.contract import REJECT, WAIT, Fetch, Routing
from simtier.policies.admission.early_rejection import EarlyRejection
from simtier.policies.routing.kv_aware import KvAware
from simtier.policies.routing.least_in_flight import LeastInFlight
from simtier.policies.routing.mooncake import Mooncake
from simtier.policies.routing.on_demand_forwarding import OnDemandForwarding
from simtier.policies.routing.prefix_aware import PrefixAware
from simtier.policies.routing.round_robin import RoundRobin
from simtier.policies.routing.shortest_queue_tokens import ShortestQueueTokens
from simtier.streams import Streams
from simtier.testing import FakeClock, FakeEngineReplica, FakeNode, FakeReplica, FakeRequest, FakeService, FakeSite


def engine(number: int, **state: Any) -> FakeEngineReplica:
    return FakeEngineReplica(id=number, node=FakeNode(name=f"gpu-{number}"), **state)


def prompt(tokens: int, **told: Any) -> FakeRequest:
    """A request whose whole prompt is told."""
    return FakeRequest(prompt_tokens=tokens, prefix=(1,), prefix_tokens=tokens, **told)


def started(policy: Any, now_s: float = 0.0, **services: FakeService) -> Any:
    site = FakeSite(clock=FakeClock(now_s), services=MappingProxyType(services))
    policy.start(site, Streams(0).stream("policy"))
    return policy


def test_the_shortest_queue_is_counted_in_tokens_and_not_in_requests() -> None:
    long, short = engine(1, queued_tokens=9000, in_flight=1), engine(2, queued_tokens=300, in_flight=30)
    assert ShortestQueueTokens().choose(prompt(10), (long, short)) is short
    assert LeastInFlight().choose(prompt(10), (long, short)) is long


def test_equal_queues_are_told_apart_by_requests_then_by_age() -> None:
    busy, idle, newer = engine(1, in_flight=3), engine(2, in_flight=1), engine(3, in_flight=1)
    assert ShortestQueueTokens().choose(prompt(10), (busy, idle, newer)) is idle


def test_without_engines_requests_are_counted() -> None:
    plain = (FakeReplica(id=1, in_flight=2), FakeReplica(id=2, in_flight=1))
    for policy in (ShortestQueueTokens(), PrefixAware(), KvAware(), started(Mooncake())):
        assert policy.choose(FakeRequest(), plain) is plain[1]


def test_the_longest_match_wins_if_it_is_a_fair_share() -> None:
    """Of 1,000 tokens 301 are more than 0.3, and 300 are not."""
    idle, some, more = engine(1), engine(2, known=301, in_flight=9), engine(3, known=400, in_flight=20)
    assert PrefixAware().choose(prompt(1000), (idle, some, more)) is more
    assert PrefixAware().choose(prompt(1000), (idle, some)) is some
    assert PrefixAware().choose(prompt(1000), (idle, engine(2, known=300, in_flight=9))) is idle


def test_an_uneven_load_overrides_the_match() -> None:
    """65 requests apart and more than 1.5 times as many: both must be so."""
    request = prompt(1000)
    for busiest, idlest, balanced in ((64, 0, False), (65, 0, True), (265, 200, False), (301, 200, True)):
        knows, idle = engine(1, known=900, in_flight=busiest), engine(2, in_flight=idlest)
        assert PrefixAware().choose(request, (knows, idle)) is (idle if balanced else knows)


def test_of_equal_matches_the_least_busy_is_taken() -> None:
    busy, idle = engine(1, known=900, in_flight=5), engine(2, known=900, in_flight=4)
    assert PrefixAware().choose(prompt(1000), (busy, idle)) is idle


def test_the_cost_in_blocks_by_hand() -> None:
    """160 tokens are 10 blocks. First: (64 + 160 - 0) / 16 = 14 to compute, 30 in use: 14 w + 44. Second: 160 - 80 = 5, and 45 in use: 5 w + 50."""
    first = engine(1, queued_tokens=64, blocks_free=970)
    second = engine(2, known=80, blocks_free=955)
    request = prompt(160)
    policy = KvAware()
    assert (policy._cost(request, first), policy._cost(request, second)) == (14 + 44, 5 + 50)
    assert policy.choose(request, (first, second)) is second
    assert KvAware(weight=0.5).choose(request, (first, second)) is first  # 51 against 52.5


@pytest.mark.parametrize(("queued", "taken"), [(1999, 1), (2001, 2)])
def test_the_first_token_is_expected_after_queue_and_prompt(queued: int, taken: int) -> None:
    """A prompt of 3,000 of which the first knows 2,000: 1e-4 s x (queued + 1,000) against 1e-4 s x 3,000."""
    engines = (engine(1, known=2000, queued_tokens=queued), engine(2))
    assert started(Mooncake(fetch_above=math.inf)).choose(prompt(3000), engines) is engines[taken - 1]


def test_a_prefix_is_fetched_where_that_is_quicker() -> None:
    """2,000 tokens of 100 kB over 10 MB/s take 20 s: the busy one knows them and needs 0.11 s after its queue."""
    idle, busy = engine(1), engine(2, known=2000, queued_tokens=250_000)
    answer = started(Mooncake()).choose(prompt(3000), (idle, busy))
    assert answer == Fetch(idle, busy)  # 10 ms + 20 s + 0.11 s against 25.11 s
    assert started(Mooncake()).choose(prompt(3000), (idle, engine(2, known=2000, queued_tokens=200_000))).id == 2


def test_what_is_known_in_part_is_fetched_above_the_threshold_only() -> None:
    """1,000 of 1,999 is not half of it; of 2,001 it is less than half."""
    for known, fetched in ((1999, False), (2001, True)):
        knows_some = engine(1, known=1000, token_bytes=1.0)
        knows_more = engine(2, known=known, queued_tokens=10**7)
        answer = started(Mooncake()).choose(prompt(3000), (knows_some, knows_more))
        assert answer == Fetch(knows_some, knows_more) if fetched else answer is knows_some


def test_who_would_miss_the_target_of_the_first_token_is_rejected() -> None:
    """It is 5 s; 0.01 s + 1,000 x 1e-4 s for the prompt: by 5.11 s, not by 5.10 s."""
    policy = started(Mooncake(), now_s=5.0)
    assert policy.choose(prompt(1000, first_by_s=5.1100001), (engine(1),)).id == 1
    assert policy.choose(prompt(1000, first_by_s=5.10), (engine(1),)) is REJECT
    assert started(Mooncake(reject=False), now_s=5.0).choose(prompt(1000, first_by_s=5.10), (engine(1),)).id == 1


def test_a_pool_that_decodes_is_chosen_from_by_the_time_per_token() -> None:
    """10 ms + 1 ms x (20 + 1) = 31 ms against 16 ms."""
    engines = (engine(1, running=20), engine(2, running=5, queued_tokens=9000))
    policy = started(Mooncake(by="token"))
    assert policy.choose(prompt(100, token_target_s=0.016), engines) is engines[1]
    assert policy.choose(prompt(100, token_target_s=0.0159), engines) is REJECT


def test_requests_are_offered_to_the_least_busy_replica_that_is_idle() -> None:
    computing, busy, idle = engine(1, queued_prompts=1), engine(2, in_flight=9), engine(3, in_flight=4)
    policy = started(OnDemandForwarding())
    assert policy.choose(prompt(100), (computing, busy, idle)) is idle
    assert policy.choose(prompt(100), (computing,)) is WAIT
    assert started(OnDemandForwarding(prompts=2)).choose(prompt(100), (computing,)) is computing


def test_who_waited_too_long_for_an_idle_replica_is_rejected() -> None:
    policy = started(OnDemandForwarding(), now_s=5.0)
    assert policy.choose(prompt(1000, first_by_s=5.12), (engine(1),)).id == 1
    assert policy.choose(prompt(1000, first_by_s=5.10), (engine(1),)) is REJECT
    assert policy.choose(prompt(1000, first_by_s=5.10), (engine(1, queued_prompts=1),)) is WAIT
    assert policy.choose(prompt(1000, first_by_s=4.99), (engine(1, queued_prompts=1),)) is REJECT


def test_each_owner_of_round_robin_takes_turns_of_its_own() -> None:
    one, other = started(RoundRobin()), started(RoundRobin())
    engines = (engine(1), engine(2), engine(3))
    turns = [(one.choose(prompt(1), engines).id, other.choose(prompt(1), engines).id) for _ in range(4)]
    assert turns == [(1, 1), (2, 2), (3, 3), (1, 1)]


def test_least_outstanding_is_least_in_flight() -> None:
    from pathlib import Path

    assert find_policy("routing", "least_outstanding", Path()) is find_policy("routing", "least_in_flight", Path())
    assert issubclass(LeastInFlight, Routing)


def admits(policy: EarlyRejection, request: FakeRequest, service: FakeService, **services: FakeService) -> bool:
    return bool(started(policy, 5.0, **services).admit(request, service))


def test_a_request_is_rejected_early_if_no_replica_gives_its_first_token_in_time() -> None:
    """Queue 10 ms + 900 x 0.1 ms, prompt 10 ms + 100 x 0.1 ms: 120 ms; the other needs 10 ms + 1,000 x 0.1 ms = 110 ms."""
    knows, idle = engine(1, known=900, queued_prompts=1, queued_tokens=900), engine(2)
    pool = FakeService(replicas=(knows, idle))
    for headroom in (1.0, 2.0):
        policy = EarlyRejection(headroom=headroom)
        assert admits(policy, prompt(1000, first_by_s=5.0000001 + 0.11 * headroom), pool)
        assert not admits(policy, prompt(1000, first_by_s=4.9999 + 0.11 * headroom), pool)
        assert not admits(policy, prompt(1000, first_by_s=4.9999 + 0.12 * headroom), FakeService(replicas=(knows,)))


def test_prompts_that_wait_will_decode_too_and_some_decodes_will_have_ended() -> None:
    """30 decode and 10 prompts wait: 10 ms + 41 x 1 ms. The first token comes after 0.1 + 0.1 + 0.02 s = 0.22 s: after 0.44 s all would have
    ended, so half of 30 do: 10 ms + 26 x 1 ms."""
    prompts = FakeService(replicas=(engine(1, queued_prompts=10, queued_tokens=1000),))
    tokens = FakeService(replicas=(engine(2, running=30),))
    for stay, token_s in ((None, 0.051), (0.44, 0.036)):
        policy = EarlyRejection(decode="tokens", stay=stay)
        assert admits(policy, prompt(100, token_target_s=token_s + 1e-9), prompts, tokens=tokens)
        assert not admits(policy, prompt(100, token_target_s=token_s - 1e-9), prompts, tokens=tokens)


def test_an_unknown_pool_to_decode_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no service 'nowhere' to decode: there are tokens"):
        started(EarlyRejection(decode="nowhere"), tokens=FakeService())
