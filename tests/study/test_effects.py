"""Effects of fields: designs worked out by hand, and laws."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import f as f_distribution
from swept import swept

from simtier.statistics import holm, mean_interval, paired
from simtier.study.effects.additive import Additive
from simtier.study.effects.analysis import Analysis, analyse
from simtier.study.effects.complete import Complete
from simtier.study.effects.levels import short_names, sizes
from simtier.study.effects.measured import measured
from simtier.study.effects.squares import Squares

FRONT, BACK, RATE, TIME = (
    "services.front.replicas",
    "services.back.replicas",
    "workloads.people.arrivals.rate",
    "apps.buy.stages.a.time",
)
TWO_BY_TWO = [{"grid": {FRONT: [1, 2], BACK: [1, 2]}}]


def analysed(axes: list[dict[str, object]], rows: object, replications: int = 2) -> Analysis:
    found = analyse(measured(*swept(axes, rows, replications=replications)), "m")  # type: ignore[arg-type]
    assert found is not None
    return found


def test_an_additive_design_has_no_interaction_and_the_shares_worked_out_by_hand() -> None:
    # y = 10 + 4 a + 2 b + 1 r with a, b, r in {-1/2, +1/2}: squares over 8 values are 8 * (4, 1, 1/4) = 32, 8, 2; together 42.
    def rows(values: Mapping[str, str], number: int) -> dict[str, float]:
        return {"m": 10 + 4 * (int(values[FRONT]) - 1.5) + 2 * (int(values[BACK]) - 1.5) + (number - 0.5)}

    found = analysed(TWO_BY_TWO, rows)
    assert found.crossed
    assert [effect.field for effect in found.effects] == [FRONT, BACK]
    assert [effect.share for effect in found.effects] == pytest.approx([32 / 42, 8 / 42])
    assert found.replications_share == pytest.approx(2 / 42)
    assert found.pairs[0].share == pytest.approx(0, abs=1e-12)
    assert found.rest_share == pytest.approx(0, abs=1e-12)
    front = found.effects[0]
    assert [level.interval.mean for level in front.levels] == pytest.approx([8, 12])
    assert [level.effect.mean for level in front.levels] == pytest.approx([-2, 2])
    assert [level.effect.half_width for level in front.levels] == pytest.approx([0, 0], abs=1e-12)
    # The mean of a level is 8 - 1/2 and 8 + 1/2 in the two replications: t(0.975, 1) * sqrt(1/2) / sqrt(2) = 12.706 / 2.
    assert front.levels[0].interval.half_width == pytest.approx(12.7062 / 2, rel=1e-4)
    assert (front.lowest, front.highest) == ("1", "2")
    assert front.spread is not None
    assert front.spread.difference == pytest.approx(4)
    assert math.isnan(front.spread.half_width), "twice the same may be luck"


def test_a_pure_interaction_is_all_of_the_variance_and_no_field_s_own() -> None:
    found = analysed(TWO_BY_TWO, lambda values, number: {"m": 1.0 if values[FRONT] == values[BACK] else 3.0})
    assert [effect.share for effect in found.effects] == pytest.approx([0, 0], abs=1e-12)
    assert found.pairs[0].share == pytest.approx(1)
    assert found.pairs[0].means.tolist() == [[1.0, 3.0], [3.0, 1.0]]


def test_the_f_test_is_that_of_a_textbook_with_fewer_degrees_of_freedom() -> None:
    """Montgomery, Design and Analysis of Experiments, 8th ed., table 4.1 and 4.4 (four tips on four coupons): F = 14.44 with 3 and 9.

    Greenhouse and Geisser: both times (tr S)^2 / (3 tr S^2), S the covariance of three orthonormal contrasts.
    """
    coupons = {
        "1": [9.3, 9.4, 9.6, 10.0],
        "2": [9.4, 9.3, 9.8, 9.9],
        "3": [9.2, 9.4, 9.5, 9.7],
        "4": [9.7, 9.6, 10.0, 10.2],
    }
    found = analysed([{"grid": {FRONT: [1, 2, 3, 4]}}], lambda values, number: {"m": coupons[values[FRONT]][number]}, 4)
    assert found.effects[0].share == pytest.approx(0.385 / 1.29, rel=1e-9)
    assert found.replications_share == pytest.approx(0.825 / 1.29, rel=1e-9)
    assert found.rest_share == pytest.approx(0.080 / 1.29, rel=1e-9)
    contrasts = np.array([[1, -1, 0, 0], [1, 1, -2, 0], [1, 1, 1, -3]]) / np.sqrt([[2], [6], [12]])
    covariance = np.cov(contrasts @ np.array(list(coupons.values())))
    alike = np.trace(covariance) ** 2 / (3 * np.trace(covariance @ covariance))
    assert found.effects[0].p_value == pytest.approx(f_distribution.sf(14.4375, 3 * alike, 9 * alike), rel=1e-6)


def test_a_field_of_two_levels_is_tested_as_paired_differences_are() -> None:
    rng = np.random.default_rng(3)
    noise = rng.normal(size=(2, 2, 6))
    rows = lambda values, number: {"m": float(noise[int(values[FRONT]) - 1, int(values[BACK]) - 1, number])}  # noqa: E731 - two of the same
    found = analysed(TWO_BY_TWO, rows, 6)
    means = {FRONT: noise.mean(axis=1), BACK: noise.mean(axis=0)}
    expected = holm({field: paired(*each).p_value for field, each in means.items()})
    assert {effect.field: effect.p_value for effect in found.effects} == pytest.approx(expected)
    crossed = paired(noise[0, 0] + noise[1, 1], noise[0, 1] + noise[1, 0])
    assert found.pairs[0].p_value == pytest.approx(crossed.p_value)


def test_what_requests_do_to_all_cells_of_a_level_is_no_effect_of_the_field() -> None:
    """Each level of the first field has its own luck in a replication, alike in ten cells, which are no ten repetitions of it."""
    axes = [{"grid": {FRONT: [1, 2, 3], BACK: list(range(1, 11))}}]
    wrong = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        seen = rng.normal(10, 5, 5) + 0.5 * rng.normal(size=(3, 10, 5)) + rng.normal(size=(3, 1, 5))
        told = analysed(axes, partial(_seen, seen), 5)
        p_value = next(effect.p_value for effect in told.effects if effect.field == FRONT)
        wrong.append(p_value is not None and p_value <= 0.05)
    assert sum(wrong) <= 8, "5 % of 60 are 3"


def _seen(seen: np.ndarray, values: Mapping[str, str], number: int) -> dict[str, float]:
    return {"m": float(seen[int(values[FRONT]) - 1, int(values[BACK]) - 1, number])}


@given(st.lists(st.lists(st.floats(-1e3, 1e3), min_size=18, max_size=18), min_size=1, max_size=1), st.randoms())
def test_shares_of_a_full_grid_add_up_to_one_and_do_not_depend_on_the_order_of_rows(
    drawn: list[list[float]], random: object
) -> None:
    axes = [{"grid": {FRONT: [1, 2, 3], BACK: [1, 2]}}]

    def rows(values: Mapping[str, str], number: int) -> dict[str, float]:
        return {"m": drawn[0][(int(values[FRONT]) - 1) * 6 + (int(values[BACK]) - 1) * 3 + number]}

    found = analysed(axes, rows, 3)
    if found.replications_share is not None:
        parts = [found.replications_share, found.rest_share, *(each.share for each in (*found.effects, *found.pairs))]
        assert sum(part or 0.0 for part in parts) == pytest.approx(1, abs=1e-9)
        assert all(part is not None and 0 <= part <= 1 for part in parts)
    order = list(range(18))
    random.shuffle(order)  # type: ignore[attr-defined]
    shuffled = analyse(measured(*swept(axes, rows, replications=3, order=order.__getitem__)), "m")
    assert shuffled is not None
    assert shuffled.effects == found.effects
    np.testing.assert_array_equal(shuffled.pairs[0].means, found.pairs[0].means)


def test_coefficients_of_a_linear_model_are_recovered() -> None:
    """y = 3 a - b: standardised 3 sd(a) / sd(y) and -sd(b) / sd(y); all of the variance is explained."""
    axes = [
        {
            "latin_hypercube": {
                "count": 40,
                "fields": {RATE: {"from": "1 /s", "to": "9 /s"}, TIME: {"from": "10 ms", "to": "30 ms"}},
            }
        }
    ]

    def size(values: Mapping[str, str], path: str) -> float:
        return float(values[path].split()[0])

    study, table = swept(
        axes, lambda values, number: {"m": 3 * size(values, RATE) - size(values, TIME) + number}, replications=3
    )
    told = measured(study, table)
    assert all(field.drawn for field in told.fields)
    found = analyse(told, "m")
    assert found is not None
    assert found.trends is not None
    by_field = {trend.field: trend for trend in found.trends.trends}
    rates = np.array([size({RATE: text}, RATE) for text in table[RATE].to_pylist()[::3]])
    times = np.array([size({TIME: text}, TIME) for text in table[TIME].to_pylist()[::3]])
    values = 3 * rates - times
    for path, slope, column in ((RATE, 3, rates), (TIME, -1, times)):
        coefficient = by_field[path].coefficient
        assert coefficient is not None
        assert coefficient.mean == pytest.approx(slope * column.std() / values.std(), rel=1e-9)
        assert coefficient.half_width == pytest.approx(0, abs=1e-9)
    assert found.trends.r_squared == pytest.approx(1)
    assert by_field[RATE].rank_correlation == pytest.approx(
        float(np.corrcoef(np.argsort(np.argsort(rates)), np.argsort(np.argsort(values)))[0, 1])
    )
    assert [pair.rows for pair in found.pairs] == [found.pairs[0].rows]
    assert len(found.pairs[0].rows) == 3


def test_a_rise_that_is_not_straight_is_seen_by_ranks_whatever_its_shape() -> None:
    axes = [{"random": {"count": 25, "fields": {TIME: {"from": "1 ms", "to": "1000 ms", "scale": "log"}}}}]
    found = analysed(axes, lambda values, number: {"m": math.exp(20 * float(values[TIME].split()[0]) / 1000)})
    assert found.trends is not None
    assert found.trends.trends[0].rank_correlation == pytest.approx(1)
    assert found.trends.r_squared is not None
    assert found.trends.r_squared < 0.9
    assert [level.cells for level in found.effects[0].levels] == [5, 5, 5, 5, 5]


def test_failed_rows_are_left_out_and_counted() -> None:
    def rows(values: Mapping[str, str], number: int) -> dict[str, float] | str:
        if values[FRONT] == "2" and values[BACK] == "2" and number == 1:
            return "the site fell over"
        return {"m": float(values[FRONT]) + number}

    told = measured(*swept(TWO_BY_TWO, rows, replications=3))
    assert [(each.message, each.rows, each.cells) for each in told.failures] == [("the site fell over", 1, (3,))]
    found = analyse(told, "m")
    assert found is not None
    assert (found.cells, found.cells_left_out, found.replications, found.replications_left_out) == (3, 1, 3, 0)
    assert not found.crossed
    assert found.rest_share is None
    assert [level.interval.mean for level in found.effects[0].levels] == [2.0, 3.0]


def test_a_cell_that_is_missing_does_not_lend_one_field_the_effect_of_another() -> None:
    """Cost is 5 a front and 3 a back; the dearest cell failed, so plain means would say that scheduling matters."""

    def rows(values: Mapping[str, str], number: int) -> dict[str, float] | str:
        if values[FRONT] == "3" and values["policies.scheduling"] == "lifo":
            return "no room"
        return {"m": 5.0 * int(values[FRONT]) + 3.0 * int(values[BACK]) + 0.1 * number}

    axes = [{"grid": {FRONT: [1, 2, 3], BACK: [1, 2], "policies.scheduling": ["fifo", "lifo"]}}]
    found = {effect.field: effect for effect in analysed(axes, rows, 3).effects}
    assert found["policies.scheduling"].share == pytest.approx(0, abs=1e-12)
    fifo, lifo = found["policies.scheduling"].levels
    assert lifo.interval.mean == pytest.approx(fifo.interval.mean)
    assert [level.interval.mean for level in found[FRONT].levels] == pytest.approx([9.6, 14.6, 19.6])
    assert found[BACK].spread is not None
    assert found[BACK].spread.difference == pytest.approx(3)


@given(st.lists(st.floats(-1e3, 1e3), min_size=12, max_size=12))
def test_in_a_full_grid_the_additive_fit_gives_the_plain_means_and_squares(drawn: list[float]) -> None:
    values = np.array(drawn).reshape(6, 2)
    told = measured(*swept([{"grid": {FRONT: [1, 2, 3], BACK: [1, 2]}}], lambda each, number: {"m": 1.0}))
    found = Complete(values, np.ones(6, dtype=bool), np.ones(2, dtype=bool), 0, 0)
    fit = Additive(told.fields, found)
    for field in told.fields:
        means = fit.level_means(field)
        plain = np.stack([values[field.codes == code].mean(axis=0) for code in range(len(field.levels))])
        assert means is not None
        np.testing.assert_allclose(means, plain, atol=1e-9)
        assert fit.adds(field) == pytest.approx(Squares(found).between(field.codes), rel=1e-9, abs=1e-6)


def test_a_replication_that_most_cells_lack_is_left_out_instead_of_them() -> None:
    told = measured(
        *swept(
            TWO_BY_TWO,
            lambda values, number: "gone" if number == 2 and values[FRONT] == "1" else {"m": float(number)},
            replications=4,
        )
    )
    found = analyse(told, "m")
    assert found is not None
    assert (found.cells_left_out, found.replications_left_out) == (0, 1)


def test_nothing_is_made_of_a_metric_without_values_or_a_study_without_variation() -> None:
    told = measured(*swept(TWO_BY_TWO, lambda values, number: {"m": 1.0, "gone": None}))
    assert all(effect.share is None for effect in analysed(TWO_BY_TWO, lambda values, number: {"m": 0.1 + 0.2}).effects)
    assert analyse(told, "m") is not None
    alone = measured(*swept([{"grid": {FRONT: [1]}}], lambda values, number: {"m": 1.0}))
    assert analyse(alone, "m") is None
    lost = measured(*swept(TWO_BY_TWO, lambda values, number: {"m": None if number else 1.0, "n": math.nan}))
    assert analyse(lost, "n") is None


def test_fields_that_vary_together_make_no_pair() -> None:
    found = analysed([{"zip": {FRONT: [1, 2, 3], BACK: [4, 5, 6]}}], lambda values, number: {"m": float(values[FRONT])})
    assert found.pairs == ()
    assert [effect.share for effect in found.effects] == pytest.approx([1, 1])


def test_one_replication_has_means_and_shares_but_no_intervals() -> None:
    found = analysed(TWO_BY_TWO, lambda values, number: {"m": float(values[FRONT])}, 1)
    assert found.effects[0].share == pytest.approx(1)
    assert math.isnan(found.effects[0].levels[0].interval.half_width)
    assert found.effects[0].p_value is None


def test_levels_stand_in_order_of_their_size_and_texts_in_the_order_given() -> None:
    axes = [
        {"grid": {TIME: ["2 s", "10 ms", "500 us"]}},
        {"grid": {"policies.scheduling": ["lifo", "fifo"]}},
        {"list": [{FRONT: 10}, {FRONT: 9}]},
    ]
    told = measured(*swept(axes, lambda values, number: {"m": 1.0}))
    assert [field.levels for field in told.fields] == [("500 us", "10 ms", "2 s"), ("lifo", "fifo"), ("9", "10")]
    assert told.fields[0].sizes == pytest.approx((5e-4, 0.01, 2.0))
    assert told.fields[1].sizes is None
    assert told.name(0) == "time 2 s, scheduling lifo, replicas 10"


def test_a_point_that_leaves_a_field_as_it_is_is_a_level_of_its_own() -> None:
    told = measured(
        *swept([{"list": [{FRONT: 2}, {BACK: 2}]}], lambda values, number: {"m": float(values.get(FRONT, 0))})
    )
    assert told.fields[0].levels == ("2", "as in the base")
    assert told.fields[0].sizes is None


@given(st.lists(st.floats(1e-3, 1e3), min_size=2, max_size=30), st.integers(2, 8))
def test_bins_hold_equal_values_together_and_about_as_many_cells_each(drawn: list[float], count: int) -> None:
    texts = [f"{value!r} ms" for value in drawn]
    told = measured(*swept([{"list": [{TIME: text} for text in texts]}], lambda values, number: {"m": 1.0}))
    field = told.fields[0]
    binned = field.binned(count)
    assert len(binned.levels) <= count
    assert len(binned.codes) == len(drawn)
    by_code: dict[int, set[int]] = {}
    for code, group in zip(field.codes.tolist(), binned.codes.tolist(), strict=True):
        by_code.setdefault(code, set()).add(group)
    assert all(len(groups) == 1 for groups in by_code.values())
    assert (np.diff(binned.codes[np.argsort(field.codes, kind="stable")]) >= 0).all()
    if len(set(drawn)) == len(drawn) and len(drawn) >= count:
        counts = np.bincount(binned.codes)
        assert counts.max() - counts.min() <= 1


def test_sizes_are_of_one_dimension_or_none() -> None:
    assert sizes(["1", "2.5", "1e3"]) == (1.0, 2.5, 1000.0)
    assert sizes(["1 kB", "8 Mbit"]) == (1e3, 1e6)
    assert sizes(["1 kB", "1 s"]) is None
    assert sizes(["1", "1 s"]) is None
    assert sizes(["1", "null"]) is None
    assert sizes(["nan", "inf"]) is None


def test_short_names_tell_fields_apart() -> None:
    assert short_names(["services.front.replicas", "services.back.replicas", "run.seed"]) == (
        "front.replicas",
        "back.replicas",
        "seed",
    )
    assert short_names(["run.seed"]) == ("seed",)


def test_an_interval_of_a_level_is_that_of_its_means_by_replication() -> None:
    rng = np.random.default_rng(5)
    noise = rng.normal(size=(2, 2, 6))
    rows = lambda values, number: {"m": float(noise[int(values[FRONT]) - 1, int(values[BACK]) - 1, number])}  # noqa: E731 - two of the same
    level = next(effect for effect in analysed(TWO_BY_TWO, rows, 6).effects if effect.field == FRONT).levels[0]
    assert level.interval == mean_interval(noise[0].mean(axis=0))
    assert level.effect == mean_interval(noise[0].mean(axis=0) - noise.mean(axis=(0, 1)))
