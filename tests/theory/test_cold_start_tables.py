"""Cold starts drawn from published tables have the published totals, components and mixtures.

Published: Joosen et al., "Serverless Cold Starts and Where to Find Them", EuroSys 2025; figures digitised.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import pytest
from numpy.typing import NDArray

from simtier.catalogue import cold_starts as catalogue
from simtier.models.cold_starts.log_normal import LogNormalRows
from simtier.models.serverless.spec import COMPONENTS
from simtier.statistics import half_width

N = 400_000
BATCHES = 40
CONFIDENCE = 0.999
PERCENTS = (5, 25, 50, 75, 90, 95, 99)
TOTALS = {
    "R1": (0.226, 0.914, 2.15, 3.77, 8.0, 18.6, 40.0),
    "R2": (0.157, 0.479, 0.826, 1.73, 10.3, 11.0, 15.0),
    "R3": (0.022, 0.027, 0.103, 0.277, 0.43, 0.585, 1.12),
    "R4": (0.030, 0.29, 0.90, 1.71, 2.69, 6.67, 10.9),
    "R5": (0.098, 0.218, 0.448, 0.638, 1.58, 4.21, 8.05),
}
"""Figure 10a."""
MEANS = {
    "R1": {"deploying_code": 0.588, "deploying_dependencies": 1.285, "scheduling": 1.532, "allocating": 0.646},
    "R2": {"deploying_code": 0.121, "deploying_dependencies": 0.242, "scheduling": 0.682, "allocating": 1.104},
    "R3": {"deploying_code": 0.028, "deploying_dependencies": 0.007, "scheduling": 0.149, "allocating": 0.007},
    "R4": {"deploying_code": 0.157, "deploying_dependencies": 0.292, "scheduling": 0.482, "allocating": 0.478},
    "R5": {"deploying_code": 0.070, "deploying_dependencies": 0.258, "scheduling": 0.467, "allocating": 0.111},
}
MEAN_TOTALS = {"R1": 4.05, "R2": 2.15, "R3": 0.19, "R4": 1.41, "R5": 0.91}
"""Figure 11."""
RUNTIMES = {
    "Python3": (0.70, 2.18),
    "Node.js": (1.18, 1.86),
    "Java": (0.74, 1.52),
    "Go1.x": (0.63, 0.85),
    "PHP7.3": (0.39, 0.57),
    "Python2": (0.50, 0.86),
    "C#": (0.73, 0.87),
    "Custom": (11.0, 14.5),
    "http": (10.7, 11.3),
}
"""Figure 15a, R2: p50 and p90."""
PARTS = {
    "Python3": {"allocating": 0.012, "deploying_code": 0.050, "scheduling": 0.43},
    "Node.js": {"deploying_code": 0.091, "scheduling": 1.00},
    "Java": {"allocating": 0.013, "deploying_code": 0.122, "scheduling": 0.135},
    "Go1.x": {"deploying_code": 0.567, "scheduling": 0.046},
    "PHP7.3": {"deploying_code": 0.049, "scheduling": 0.33},
    "Python2": {"deploying_code": 0.032, "scheduling": 0.45},
    "C#": {"deploying_code": 0.005, "scheduling": 0.73},
    "Custom": {"allocating": 10.2, "deploying_code": 0.002, "scheduling": 0.75},
    "http": {"allocating": 10.2, "scheduling": 0.53},
}
"""Figure 15b, c, e, R2: p50 of components."""
HUMPS = {
    "": (0.47, 0.40, 0.12),
    "Python3": (0.37, 0.59, 0.025),
    "Java": (0.24, 0.68, 0.056),
    "Node.js": (0.98, 0.015, 0.004),
    "Go1.x": (1.0, 0.0, 0.0),
    "PHP7.3": (1.0, 0.0, 0.0),
    "Custom": (0.007, 0.0, 0.993),
    "http": (0.20, 0.0, 0.79),
}
"""Figure 15b, R2: shares of allocations below 1 ms, of 1 to 50 ms, and of 1 s or more."""


@lru_cache
def rows(region: str, runtime: str = "") -> NDArray[np.float64]:
    return catalogue.joined(region, runtime).rows(np.random.default_rng(2025).random((N, 8)))


@pytest.mark.parametrize("region", TOTALS)
def test_totals_of_a_region_have_the_published_quantiles(region: str) -> None:
    got = dict(zip(PERCENTS, np.percentile(rows(region).sum(axis=1), PERCENTS), strict=True))
    published = dict(zip(PERCENTS, TOTALS[region], strict=True))
    assert got[50] == pytest.approx(published[50], rel=0.02)  # asked for: 5 %
    assert got == pytest.approx(published, rel=0.04)  # p90: 15 %


@pytest.mark.parametrize("region", MEANS)
def test_components_of_a_region_have_the_published_means_and_add_up_to_the_total(region: str) -> None:
    sampled = rows(region)
    for component, published in MEANS[region].items():
        means = sampled[:, COMPONENTS.index(component)].reshape(BATCHES, -1).mean(axis=1)
        half = half_width(means.tolist(), CONFIDENCE)
        # the lattice on which the scales are found is exact to about one percent
        assert abs(means.mean() - published) <= half + 0.01 * published, component
        assert half < 0.15 * published, component
    totals = sampled.sum(axis=1).reshape(BATCHES, -1).mean(axis=1)
    half = half_width(totals.tolist(), CONFIDENCE)
    assert abs(totals.mean() - sum(MEANS[region].values())) <= half + 0.003 * totals.mean()
    assert totals.mean() == pytest.approx(MEAN_TOTALS[region], rel=0.02)
    assert not sampled[:, [COMPONENTS.index("starting_runtime"), COMPONENTS.index("initialising")]].any()


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_totals_of_a_runtime_have_the_published_median_and_p90(runtime: str) -> None:
    p50, p90 = np.percentile(rows("R2", runtime).sum(axis=1), (50, 90))
    assert (p50, p90) == pytest.approx(RUNTIMES[runtime], rel=0.02)


@pytest.mark.parametrize("runtime", PARTS)
def test_components_of_a_runtime_have_about_the_published_medians(runtime: str) -> None:
    for component, published in PARTS[runtime].items():
        got = float(np.median(rows("R2", runtime)[:, COMPONENTS.index(component)]))
        assert got == pytest.approx(published, rel=0.15), component


@pytest.mark.parametrize("runtime", HUMPS)
def test_allocations_have_the_published_three_humps(runtime: str) -> None:
    seconds = rows("R2", runtime)[:, COMPONENTS.index("allocating")]
    got = ((seconds < 1e-3).mean(), ((seconds >= 1e-3) & (seconds <= 0.05)).mean(), (seconds >= 1).mean())
    assert got == pytest.approx(HUMPS[runtime], abs=0.05)


def test_the_runtimes_mixed_by_their_numbers_are_about_the_region() -> None:
    known = {"Python3": 1_190_731, "Node.js": 287_253, "Custom": 186_452, "Java": 165_695, "Python2": 165_673}
    known |= {"Go1.x": 30_045, "PHP7.3": 25_591, "http": 18_167, "C#": 3_105}
    share = N / sum(known.values())
    mixed = np.concatenate(
        [rows("R2", runtime)[: round(number * share)].sum(axis=1) for runtime, number in known.items()]
    )
    published = dict(zip(PERCENTS, TOTALS["R2"], strict=True))
    for percent in (5, 25, 50, 75, 95, 99):  # p90 lies on the step to allocation from scratch
        assert np.percentile(mixed, percent) == pytest.approx(published[percent], rel=0.1), percent


def test_a_runtime_that_nobody_told_apart_starts_as_the_region() -> None:
    assert catalogue.joined("R2", "Fortran") is catalogue.joined("R2", "")
    assert catalogue.joined("R1", "Python3") is catalogue.joined("R1", "")
    assert catalogue.joined("R2", "python3") is not catalogue.joined("R2", "")


def test_the_log_normal_of_all_regions_has_its_moments_and_quantiles() -> None:
    moments = catalogue.everywhere()
    assert (moments.mean, moments.sd) == (3.24, 7.10)
    model = LogNormalRows(moments.mean, moments.sd, catalogue.shares())
    totals = model.rows(np.random.default_rng(10).random((N, 8))).sum(axis=1)
    batches = totals.reshape(BATCHES, -1)
    assert abs(totals.mean() - 3.24) <= half_width(batches.mean(axis=1).tolist(), CONFIDENCE)
    mu, sigma = 0.2965, 1.3260  # of the logarithm, by hand
    logs = np.log(batches)
    assert abs(logs.mean() - mu) <= half_width(logs.mean(axis=1).tolist(), CONFIDENCE)
    spreads = logs.std(axis=1, ddof=1)
    assert abs(spreads.mean() - sigma) <= half_width(spreads.tolist(), CONFIDENCE)
    assert np.percentile(totals, (50, 90, 99)) == pytest.approx((1.35, 7.36, 29.4), rel=0.02)
    assert math.fsum(model.means) == pytest.approx(3.24)
    assert math.sqrt((math.exp(sigma**2) - 1) * math.exp(2 * mu + sigma**2)) == pytest.approx(7.10, rel=1e-3)


def test_the_shares_of_all_regions_are_the_published_means_weighted_by_their_cold_starts() -> None:
    numbers = {"R1": 7_107_399, "R2": 2_072_823, "R3": 308_605, "R4": 1_619_285, "R5": 805_745}
    seconds = [sum(n * MEANS[region].get(component, 0.0) for region, n in numbers.items()) for component in COMPONENTS]
    assert catalogue.shares() == pytest.approx([each / sum(seconds) for each in seconds])
    assert sum(seconds) / sum(numbers.values()) == pytest.approx(3.24, rel=0.07)  # Figure 11 and 10b agree so far
