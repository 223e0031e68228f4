"""Distributions have the mean and CV they were given: of the values themselves."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from simtier.models import distributions as d
from simtier.statistics import half_width

N = 400_000


def sample(distribution: d.Distribution, n: int = N) -> np.ndarray:
    return distribution.sample(np.random.default_rng(11), n)


@pytest.mark.parametrize("make", [d.gamma, d.lognormal, d.weibull], ids=lambda make: make.__name__)
@pytest.mark.parametrize("cv", [0.1, 0.5, 1.0, 2.0])
def test_mean_and_cv_are_those_of_the_values(make: object, cv: float) -> None:
    distribution = make(0.04, cv)  # type: ignore[operator]
    values = sample(distribution)
    batches = values.reshape(40, -1)
    assert distribution.mean == 0.04
    assert abs(values.mean() - 0.04) <= half_width(batches.mean(axis=1).tolist(), 0.999)
    spread = batches.std(axis=1, ddof=1) / 0.04
    assert abs(float(spread.mean()) - cv) <= half_width(spread.tolist(), 0.999) + 0.03 * cv**2
    assert (values >= 0).all()


@pytest.mark.parametrize(
    ("distribution", "reference"),
    [
        (d.exponential(2.0), stats.expon(scale=2.0)),
        (d.uniform(1.0, 3.0), stats.uniform(1.0, 2.0)),
        (d.gamma(2.0, 0.5), stats.gamma(4.0, scale=0.5)),
        (d.lognormal(2.0, 1.0), stats.lognorm(math.sqrt(math.log(2)), scale=2.0 / math.sqrt(2))),
        (d.weibull(2.0, 1.0), stats.expon(scale=2.0)),
    ],
)
def test_the_whole_distribution_is_the_one_named(distribution: d.Distribution, reference: Any) -> None:
    assert stats.kstest(sample(distribution, 20_000), reference.cdf).pvalue > 0.001
    assert reference.mean() == pytest.approx(distribution.mean)


def test_a_fixed_time_is_fixed() -> None:
    assert d.fixed(0.04).constant
    assert set(sample(d.fixed(0.04), 10)) == {0.04}


@pytest.mark.parametrize("cv", [0.01, 0.2, 0.7, 1.0, 3.0, 30.0, 100.0])
def test_the_weibull_shape_gives_back_the_cv(cv: float) -> None:
    k = d.weibull_shape(cv)
    assert math.sqrt(math.expm1(math.lgamma(1 + 2 / k) - 2 * math.lgamma(1 + 1 / k))) == pytest.approx(cv, rel=1e-6)


@pytest.mark.parametrize("cv", [0.0, 0.009, 101.0, math.nan])
def test_a_weibull_out_of_range_is_refused(cv: float) -> None:
    with pytest.raises(ValueError, match="out of range"):
        d.weibull_shape(cv)
