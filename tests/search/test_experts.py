"""Experts of a mixture on accelerators: loads, moves, bounds and policies, by hand and against twins."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import FrozenInstanceError
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from simtier.catalogue.policies import load_policy
from simtier.contract import ExpertLoadView, ExpertPlacement, JobView
from simtier.errors import PolicyError
from simtier.models.experts import Layout, Mixture, Popularity, balance, best_possible, drifting, loads, moved, play
from simtier.models.llm.experts import placed as placed_by_engines
from simtier.policies import BUILT_IN
from simtier.policies.expert_placement.as_numbered import AsNumbered
from simtier.policies.expert_placement.greedy import Greedy
from simtier.policies.expert_placement.hierarchical import Hierarchical
from simtier.policies.expert_placement.serpentine import Serpentine
from simtier.testing import PROMISES, FakeExpertLoad, FakeJob
from simtier.testing.job_fakes import some_tokens

Floats = NDArray[np.float64]
POLICIES: list[type[ExpertPlacement]] = [AsNumbered, Greedy, Hierarchical, Serpentine]


def windows(*rows: list[list[float]]) -> list[Floats]:
    return [np.array(each, dtype=np.float64) for each in rows]


def after(policy: ExpertPlacement, tokens: Floats, layout: Layout) -> NDArray[np.int64]:
    seen = FakeExpertLoad(
        tokens=tokens, groups=layout.groups, nodes=layout.nodes, accelerators=layout.accelerators, slots=layout.slots
    )
    policy.start(None, np.random.default_rng(0))  # type: ignore[arg-type]
    return np.array(policy.place_experts(seen))


def test_greedy_by_hand() -> None:
    """Of 8, 1, 1, 2 tokens and two copies to spare expert 0 gets both: 8/3 three times; then 2, 1, 1 fill up."""
    assert Greedy().place_experts(FakeExpertLoad()) == [[0, 0, 2, 0, 3, 1]]
    found = loads(FakeExpertLoad().tokens, np.array([[0, 0, 2, 0, 3, 1]]), 2)
    assert found.tolist() == [[pytest.approx(16 / 3 + 1), pytest.approx(8 / 3 + 3)]]
    assert balance(found)[0] == pytest.approx(6 / (16 / 3 + 1))


def test_serpentine_by_hand() -> None:
    """Sorted 8/3, 8/3, 8/3, 2, 1, 1 and dealt out to two: first, second, second, first, first, second."""
    assert Serpentine().place_experts(FakeExpertLoad()) == [[0, 3, 1, 0, 0, 2]]


def test_as_numbered_begins_anew_with_copies() -> None:
    assert AsNumbered().place_experts(FakeExpertLoad()) == [[0, 1, 2, 3, 0, 1]]


def test_hierarchical_keeps_groups_on_a_node() -> None:
    """Groups (0, 1) and (2, 3) have 9 and 3 tokens: one node each, three slots each; the busier of the two gets the copy."""
    rows = Hierarchical().place_experts(FakeExpertLoad())
    assert [sorted(rows[0][:3]), sorted(rows[0][3:])] == [[0, 0, 1], [2, 3, 3]]


def test_hierarchical_places_as_greedy_where_nodes_do_not_divide_the_groups() -> None:
    assert Hierarchical().place_experts(FakeExpertLoad(groups=1)) == Greedy().place_experts(FakeExpertLoad(groups=1))


def test_moves_are_copies_that_an_accelerator_has_not_got_yet() -> None:
    before = np.array([[0, 1, 2, 0]])
    assert moved(before, np.array([[1, 0, 0, 2]]), accelerators=2, experts=3) == 0
    assert moved(before, np.array([[2, 0, 1, 0]]), accelerators=2, experts=3) == 2
    assert moved(before, np.array([[0, 0, 2, 1]]), accelerators=2, experts=3) == 2


def test_a_placement_is_scored_on_the_window_after_the_one_it_saw() -> None:
    """Two experts swap their tokens: with a copy of the busy one each is placed wrongly for the next window."""
    layout = Layout(slots=4, accelerators=2, nodes=1, groups=1)
    shown = windows([[9.0, 1.0, 2.0]], [[1.0, 9.0, 2.0]], [[9.0, 1.0, 2.0]])
    found = play(layout, shown, Greedy(), np.random.default_rng(0))
    # expert 0 twice (4.5 each), 2 and 1 beside: then 0.5 + 2 and 0.5 + 9
    assert [each.balancedness for each in found] == [pytest.approx(6 / 9.5), pytest.approx(6 / 9.5)]
    # from 0 and 2, 0 and 1 to 1 and 2, 1 and 0: the first accelerator gets expert 1
    assert [each.moved for each in found] == [0, 1]
    still = play(layout, [shown[0]] * 3, Greedy(), np.random.default_rng(0))
    assert [each.balancedness for each in still] == [pytest.approx(6 / 6.5)] * 2
    assert still[-1].moved == 0


def test_a_layer_with_nothing_to_do_is_even() -> None:
    found = play(Layout(4, 2, 1, 1), windows([[0, 0, 0]], [[0, 0, 0]]), Greedy(), np.random.default_rng(0))
    assert found[0].balancedness == found[0].worst == 1


shapes = st.sampled_from([(1, 4, 2, 2, 2), (2, 8, 4, 2, 4), (3, 12, 3, 3, 3), (1, 16, 8, 4, 8), (2, 6, 2, 1, 3)])


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_laws_of_every_policy(data: st.DataObject) -> None:
    layers, experts, accelerators, nodes, groups = data.draw(shapes)
    slots = experts + accelerators * data.draw(st.integers(0, 3)) + (-experts) % accelerators
    tokens = np.array(
        data.draw(st.lists(st.floats(0, 1000), min_size=layers * experts, max_size=layers * experts))
    ).reshape(layers, experts)
    layout = Layout(slots, accelerators, nodes, groups)
    for make in POLICIES:
        placed = after(make(), tokens, layout)
        assert placed.shape == (layers, slots)
        assert all(set(row) == set(range(experts)) for row in placed.tolist())
        found = loads(tokens, placed, accelerators)
        assert found.sum(axis=1) == pytest.approx(tokens.sum(axis=1))
        assert (balance(found) <= best_possible(tokens, slots, accelerators) * (1 + 1e-9)).all()
        assert moved(placed, placed, accelerators, experts) == 0
        shuffled = placed.reshape(layers, accelerators, -1)[:, :, ::-1].reshape(layers, slots)
        assert moved(placed, shuffled, accelerators, experts) == 0
        assert loads(tokens, shuffled, accelerators) == pytest.approx(found)


@settings(max_examples=60, deadline=None)
@given(tokens=st.lists(st.floats(0, 100), min_size=3, max_size=3))
def test_the_bound_holds_for_all_placements_there_are(tokens: list[float]) -> None:
    """Three experts, four slots on two accelerators: all placements, one by one."""
    row = np.array([tokens])
    possible = [each for each in itertools.product(range(3), repeat=4) if set(each) == {0, 1, 2}]
    best = max(balance(loads(row, np.array([each]), 2))[0] for each in possible)
    assert best <= best_possible(row, 4, 2)[0] * (1 + 1e-9)


def test_the_bound_is_that_of_the_busiest_copy_where_one_expert_has_nearly_all() -> None:
    assert best_possible(np.array([[100.0, 1.0, 1.0]]), 4, 4)[0] == pytest.approx((102 / 4) / 50)
    assert best_possible(np.array([[1.0, 1.0, 1.0]]), 3, 3)[0] == 1


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_greedy_places_as_the_engines_of_language_models_do(data: st.DataObject) -> None:
    """`experts: {placement: balanced}` of a service is the same rule, written twice: models and policies are strangers."""
    layers, experts, accelerators, nodes, groups = data.draw(shapes)
    redundant = accelerators * data.draw(st.integers(0, 2)) + (-experts) % accelerators
    drawn = data.draw(st.lists(st.integers(1, 10**6), min_size=experts, max_size=experts, unique=True))
    tokens = np.tile(np.array(drawn, dtype=np.float64), (layers, 1))
    layout = Layout(experts + redundant, accelerators, nodes, groups)
    mine = loads(tokens, after(Greedy(), tokens, layout), accelerators)
    theirs = placed_by_engines(tokens, accelerators, redundant, balanced=True).sum(axis=2)
    assert np.sort(mine, axis=1) == pytest.approx(np.sort(theirs, axis=1))


def test_hierarchical_puts_each_group_on_one_node() -> None:
    tokens = next(drifting(Mixture(3, 32, 4), Popularity("log_normal", 1.0, 0.9), 1000, np.random.default_rng(1)))
    placed = after(Hierarchical(), tokens, Layout(48, 8, 4, 8)).reshape(3, 4, 12)
    for layer in placed:
        nodes_of = [{node for node in range(4) if set(layer[node] // 4) & {group}} for group in range(8)]
        assert all(len(nodes) == 1 for nodes in nodes_of)
        assert Counter(next(iter(nodes)) for nodes in nodes_of) == {0: 2, 1: 2, 2: 2, 3: 2}


def test_drawn_tokens_have_the_skew_and_the_memory_asked_for() -> None:
    """Log-normal with CV 1: tokens have that CV, and logarithms the correlation, within five standard errors."""
    mixture = Mixture(layers=200, experts=128, active=4)
    first, second = islice(drifting(mixture, Popularity("log_normal", 0.5, 0.8), 10**6, np.random.default_rng(3)), 2)
    assert first.sum(axis=1).mean() == pytest.approx(4 * 10**6, rel=1e-3)
    assert (first.std(axis=1) / first.mean(axis=1)).mean() == pytest.approx(0.5, abs=0.02)
    together = np.corrcoef(np.log(first).ravel(), np.log(second).ravel())[0, 1]
    assert together == pytest.approx(0.8, abs=5 * (1 - 0.8**2) / np.sqrt(first.size) + 0.005)
    assert (first <= 10**6).all()


def test_zipf_is_zipf_and_nothing_changes_where_all_is_kept() -> None:
    streams = drifting(Mixture(1, 16, 1), Popularity("zipf", 1.0, 1.0), 10**7, np.random.default_rng(0))
    first, second = islice(streams, 2)
    weights = 1 / np.arange(1, 17)
    expected = 10**7 * weights / weights.sum()
    assert np.sort(first[0])[::-1] == pytest.approx(expected, rel=0.01)
    assert first[0].argsort().tolist() == second[0].argsort().tolist()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (None, "expected 1 rows of 6 numbers"),
        ([[0, 1, 2, 3]], r"shape \(1, 4\)"),
        ([[0, 1, 2, 3, 4, 0]], "named experts 0 to 4"),
        ([[0, 1, 2, -1, 3, 3]], "named experts -1 to 3"),
        ([[0, 1, 2, 2, 1, 0]], "left expert 3 of layer 0 out"),
        ([[0.0, 1.0, 2.0, 3.0, 0.0, 1.0]], "expected 1 rows"),
        ([[0, 1], [2]], r"shape \(0,\)"),
    ],
)
def test_wrong_answers_are_told(answer: Any, message: str) -> None:
    class Wrong(ExpertPlacement):
        def place_experts(self, load: object) -> Any:
            return answer

    shown = windows([[8, 1, 1, 2]], [[8, 1, 1, 2]])
    with pytest.raises(PolicyError, match=message):
        play(Layout(6, 2, 2, 2), shown, Wrong(), np.random.default_rng(0))
    with pytest.raises(AssertionError, match=r"Wrong.place_experts\(\) answered"):
        PROMISES["answers_are_legal"](Wrong())


def test_a_policy_cannot_write_to_what_it_is_shown() -> None:
    class Greedier(ExpertPlacement):
        def place_experts(self, load: Any) -> list[list[int]]:
            load.tokens[0, 0] = 0.0
            return [[]]

    with pytest.raises(ValueError, match="read-only"):
        play(Layout(6, 2, 2, 2), windows([[8, 1, 1, 2]], [[8, 1, 1, 2]]), Greedier(), np.random.default_rng(0))
    with pytest.raises(ValueError, match="read-only"):
        some_tokens()[0, 0] = 1.0


@pytest.mark.parametrize("numbers", [(10, 4, 2, 1), (8, 4, 3, 1), (8, 4, 2, 0)])
def test_layouts_that_do_not_come_out_even_are_refused(numbers: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match=r"divide|at least 1"):
        Layout(*numbers)


@pytest.mark.parametrize(("view", "fake"), [(JobView, FakeJob()), (ExpertLoadView, FakeExpertLoad())])
def test_the_fakes_show_all_that_the_views_show_and_cannot_be_changed(view: type, fake: object) -> None:
    shown = [name for name in vars(view) if not name.startswith("_")]
    assert shown
    assert all(hasattr(fake, name) for name in shown)
    with pytest.raises(FrozenInstanceError):
        setattr(fake, shown[0], None)


def test_every_built_in_policy_is_tested_here() -> None:
    made = {type(load_policy("expert_placement", name, {}, Path())) for name in BUILT_IN["expert_placement"]}
    assert made == set(POLICIES)
