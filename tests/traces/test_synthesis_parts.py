"""The parts of the look-alikes: quantiles, copulas, autoregressions, chains."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_1samp, ks_2samp, norm

from simtier.errors import TraceError
from simtier.traces.synthesis.markov import gaussian_transitions, stationary
from simtier.traces.synthesis.quantiles import Copula, Quantiles
from simtier.traces.synthesis.rhythm import AutoRegression


@settings(max_examples=25, deadline=None)
@given(mu=st.floats(-5, 8), sigma=st.floats(0.05, 1.8), zeros=st.sampled_from([0.0, 0.3, 0.9]), seed=st.integers(0, 99))
def test_quantiles_follow_a_log_normal_sample(mu: float, sigma: float, zeros: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    sample = np.where(rng.random(4000) < zeros, 0.0, rng.lognormal(mu, sigma, 4000))
    fitted = Quantiles.fit(sample)
    drawn = fitted.at(np.random.default_rng(seed + 1).random(4000))
    assert fitted.zeros == pytest.approx((sample == 0).mean(), abs=1e-12)
    assert ks_2samp(sample, drawn, method="asymp").statistic < 0.05
    assert fitted.mean == pytest.approx(sample.mean(), rel=0.12)  # the last 0.05 % is one log-linear piece


def test_quantiles_keep_atoms_zeros_and_bounds() -> None:
    sample = np.array([0.0] * 100 + [7.0] * 700 + [20.0] * 200)
    fitted = Quantiles.fit(sample)
    levels = np.linspace(0, 1, 1001)
    drawn = fitted.at(levels)
    assert ((drawn == 0).mean(), drawn.min(), drawn.max()) == (pytest.approx(0.1, abs=0.002), 0, pytest.approx(20))
    assert (np.abs(drawn - 7) < 1e-9).mean() == pytest.approx(0.7, abs=0.03)
    assert np.all(Quantiles.fit(np.zeros(5)).at(levels) == 0)
    assert Quantiles((0.0, 1.0), (2.0, 2.0)).mean == 2


def test_the_mean_of_quantiles_is_that_of_their_draws() -> None:
    some = Quantiles.of("0:1 50:10 90:40 100:1000", zeros=0.2)
    assert some.mean == pytest.approx(some.at((np.arange(10**6) + 0.5) / 10**6).mean(), rel=1e-4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0:1", "at least two"),
        ("5:1 100:2", "levels go from 0 to 1"),
        ("0:1 60:2 50:3 100:4", "levels must not fall"),
        ("0:0 100:2", "above 0"),
        ("0:3 100:2", "must not fall"),
        ("0:3 100:inf", "finite"),
    ],
)
def test_quantiles_that_are_none_are_refused(text: str, message: str) -> None:
    with pytest.raises(TraceError, match=message):
        Quantiles.of(text)


@settings(max_examples=15, deadline=None)
@given(correlation=st.floats(-0.9, 0.9))
def test_a_copula_gives_uniforms_of_its_rank_correlation(correlation: float) -> None:
    u, v = Copula.pair(correlation).levels(np.random.default_rng(1), 20_000)
    assert ks_1samp(u, lambda x: x).statistic < 0.02
    assert ks_1samp(v, lambda x: x).statistic < 0.02
    # Spearman's rho of a Gaussian copula: 6 / pi arcsin(r / 2)
    assert np.corrcoef(u, v)[0, 1] == pytest.approx(6 / np.pi * np.arcsin(correlation / 2), abs=0.03)
    assert Copula.fit(u, v).correlation[0][1] == pytest.approx(correlation, abs=0.03)


def test_an_impossible_correlation_is_refused() -> None:
    for matrix in (((1.0, 0.5), (0.4, 1.0)), ((1.0, 1.0), (1.0, 1.0)), ((2.0, 0.0), (0.0, 2.0)), ((1.0,), (0.0,))):
        with pytest.raises((TraceError, ValueError), match=r"correlation|inhomogeneous"):
            Copula(matrix)


def test_an_autoregression_is_the_same_in_one_piece_or_many() -> None:
    whole = AutoRegression(np.random.default_rng(5), 0.8).take(50_000)
    pieces = AutoRegression(np.random.default_rng(5), 0.8)
    assert np.allclose(whole, np.concatenate([pieces.take(n) for n in (1, 9, 990, 49_000)]), atol=1e-12)
    assert (whole.mean(), whole.std()) == (pytest.approx(0, abs=0.05), pytest.approx(1, abs=0.03))
    assert np.corrcoef(whole[:-1], whole[1:])[0, 1] == pytest.approx(0.8, abs=0.02)


def test_bands_of_an_autoregression_are_equally_likely_and_correlated() -> None:
    transitions = gaussian_transitions(10, 0.9)
    assert stationary(transitions) == pytest.approx([0.1] * 10, abs=0.001)
    middles = norm.ppf((np.arange(10) + 0.5) / 10)
    both = 0.1 * np.array(transitions) * np.outer(middles, middles)
    assert both.sum() / (0.1 * middles @ middles) == pytest.approx(0.9, abs=0.03)
