"""Which requests leave the nearest pool: those that it is not expected to answer in time."""

from __future__ import annotations

from typing import Any

import pytest

from simtier.policies.disaggregation.spill_over import SpillOver
from simtier.streams import Streams
from simtier.testing import FakeClock, FakeEngineReplica, FakeReplica, FakeRequest, FakeService, FakeSite

REQUEST = FakeRequest(prompt_tokens=900)


def goes_to(near: tuple[FakeReplica, ...], request: FakeRequest, *, headroom: float = 1.0, now_s: float = 0.0) -> str:
    """Return the name of the pool, of two, that the request goes to."""
    policy = SpillOver(headroom=headroom)
    policy.start(FakeSite(clock=FakeClock(now_s)), Streams(0).stream("policy"))
    first, second = policy.pools(request, (FakeService(name="near", replicas=near), FakeService(name="far")))
    assert first is second
    return first.name


def asked(**targets: Any) -> FakeRequest:
    return FakeRequest(prompt_tokens=900, **targets)


@pytest.mark.parametrize(("first_by_s", "pool"), [(0.401, "near"), (0.399, "far")])
def test_the_first_token_is_expected_behind_the_prompts_before_it(first_by_s: float, pool: str) -> None:
    """Prompts of 2,900 tokens before it take 300 ms, its own 900 take 100 ms."""
    engine = FakeEngineReplica(queued_prompts=1, queued_tokens=2900)
    assert goes_to((engine,), asked(first_by_s=first_by_s)) == pool


@pytest.mark.parametrize(("token_target_s", "pool"), [(0.051, "near"), (0.049, "far")])
def test_tokens_are_expected_as_slow_as_with_all_that_run_and_itself(token_target_s: float, pool: str) -> None:
    """39 sequences run: an iteration with 40 takes 50 ms."""
    assert goes_to((FakeEngineReplica(running=39),), asked(token_target_s=token_target_s)) == pool


def test_headroom_lengthens_both() -> None:
    engine = FakeEngineReplica(running=39)
    assert goes_to((engine,), asked(token_target_s=0.06), headroom=1.1) == "near"
    assert goes_to((engine,), asked(token_target_s=0.06), headroom=1.3) == "far"
    assert goes_to((engine,), asked(first_by_s=0.12), headroom=1.1) == "near"
    assert goes_to((engine,), asked(first_by_s=0.12), headroom=1.3) == "far"


def test_what_has_passed_counts() -> None:
    """It takes 100 ms, and 50 ms of its 140 ms have gone."""
    assert goes_to((FakeEngineReplica(),), asked(first_by_s=0.14)) == "near"
    assert goes_to((FakeEngineReplica(),), asked(first_by_s=0.14), now_s=0.05) == "far"


def test_one_engine_has_to_keep_both_promises() -> None:
    """One would be early and slow, the other late and quick; together they are no use."""
    slow, late = FakeEngineReplica(id=1, running=99), FakeEngineReplica(id=2, queued_prompts=99)
    request = asked(first_by_s=0.5, token_target_s=0.05)
    assert goes_to((slow, late), request) == "far"
    assert goes_to((slow, late, FakeEngineReplica(id=3)), request) == "near"


def test_without_targets_all_stay_and_without_an_engine_none() -> None:
    busy = FakeEngineReplica(running=999, queued_prompts=999)
    assert goes_to((busy,), REQUEST) == "near"
    assert goes_to((), REQUEST) == "far"
    assert goes_to((FakeReplica(id=1),), REQUEST) == "far"
