"""Capacities, worked by hand."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import pytest

from simtier.errors import ScenarioError
from simtier.models.capacity import Constant, Piecewise

OUTAGE = Piecewise([0, 1, 3], [10, 0, 5])
LOOP = Piecewise([0, 1, 3], [10, 0, 5], period_s=4)  # 15 bytes a period: 10 in second 0, none in 1 and 2, 5 in second 3


@pytest.mark.parametrize(
    ("capacity", "start", "nbytes", "finish"),
    [
        (Constant(100), 2, 50, 2.5),
        (Constant(math.inf), 2, 50, 2),
        (Constant(0), 2, 50, math.inf),
        (Constant(0), 2, 0, 2),
        (OUTAGE, 0, 5, 0.5),
        (OUTAGE, 0, 10, 1),  # just through before the outage
        (OUTAGE, 0, 11, 3.2),
        (OUTAGE, 2, 5, 4),  # begun in the outage
        (OUTAGE, 2, 0, 2),
        (OUTAGE, 100, 5, 101),  # the last rate holds
        (OUTAGE, math.inf, 5, math.inf),
        (Piecewise([0, 1], [10, 0]), 0.5, 5, 1),
        (Piecewise([0, 1], [10, 0]), 0.5, 6, math.inf),
        (Piecewise([5], [10]), 0, 20, 2),  # before the first stamp the first rate holds
        (LOOP, 0, 15, 4),
        (LOOP, 0, 16, 4.1),
        (LOOP, 0, 25, 5),  # the end of the first segment of the second period, not the end of its outage
        (LOOP, 0, 150, 40),
        (LOOP, 0.5, 5 + 5 + 15_000 + 10, 4005),
        (LOOP, 4001.5, 1, 4003.2),
        (Piecewise([0], [0], period_s=1), 0, 1, math.inf),
        (Piecewise([0, 1, 3], [10, 0, 5], period_s=4, offset_s=3), 0, 6, 1.1),
        (Piecewise([0, 1, 3], [10, 0, 5], offset_s=3), 0, 5, 1),
        (
            Piecewise([1, 2], [10, 5], period_s=4),
            4,
            20,
            6,
        ),  # in every period the first rate holds before the first stamp
    ],
)
def test_a_transfer_ends_when_its_bytes_have_passed(capacity: Any, start: float, nbytes: float, finish: float) -> None:
    assert capacity.finish(start, nbytes) == pytest.approx(finish, rel=1e-14)


def test_rates_hold_from_their_stamp_to_the_next() -> None:
    assert [OUTAGE.rate(t) for t in (0, 0.999, 1, 2.999, 3, 1e9)] == [10, 10, 0, 0, 5, 5]
    assert [LOOP.rate(t) for t in (0, 1, 3.5, 4, 4.999, 5, 403)] == [10, 0, 5, 10, 10, 0, 5]
    assert Piecewise([5, 6], [1, 2]).rate(0) == 1
    assert [Piecewise([0, 1], [1, 2], period_s=3, offset_s=1.5).rate(t) for t in (0, 1.4, 1.5, 2.5)] == [2, 2, 1, 2]


def test_the_next_change_is_the_next_stamp() -> None:
    assert [OUTAGE.next_change(t) for t in (0, 0.5, 1, 3)] == [1, 1, 3, math.inf]
    assert [LOOP.next_change(t) for t in (0, 3, 4, 403.5)] == [1, 4, 5, 404]
    assert Constant(5).next_change(0) == math.inf


@pytest.mark.parametrize("capacity", [Piecewise([0, 0.1, 0.7], [1, 2, 3], period_s=1.1, offset_s=0.3), LOOP, OUTAGE])
def test_the_rate_has_changed_at_the_very_time_of_a_change(capacity: Any) -> None:
    t, rates = 0.0, []
    for _ in range(300):
        change = capacity.next_change(t)
        if change == math.inf:
            break
        assert change > t
        assert capacity.rate(math.nextafter(change, 0)) == capacity.rate(t)
        rates.append(capacity.rate(t))
        t = change
    distinct = list(capacity.bytes_per_s)
    start = distinct.index(rates[0])
    assert rates == [distinct[(start + i) % len(distinct)] for i in range(len(rates))]


def test_bytes_between_is_the_area_under_the_rate() -> None:
    assert OUTAGE.bytes_between(0.5, 3.5) == 5 + 0 + 2.5
    assert OUTAGE.bytes_between(0.25, 0.5) == 2.5
    assert LOOP.bytes_between(0.5, 4.5) == 15
    assert LOOP.bytes_between(0.5, 404.75) == (5 + 5) + 100 * 15 + 7.5
    assert Constant(10).bytes_between(1, 3) == 20
    assert Constant(math.inf).bytes_between(1, 1) == 0
    assert LOOP.bytes_between(3, 2) == 0


def test_the_mean_weighs_by_time() -> None:
    assert LOOP.mean == 15 / 4
    assert OUTAGE.mean == 10 / 3
    assert Piecewise([7], [3]).mean == 3
    assert Constant(5).mean == 5


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Constant(-1), "the rate is -1 bytes/s: give 0 or more"),
        (lambda: Constant(math.nan), "the rate is nan bytes/s: give 0 or more"),
        (lambda: Piecewise([], []), "0 stamps and 0 rates: give one rate for each stamp, and at least one"),
        (lambda: Piecewise([0, 1], [1]), "2 stamps and 1 rates: give one rate for each stamp, and at least one"),
        (lambda: Piecewise([0, 0], [1, 1]), "each later than the one before"),
        (lambda: Piecewise([0, math.inf], [1, 1]), "must be finite numbers of seconds"),
        (lambda: Piecewise([0], [math.inf]), "the rates must be finite numbers of bytes/s, 0 or more"),
        (lambda: Piecewise([0, 5], [1, 1], period_s=5), "they must lie in [0, period = 5 s)"),
        (lambda: Piecewise([0], [1], period_s=0), "they must lie in [0, period = 0 s)"),
    ],
)
def test_a_wrong_capacity_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ScenarioError, match=re.escape(message)):
        make()
