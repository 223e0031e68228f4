"""Axes of numbers have ticks that people can read."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from simtier.report.figures.ticks import number_ticks, round_numbers


@given(st.floats(1e-6, 1e6), st.floats(1.001, 1e9), st.booleans(), st.integers(4, 8))
def test_there_are_three_ticks_at_least_and_all_lie_inside(low: float, ratio: float, log: bool, most: int) -> None:
    high = low * ratio
    found = round_numbers(low, high, log=log, most=most)
    assert 3 <= len(found) <= most
    assert found == sorted(set(found))
    assert low - 1e-6 * (high - low) <= found[0] < found[-1] <= high + 1e-6 * (high - low)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(1, 200, [1, 10, 100]), (20, 90, [20, 50, 80]), (1, 9, [1, 3, 5, 7, 9]), (5, 5, [5])],
)
def test_they_are_round(low: float, high: float, expected: list[float]) -> None:
    found = round_numbers(low, high, log=True, most=6)
    assert found == expected or all(re.fullmatch(r"[1-9]0*|[1-9][0-9]", f"{each:g}") for each in found)
    assert len(found) == 1 if low == high else len(found) >= 3


def test_labels_count_in_the_unit() -> None:
    axes = Figure().subplots()
    axes.plot([0.001, 0.1], [0, 1])
    number_ticks(axes, 0.001, 0.1, 0.001)
    axes.figure.canvas.draw()
    labels = [each.get_text() for each in axes.get_xticklabels()]
    assert len(labels) >= 3
    assert set(labels) <= {f"{number}" for number in range(1, 101)}
