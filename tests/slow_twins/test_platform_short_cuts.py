"""What a platform looks up quickly, against looking at everything: which idle instance goes first, and which node has room first."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from simtier.clock import Clock
from simtier.models.node import Claim, Node
from simtier.models.serverless.evictions import Evictions
from simtier.models.serverless.room import Room
from simtier.policies.placement.first_fit import FirstFit

twins = settings(derandomize=True, deadline=None, max_examples=300, database=None)
NODES = ("a", "b", "c")
steps = st.lists(
    st.tuples(st.sampled_from(["idle", "use", "grow", "look", "evict"]), st.integers(0, 5), st.integers(0, 2)),
    min_size=10,
    max_size=80,
)
USED_MEANWHILE = [
    ("idle", 0, 1),
    ("use", 0, 0),
    ("look", 0, 0),
    ("idle", 1, 1),
    ("look", 0, 0),
    ("look", 0, 0),
    ("idle", 0, 1),
    ("look", 0, 2),
]
"""Two are worth the same; the first was used while the second was idle, so the second has been idle longer."""


def instances() -> list[Any]:
    """Return what evictions look at of six instances on three nodes; `value` is what the policy says they are worth."""
    return [
        SimpleNamespace(
            id=number,
            node=NODES[number % 3],
            post=SimpleNamespace(claim=SimpleNamespace(memory_bytes=0.1 * (1 + number % 4), cores=0.3)),
            listed=False,
            since_s=0.0,
            worth=0.0,
            value=0.0,
        )
        for number in range(6)
    ]


def goes_first(idle: list[Any], *, ranked: bool) -> Any:
    """Return the instance that goes first by looking at all of them."""
    return min(idle, key=lambda each: (each.value if ranked else 0.0, each.since_s, each.id), default=None)


@twins
@given(steps=steps, ranked=st.booleans())
@example(steps=USED_MEANWHILE, ranked=True)
def test_the_instance_that_goes_first_is_that_of_a_look_at_all(steps: list[tuple[str, int, int]], ranked: bool) -> None:
    every = instances()
    evictions = Evictions(
        (lambda each: each.value) if ranked else None, lambda: (each for each in every if each.listed)
    )
    for now, (what, number, amount) in enumerate(steps):
        instance = every[number]
        if what == "idle" and not instance.listed:
            instance.since_s = float(now - now % 3)  # some fall idle at the same instant
            instance.value = float(amount)
            evictions.add(instance)
        elif what == "use":
            evictions.discard(instance)
        elif what == "grow":
            instance.value += amount
        idle = [each for each in every if each.listed]
        assert len(evictions) == len(idle)
        if what == "look":
            good = NODES[: amount or 1]
            suiting = [each for each in idle if each.node in good]
            first = goes_first(suiting, ranked=ranked)
            assert evictions.node_of_worst(lambda node: node in good) == (first and first.node)  # noqa: B023 - called at once
            for node in NODES:
                claims = [each.post.claim for each in idle if each.node == node]
                held = (sum(claim.memory_bytes for claim in claims), sum(claim.cores for claim in claims))
                assert evictions.held_on(node) == pytest.approx(held)
        elif what == "evict":
            node = NODES[number % 3]
            first = goes_first([each for each in idle if each.node == node], ranked=ranked)
            assert evictions.worst_on(node) is first
            if first is not None:
                evictions.discard(first)


@twins
@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from([1.0, 2.0, 3.0]), st.integers(0, 30)), max_size=80),
    st.integers(1, 6),
)
def test_the_node_with_room_is_the_first_of_a_look_at_all(moves: list[tuple[bool, float, int]], many: int) -> None:
    nodes = [Node(Clock(), f"node-{k}", "cloud", "host", 1.0, 4.0) for k in range(many)]
    room = Room(None, nodes, SimpleNamespace(policy=FirstFit()))  # type: ignore[arg-type]  # neither is asked here
    taken: list[tuple[Node, Claim]] = []
    for comes, size, which in moves:
        if comes:
            claim = Claim("faas", 0.0, size)
            node = room._first_with_room(claim)
            assert node is next((each for each in nodes if each.has_room(claim)), None)
            if node is not None:
                node.take(claim)
                taken.append((node, claim))
        elif taken:
            node, claim = taken.pop(which % len(taken))
            node.give_back(claim, None)
            room.freed(node)
