"""Goodput by bisection: found to its precision, whatever the attainment looks like, as long as it falls."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simtier.planning.goodput import Probed, climb, goodput


@given(st.floats(0.5, 90.0), st.floats(0.01, 5.0))
def test_the_rate_found_meets_the_target_and_one_precision_more_does_not(knee: float, precision: float) -> None:
    found = goodput(lambda rate: 1.0 if rate <= knee else 0.0, 0.9, 0.0, 100.0, precision)
    assert knee - precision <= found <= knee


@given(st.floats(1e-3, 1e3), st.floats(1e-2, 60.0))
def test_climbing_finds_a_knee_above_or_below_the_guess(knee: float, ratio: float) -> None:
    """The guess may be 60 times too high: a 64th of it is tried."""
    found = climb(lambda rate: 1.0 if rate <= knee else 0.0, 0.9, knee * ratio)
    assert 0.95 * knee <= found <= knee


def test_a_target_missed_at_the_lowest_rate_makes_no_goodput() -> None:
    assert goodput(lambda _: 0.89, 0.9, 0.1, 10.0, 0.1) == 0.0
    assert climb(lambda _: 0.89, 0.9, 1.0) == 0.0


def test_a_target_met_at_the_highest_rate_is_all_that_is_known() -> None:
    assert goodput(lambda _: 0.9, 0.9, 0.1, 10.0, 0.1) == 10.0


def test_the_steps_are_those_of_distserves_simulator() -> None:
    """It halves [0, 5] until the interval is 0.25 or less: 2.5, 1.25, 1.875, 1.5625, ..."""
    probed = Probed(lambda rate: 1.0 if rate < 1.6 else 0.5)
    assert goodput(probed, 0.9, 0.0, 5.0, 0.32) == 1.5625
    assert list(probed.found) == [0.0, 5.0, 2.5, 1.25, 1.875, 1.5625]


def test_an_attainment_that_rises_again_is_noticed() -> None:
    probed = Probed(lambda rate: 0.5 if 2 < rate < 3 else 1.0)
    for rate in (1.0, 2.5):
        probed(rate)
    assert probed.monotone(0.9)
    probed(4.0)
    assert not probed.monotone(0.9)


@pytest.mark.parametrize(
    ("target", "low", "high", "precision", "message"),
    [
        (0.9, 2.0, 1.0, 0.1, "between two bounds"),
        (0.9, -1.0, 1.0, 0.1, "between two bounds"),
        (0.9, 0.0, float("inf"), 0.1, "between two bounds"),
        (0.9, 0.0, 1.0, 0.0, "precision must be positive"),
        (0.0, 0.0, 1.0, 0.1, "target must be in"),
        (1.1, 0.0, 1.0, 0.1, "target must be in"),
    ],
)
def test_bounds_that_make_no_sense_are_refused(
    target: float, low: float, high: float, precision: float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        goodput(lambda _: 1.0, target, low, high, precision)
