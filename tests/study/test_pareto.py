"""The front: nobody on it is beaten, everybody else is, and chance is told."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from swept import swept

from simtier.statistics import paired
from simtier.study.effects.best import best
from simtier.study.effects.measured import Measured, measured
from simtier.study.effects.pareto import Front, Objective, Point, _better, front, objectives, undominated

FRONT = "services.front.replicas"
SLO, COST, ENERGY = "apps.buy.slo.attainment", "cost_usd", "energy_j"
BOTH = (Objective(SLO, "higher"), Objective(COST, "lower"))

Costs = (
    st.integers(1, 3)
    .flatmap(
        lambda width: st.lists(st.lists(st.integers(-5, 5), min_size=width, max_size=width), min_size=1, max_size=25)
    )
    .map(lambda rows: np.array(rows, dtype=np.float64))
)


def dominates(one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    return bool((one <= other).all() and (one < other).any())


@given(Costs)
def test_members_are_not_dominated_and_all_others_are_by_a_member(costs: NDArray[np.float64]) -> None:
    on_front = undominated(costs)
    assert on_front.any()
    for place, each in enumerate(costs):
        assert on_front[place] == (not any(dominates(other, each) for other in costs))
        assert on_front[place] or any(dominates(other, each) for other in costs[on_front])


@given(Costs, st.randoms())
def test_the_front_does_not_depend_on_the_order_of_points_or_on_scales(
    costs: NDArray[np.float64], random: object
) -> None:
    order = list(range(len(costs)))
    random.shuffle(order)  # type: ignore[attr-defined]
    assert undominated(costs[order]).tolist() == undominated(costs)[order].tolist()
    assert undominated(np.exp(costs)).tolist() == undominated(costs).tolist()
    assert undominated(7 * costs**3 - 2).tolist() == undominated(costs).tolist()


def studied(attained: list[list[float]], cost: list[list[float]]) -> Measured:
    def rows(values: Mapping[str, str], number: int) -> dict[str, float]:
        place = int(values[FRONT]) - 1
        return {SLO: attained[place][number], COST: float(cost[place][number])}

    axes = [{"grid": {FRONT: list(range(1, len(attained) + 1))}}]
    return measured(*swept(axes, rows, replications=len(attained[0])))


def found(measured: Measured) -> Front:
    made = front(measured, BOTH)
    assert made is not None
    return made


def test_ties_are_kept_and_the_front_is_in_order_of_the_first_objective() -> None:
    made = found(studied([[each] * 3 for each in (0.9, 0.99, 0.9, 0.8)], [[each] * 3 for each in (1, 3, 1, 2)]))
    assert [point.name for point in made.members] == ["2", "1", "3"]
    assert [point.sure for point in made.points] == [True, True, True, True]
    assert all(point.beside == () for point in made.points)


def test_a_cell_that_chance_may_have_put_behind_is_told_beside_the_front() -> None:
    noisy = [0.900, 0.902, 0.898, 0.901]
    attained = [noisy, [0.901, 0.899, 0.899, 0.900], [0.5, 0.5, 0.5, 0.5]]
    made = found(studied(attained, [[1.0] * 4, [1.0] * 4, [2.0] * 4]))
    by_name: dict[str, Point] = {point.name: point for point in made.points}
    assert [point.name for point in made.members] == ["1"]
    assert by_name["2"].sure is False
    assert by_name["3"].sure is True
    assert by_name["1"].sure is False
    assert by_name["1"].beside == (1,)


def test_one_replication_tells_nothing_of_chance() -> None:
    made = found(studied([[0.9], [0.8]], [[1.0], [2.0]]))
    assert [point.on_front for point in made.points] == [True, False]
    assert [point.sure for point in made.points] == [None, None]


@given(st.integers(0, 2**32 - 1), st.integers(2, 6))
def test_differences_are_those_of_the_paired_comparison(seed: int, replications: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 4, size=(4, 2, replications)).astype(np.float64)
    p_values, same = _better(values[0], values)
    for place in range(4):
        for objective in range(2):
            comparison = paired(values[0, objective], values[place, objective])
            expected = comparison.p_value if comparison.difference > 0 and comparison.p_value <= 1 else 1.0
            assert p_values[place, objective] == pytest.approx(expected, rel=1e-9, abs=1e-300)
            assert same[place, objective] == (comparison.difference == 0 and comparison.sd == 0)


def test_objectives_are_attainment_against_what_is_paid_where_they_vary() -> None:
    def table(**metrics: list[float]) -> Measured:
        return measured(
            *swept(
                [{"grid": {FRONT: [1, 2]}}],
                lambda values, number: {
                    name.replace("__", "."): each[int(values[FRONT]) - 1] for name, each in metrics.items()
                },
            )
        )

    slo, p95 = "apps__buy__slo__attainment", "apps__buy__latency_s__p95"
    assert objectives(table(**{slo: [0.9, 1.0], p95: [1.0, 2.0], COST: [1.0, 2.0], ENERGY: [3.0, 3.0001]})) == BOTH
    assert objectives(table(**{slo: [1.0, 1.0], p95: [1.0, 2.0], ENERGY: [1.0, 2.0]})) == (
        Objective("apps.buy.latency_s.p95", "lower"),
        Objective(ENERGY, "lower"),
    )
    assert objectives(table(**{slo: [0.9, 1.0], COST: [2.0, 2.0]})) == ()


def test_a_cell_that_lacks_a_value_is_left_out_of_the_front_and_counted() -> None:
    def rows(values: Mapping[str, str], number: int) -> dict[str, float] | str:
        return "no" if values[FRONT] == "3" else {SLO: 0.5, COST: float(values[FRONT])}

    made = found(measured(*swept([{"grid": {FRONT: [1, 2, 3]}}], rows)))
    assert made.left_out == 1
    assert [point.name for point in made.members] == ["1"]


def test_the_best_cells_come_first_with_those_not_told_from_the_first() -> None:
    attained = [[0.90, 0.91, 0.92] * 2, [0.95, 0.97, 0.96] * 2, [0.951, 0.969, 0.961] * 2, [0.2, 0.3, 0.25] * 2]
    made = best(studied(attained, [[1.0] * 6] * 4), SLO)
    assert made is not None
    assert made.places == (2, 1, 0, 3)
    assert made.ties == (1,)
    assert made.intervals[0].mean == pytest.approx(0.96033, abs=1e-5)
    alone = best(studied([[0.1], [0.2]], [[1.0], [1.5]]), COST)
    assert alone is not None
    assert (alone.places, alone.ties) == ((0, 1), None)
    assert best(studied([[0.1], [0.2]], [[1.0], [1.0]]), COST) is None


def test_the_best_of_equal_cells_is_told_from_others_no_more_often_than_stated() -> None:
    """It was chosen for its luck, so a correction for the cells it is compared with alone is wrong in every sixth study."""
    wrong = []
    for seed in range(120):
        values = np.random.default_rng(seed).normal(10, 1, size=(30, 5))
        made = best(studied([[0.5] * 5] * 30, values.tolist()), COST)
        assert made is not None
        assert made.ties is not None
        wrong.append(len(made.ties) < 29)
    assert sum(wrong) <= 11, "5 % of 120 are 6"


def test_a_cell_that_differs_by_the_same_in_two_replications_is_not_surely_behind() -> None:
    counted = found(studied([[0.9, 0.8], [0.8, 0.7]], [[1.0, 1.0], [1.0, 1.0]]))
    assert [point.sure for point in counted.points] == [False, False]


def test_a_cell_is_surely_behind_though_it_may_be_better_by_a_hair_in_another_objective() -> None:
    """Cell 2 is far worse in attainment; its cost, the same in truth, may be better by less than 1 % of the range, which does not save it."""
    wobble = [0.001, -0.0012, 0.0009, -0.0008]
    attained = [[0.9, 0.91, 0.905, 0.9], [0.5, 0.51, 0.505, 0.49], [0.2, 0.21, 0.2, 0.19]]
    dearer = [[1.0] * 4, [1.0001 + each for each in wobble], [0.5] * 4]
    made = {point.name: point for point in found(studied(attained, dearer)).points}
    assert not made["2"].on_front
    assert made["2"].sure is True
    assert made["1"].sure is True
