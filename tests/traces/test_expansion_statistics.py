"""Statistics of expanded counts: the interval decides, at a level that fails by chance once in ten thousand; the numbers are fixed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from expanding import EVEN, GAMMA, POISSON, UNIFORM, expanded, functions_table, times_of
from scipy import special, stats

from simtier.traces.durations import Durations
from simtier.traces.expansion import Expansion, _poisson
from simtier.traces.tables import DURATION_PERCENTILES

SURE = 0.9999


def _many(how: Expansion, cells: int, value: float, functions: Any = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(interval, place in it from 0 to 1, duration) of each arrival, in order of time."""
    rows = [(float(cell), 1.0, "f", value) for cell in range(cells)]
    out = expanded(rows, how, functions=functions)
    times = times_of(out)
    return np.floor(times).astype(int), times % 1.0, np.array([row["duration_s"] for row in out])


def test_uniform_times_are_uniform() -> None:
    _, shares, _ = _many(UNIFORM, 5000, 4.0)
    assert stats.chisquare(np.histogram(shares, 50, (0, 1))[0]).pvalue > 1 - SURE


@pytest.mark.parametrize("mean", [0.2, 2.5, 30.0])
def test_poisson_counts_have_their_mean_as_variance(mean: float) -> None:
    cells, _, _ = _many(POISSON, 4000, mean)
    counts = np.bincount(cells, minlength=4000)
    low, high = stats.poisson.interval(SURE, 4000 * mean)
    assert low <= counts.sum() <= high
    dispersion = ((counts - counts.mean()) ** 2).sum() / counts.mean()
    low, high = stats.chi2.interval(SURE, 3999)
    assert low <= dispersion <= high


def test_poisson_numbers_are_those_of_scipy() -> None:
    rng = np.random.default_rng(5)
    u, means = rng.uniform(0.0, 1.0, 20_000), np.power(10.0, rng.uniform(-3, 4, 20_000))
    assert (_poisson(u, means) == stats.poisson.ppf(u, means)).all()
    edges = np.array([0.0, 2.0**-53, 1 - 2.0**-53])
    assert _poisson(np.repeat(edges, 3), np.tile([0.0, 1.0, 1000.0], 3))[[0, 1, 2, 3, 6]].tolist() == [0] * 5


@pytest.mark.parametrize("mean", [0.3, 2.5, 17.0, 400.0])
def test_a_poisson_number_is_the_smallest_whose_probability_reaches_the_draw(mean: float) -> None:
    numbers = np.arange(int(mean + 4 * mean**0.5))
    steps = special.pdtr(numbers, mean)
    assert (_poisson(steps, np.full(len(steps), mean)) == numbers).all()
    assert (_poisson(np.nextafter(steps, 1.0), np.full(len(steps), mean)) == numbers + 1).all()


@pytest.mark.parametrize(("cv", "count"), [(0.5, 1), (0.5, 20), (1.0, 6), (2.0, 5), (2.0, 100)])
def test_gamma_gaps_have_the_cv_that_the_module_states(cv: float, count: int) -> None:
    """Gaps of a Dirichlet distribution: E sum g^2 = (1 + c2) / (n + 1) with c2 = n / ((n + 1) / cv^2 + 1)."""
    cells = 2000
    _, shares, _ = _many(Expansion("gamma", cv, 1.0), cells, float(count))
    gaps = np.diff(shares.reshape(cells, count), axis=1, prepend=0.0, append=1.0)
    squares = (gaps**2).sum(axis=1)
    half = stats.norm.ppf(0.5 + SURE / 2) * squares.std() / np.sqrt(cells)
    wanted = (1 + count / ((count + 1) / cv**2 + 1)) / (count + 1)
    assert abs(squares.mean() - wanted) < half
    assert half < 0.2 * wanted


def test_gamma_comes_near_its_cv_where_counts_are_large() -> None:
    times = times_of(expanded([(0.0, 3600.0, "f", 100_000.0)], Expansion("gamma", 3.0, 1.0)))
    gaps = np.diff(times)
    assert gaps.std() / gaps.mean() == pytest.approx(3.0, rel=0.03)


def test_gamma_with_cv_one_is_uniform() -> None:
    _, shares, _ = _many(Expansion("gamma", 1.0, 1.0), 5000, 3.0)
    for place in range(3):  # order statistics of uniform numbers
        assert stats.kstest(shares.reshape(5000, 3)[:, place], stats.beta(place + 1, 3 - place).cdf).pvalue > 1 - SURE


def test_extreme_cvs_stay_in_the_interval() -> None:
    for cv in (0.001, 30.0):
        times = times_of(expanded([(60.0, 60.0, "f", 7.0), (120.0, 60.0, "f", 1.0)], Expansion("gamma", cv, 1.0)))
        assert ((times >= 60.0) & (times < 180.0)).all()
        assert len(times) == 8


@pytest.mark.parametrize("how", [UNIFORM, EVEN, GAMMA])
def test_durations_follow_the_quantiles_and_have_nothing_to_do_with_times(how: Expansion) -> None:
    told = {"f": [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0]}
    _, shares, durations = _many(how, 3000, 6.0, functions_table(told))
    points = np.interp(np.log(durations), np.log(told["f"]), np.array(DURATION_PERCENTILES) / 100)
    assert stats.kstest(points, "uniform").pvalue > 1 - SURE
    assert stats.spearmanr(shares, durations).pvalue > 1 - SURE
    assert stats.spearmanr(shares[1:], durations[:-1]).pvalue > 1 - SURE


@pytest.mark.parametrize("how", [UNIFORM, POISSON, EVEN])
def test_no_draw_serves_twice(how: Expansion) -> None:
    """A duration from the numbers that place the next arrival would pass most tests of correlation."""
    told = {"f": [0.0, 0.01, 0.25, 0.5, 0.75, 0.99, 1.0]}
    straight = Durations(functions_table(told), None)
    straight.add(["f"])
    _, shares, durations = _many(how, 200, 5.0, functions_table(told))
    for place in np.unique(shares):
        assert np.abs(straight.draw(np.zeros(1, int), np.array([place])) - durations).min() > 1e-9
