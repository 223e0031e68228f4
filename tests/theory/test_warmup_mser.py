"""MSER-5 finds where a run has settled: against its definition, known transients, and a queue started empty."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from simtier.errors import SimtierError
from simtier.statistics import half_width, mser5

Numbers = NDArray[np.float64]


def definition(values: Numbers) -> list[float]:
    """The statistic as it is written, for each cut: the slow and obvious twin."""
    means = values[: len(values) // 5 * 5].reshape(-1, 5).mean(axis=1)
    return [float(np.sum((means[d:] - means[d:].mean()) ** 2) / (len(means) - d) ** 2) for d in range(len(means) - 4)]


def waits(steps: list[float], first: float) -> Numbers:
    """Waiting times in line of one server by Lindley's recursion: `steps` are services minus gaps, the first customer waits `first`."""
    wait, found = first, []
    for step in steps:
        found.append(wait)
        wait = max(0.0, wait + step)
    return np.array(found)


@pytest.mark.parametrize("seed", range(5))
def test_the_fast_sums_are_the_definition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.standard_normal(303) + 1e6 * np.exp(-np.arange(303) / 5)
    values += 1e8  # sums of such squares would leave no digit of the noise
    found, slow = mser5([values], points=1000), definition(values)
    assert [cut for cut, _ in found.curve] == [5 * d for d in range(len(slow))]
    np.testing.assert_allclose([value for _, value in found.curve], slow, rtol=1e-6)
    assert found.delete == 5 * int(np.argmin(slow))
    assert (found.observations, found.replications) == (303, 1)


def test_a_step_is_cut_where_it_is() -> None:
    flat = np.where(np.arange(200) < 40, 9.0, 1.0)
    assert mser5([flat]).delete == 40
    assert mser5([np.full(200, 0.1)]).delete == 0
    between = np.where(np.arange(200) < 42, 9.0, 1.0)
    assert mser5([between]).delete == 45, "cuts lie between batches of five"


def test_noise_may_cost_some_more_but_never_keeps_the_step() -> None:
    rng = np.random.default_rng(1)
    step = np.where(np.arange(1000) < 40, 9.0, 1.0)
    cuts = [mser5([step + rng.standard_normal(1000) / 10]).delete for _ in range(100)]
    found = [cut for cut in cuts if cut is not None]
    assert len(found) >= 98
    assert min(found) == np.median(found) == 40


def test_a_series_that_never_settles_is_too_short() -> None:
    assert mser5([np.arange(500.0)]).delete is None
    assert mser5([np.where(np.arange(200) < 150, 9.0, 1.0)]).delete is None
    assert mser5([np.ones(49)]).delete is None
    assert mser5([np.ones(49)]).curve == ()
    assert mser5([np.ones(50)]).delete == 0


def test_replications_are_averaged_observation_by_observation() -> None:
    rng = np.random.default_rng(6)
    series = [rng.standard_normal(400 + 7 * k) + 3 * np.exp(-np.arange(400 + 7 * k) / 20) for k in range(30)]
    averaged = np.mean([one[:400] for one in series], axis=0)
    assert mser5(series).delete == mser5([averaged]).delete
    assert mser5(series).curve == mser5([averaged]).curve
    assert mser5(series).observations == 400


def test_the_curve_is_thinned_but_shows_the_cut() -> None:
    values = np.where(np.arange(10_000) < 1235, 2.0, 1.0)
    found = mser5([values], points=50)
    assert found.delete == 1235
    assert len(found.curve) <= 51
    assert min(found.curve, key=lambda point: point[1])[0] == 1235


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(SimtierError, match="observation 3 of a series whose warm-up is looked for is nan"):
        mser5([[1.0, 2.0, 3.0, math.nan]])
    with pytest.raises(SimtierError, match="give at least one replication"):
        mser5([])


def test_the_transient_of_an_autoregression_is_left_out() -> None:
    """x_t = 0.95 x_{t-1} + noise begun 40 standard deviations above its mean, 0: of its effect less than a quarter is kept."""
    rng = np.random.default_rng(5)
    kept, whole, cuts = [], [], []
    for _ in range(150):
        noise = rng.standard_normal(2000).tolist()
        values = [40 / math.sqrt(1 - 0.95**2)]
        for shock in noise[1:]:
            values.append(0.95 * values[-1] + shock)
        whole.append(float(np.mean(values)))
        cut = mser5([values]).delete
        if cut is not None:
            cuts.append(cut)
            kept.append(float(np.mean(values[cut:])))
    assert len(cuts) > 140
    assert abs(np.mean(whole) - values[0] / (2000 * 0.05)) <= half_width(whole, 0.999)  # the sum of 0.95^t
    assert abs(np.mean(kept)) < np.mean(whole) / 4
    assert 30 < min(cuts) <= np.median(cuts) < 150, "after 30 steps 9 standard deviations are left, after 150 0.02"


def test_a_queue_started_empty_loses_its_bias() -> None:
    """M/M/1 at load 0.8: the first customers wait too little. The bias is seen against the same steps from the steady state.

    In the steady state a customer finds the server busy with probability 0.8 and then waits an exponential time of mean 5, 4 in all.
    """
    rng = np.random.default_rng(7)
    empty, steady = [], []
    for _ in range(400):
        steps = (rng.exponential(1.0, 2000) - rng.exponential(1 / 0.8, 2000)).tolist()
        empty.append(waits(steps, 0.0))
        steady.append(waits(steps, rng.exponential(5.0) if rng.random() < 0.8 else 0.0))
    means = [float(one.mean()) for one in steady]
    assert abs(np.mean(means) - 4) <= half_width(means, 0.999) < 0.5
    cut = mser5(empty).delete
    assert cut is not None
    whole = [float((one - other).mean()) for one, other in zip(empty, steady, strict=True)]
    kept = [float((one - other)[cut:].mean()) for one, other in zip(empty, steady, strict=True)]
    assert np.mean(whole) + half_width(whole, 0.999) < 0, "with the warm-up the mean is too small"
    less = [one - other for one, other in zip(kept, whole, strict=True)]
    assert np.mean(less) - half_width(less, 0.999) > 0
    assert abs(np.mean(kept)) < abs(np.mean(whole)) * 0.75
