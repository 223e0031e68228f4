"""The three queues of a replica keep the same promises; each against the plain list it stands for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simtier.contract import Asker, Scheduling
from simtier.errors import PolicyError
from simtier.models.queues import Fifo, Picked, Ranked, queue_for
from simtier.policies.scheduling.fifo import Fifo as FifoPolicy

Visit = Any


class ByPriority(Scheduling):
    def rank(self, request: Any) -> float:
        return float(request.priority)


class PickLowest(Scheduling):
    """What ByPriority says, by picking: the first of the lowest."""

    def pick(self, queue: Any) -> Any:
        return min(queue, key=lambda request: request.priority)


class Wrong(Scheduling):
    answer: Any = None

    def rank(self, request: Any) -> Any:
        return self.answer

    def observe_nothing(self) -> None:
        """Not a hook."""


class PickWrong(Scheduling):
    def pick(self, queue: Any) -> Any:
        return "the third"


def made(policy: Scheduling) -> Any:
    return queue_for(Asker(policy, "mine", "service", lambda: 1.5))


def visit(priority: int) -> Visit:
    """A stand-in that a view can read a priority from."""
    return SimpleNamespace(stage=SimpleNamespace(app=SimpleNamespace(priority=priority), revocable=False))


def test_the_queue_is_of_the_sort_that_the_policy_calls_for() -> None:
    assert isinstance(made(FifoPolicy()), Fifo)
    assert isinstance(made(ByPriority()), Ranked)
    assert isinstance(made(PickLowest()), Picked)


actions = st.lists(st.one_of(st.integers(0, 3), st.sampled_from(["pop"])), max_size=40)


@settings(derandomize=True, deadline=None, max_examples=200, database=None)
@given(actions, st.sampled_from(["fifo", "ranked", "picked"]))
def test_a_queue_serves_what_the_plain_list_would(todo: list[Any], sort: str) -> None:
    queue = made({"fifo": FifoPolicy(), "ranked": ByPriority(), "picked": PickLowest()}[sort])
    plain: list[Visit] = []

    def key(waiting: Visit) -> Any:
        return 0 if sort == "fifo" else waiting.stage.app.priority

    for act in todo:
        if isinstance(act, int):
            new = visit(act)
            queue.push(new)
            plain.append(new)
        elif plain and act == "pop":
            expected = min(plain, key=key)
            assert queue.pop() is expected
            plain = [other for other in plain if other is not expected]
        assert len(queue) == len(plain)
        order = sorted(plain, key=key) if sort != "picked" else plain
        assert [id(v) for v in queue] == [id(v) for v in order]


@pytest.mark.parametrize("answer", [None, True, "1", float("nan"), [1]])
def test_a_rank_that_is_no_number_is_refused_by_name(answer: Any) -> None:
    with pytest.raises(
        PolicyError, match=r"scheduling policy 'mine' of 'service' answered .* at 1.5 s; expected a number"
    ):
        made(Wrong(answer=answer)).push(visit(0))


def test_a_pick_from_outside_the_queue_is_refused_by_name() -> None:
    queue = made(PickWrong())
    queue.push(visit(0))
    with pytest.raises(PolicyError, match=r"answered 'the third' at 1.5 s; expected one of the requests of the queue"):
        queue.pop()
