"""The queue that batches are formed from, against a plain sorted list."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simtier.contract import Asker, Scheduling
from simtier.errors import PolicyError
from simtier.models.batch_line import BatchLine


class ByPriority(Scheduling):
    def rank(self, request: Any) -> float:
        return float(request.priority)


class Picks(Scheduling):
    def pick(self, queue: Any) -> Any:
        return queue[0]


class StandIn:
    """A stage, which can be a key."""

    def __init__(self, priority: float) -> None:
        self.app = SimpleNamespace(priority=priority)
        self.original = self


STAGES = [StandIn(0), StandIn(1), StandIn(1)]


def line(policy: Scheduling) -> BatchLine:
    return BatchLine(Asker(policy, "mine", "service", lambda: 0.0))


def visit(stage: int, first: int) -> Any:
    return SimpleNamespace(stage=STAGES[stage], part=SimpleNamespace(first=first, last=9))


joins = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1)), max_size=30)


@settings(derandomize=True, deadline=None, max_examples=150, database=None)
@given(joins, st.integers(1, 4), st.sets(st.integers(0, 29)), st.lists(st.booleans(), max_size=40))
def test_the_next_batch_is_the_first_in_rank_and_those_behind_it_that_can_join(
    joining: list[tuple[int, int]], most: int, gone: set[int], keeps: list[bool]
) -> None:
    queue = line(ByPriority())
    plain: list[tuple[float, int, Any]] = []
    for number, (stage, first) in enumerate(joining):
        new = visit(stage, first)
        new.number = number
        queue.push(new)
        plain.append((STAGES[stage].app.priority, number, new))
    for keep in [*keeps, *[True] * 40]:
        here = sorted(entry for entry in plain if entry[1] not in gone)
        taken = queue.take(most, lambda one: one.number in gone)
        if not here:
            assert taken == []
            assert len(queue) == 0
            return
        head = here[0][2]
        alike = [e[2] for e in here if (e[2].stage, e[2].part.first) == (head.stage, head.part.first)]
        assert [place[2] for place in taken] == alike[:most]
        if keep:
            plain = [entry for entry in plain if entry[2] not in alike[:most]]
        else:
            assert queue.sharing(taken[0]) >= len(alike) - most
            queue.give_back(taken)
    raise AssertionError("batches should have emptied the queue")


def test_a_policy_that_picks_cannot_order_batches() -> None:
    with pytest.raises(PolicyError, match="expected a scheduling policy that ranks"):
        line(Picks())
