"""Answers that the contract does not allow are caught."""

# ruff: noqa: ANN001, ANN201, ANN202 - a broken policy is kept to the line that breaks it

from __future__ import annotations

import copy

import pytest

from simtier.contract import (
    Admission,
    Autoscaling,
    Balancing,
    Batching,
    Disaggregation,
    Divide,
    Hold,
    Loan,
    Move,
    Partitioning,
    Placement,
    Rebalancing,
    Routing,
    Scheduling,
)
from simtier.testing import PROMISES, FakeEngineReplica, FakeSequence, FakeService

STRANGER = FakeEngineReplica(id=99)

ILLEGAL = {
    Partitioning: [(0,), (0, 99), (3, 2), (0.0, 1.0), (True, True), None, {0, 1}],
    Placement: ["device-0", 3],
    Routing: [None, 0, "reject"],
    Scheduling: [None, float("nan"), "first", True],
    Batching: [None, (), 3, Hold(-1.0)],
    Autoscaling: [None, -1, 1.5, True],
    Admission: [None, 1, "yes"],
    Rebalancing: [None, 3, (), "1", (-1.0,), (float("nan"),), (1e9,), (True,), {1.0}],
    Disaggregation: [None, (), 3, "ab", (FakeService(), FakeService())],
    Balancing: [
        None,
        3,
        "move",
        (1,),
        (Move(FakeSequence(), STRANGER, STRANGER),),
        (Loan(STRANGER, FakeEngineReplica(id=98), 1),),
        (Divide(STRANGER, 0.5, 0.5),),
    ],
}
QUESTION = {
    Partitioning: "split",
    Placement: "place",
    Routing: "choose",
    Scheduling: "rank",
    Batching: "form",
    Autoscaling: "target",
    Admission: "admit",
    Rebalancing: "shares",
    Disaggregation: "pools",
    Balancing: "balance",
}


@pytest.mark.parametrize(
    ("kind", "answer"), [(kind, answer) for kind, answers in ILLEGAL.items() for answer in answers], ids=repr
)
def test_an_illegal_answer_is_caught(kind, answer):
    policy = type("Wrong", (kind,), {QUESTION[kind]: lambda self, *seen: answer, "__module__": __name__})
    with pytest.raises(AssertionError, match=r"Wrong\.\w+\(\) answered .* expected "):
        PROMISES["answers_are_legal"](policy())


def test_a_batch_that_is_too_long_or_holds_a_request_twice_is_caught():
    class TooLong(Batching):
        def form(self, queue, limits):
            return queue

    class Twice(Batching):
        def form(self, queue, limits):
            return (queue[0], queue[0]) if limits.max_batch > 1 else queue[:1]

    for policy in (TooLong, Twice):
        with pytest.raises(AssertionError, match="different requests of the queue"):
            PROMISES["answers_are_legal"](policy())


def test_a_copy_of_a_view_is_no_answer():
    class Copier(Scheduling):
        def pick(self, queue):
            return copy.copy(queue[0])

    with pytest.raises(AssertionError, match="one of the requests in the queue it was shown"):
        PROMISES["answers_are_legal"](Copier())
