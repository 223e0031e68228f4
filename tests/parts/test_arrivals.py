"""Arrival processes: sorted, with the rate and the spread they were given; and merging them against sorting them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from simtier.models import arrivals as a
from simtier.models import distributions as d

Times = NDArray[np.float64]


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def until(chunks: Iterator[Times], stop: float) -> Times:
    return np.concatenate([np.empty(0), *a.between(chunks, 0.0, stop)])


def test_periodic_times_are_multiples_of_the_period_and_no_running_sum() -> None:
    times = np.concatenate(list(islice(a.periodic(3.0, 0.1, 0.0, rng()), 60)))
    k = np.arange(len(times))
    assert (times == 0.1 + k / 3.0).all()


def test_jitter_delays_each_arrival_by_less_than_its_bound() -> None:
    times = np.concatenate(list(islice(a.periodic(10.0, 0.0, 0.09, rng()), 5)))
    late = times - np.arange(len(times)) / 10.0
    assert (late >= 0).all()
    assert (late < 0.09).all()
    assert (np.diff(times) > 0).all()
    assert stats.kstest(late / 0.09, "uniform").pvalue > 0.001


def test_exponential_gaps_make_a_poisson_process() -> None:
    times = until(a.renewal(d.exponential(0.01).sample, rng()), 500.0)
    counts = np.histogram(times, bins=np.arange(0.0, 500.5, 0.5))[0]
    assert stats.kstest(np.diff(times), stats.expon(scale=0.01).cdf).pvalue > 0.001
    assert counts.var() / counts.mean() == pytest.approx(1.0, abs=0.15)


def test_a_markov_modulated_process_has_the_rate_and_the_burstiness_of_its_chain() -> None:
    """Mean rate by the shares of time; index of dispersion in the long run 1 + 2 (r1-r2)^2 q1 q2 / ((q1+q2)^2 (r1 q2 + r2 q1)).

    q_i = 1 / stay_i. Fischer and Meier-Hellstern, Performance Evaluation 18, 1993, section 3.
    """
    r1, r2, stay1, stay2 = 100.0, 10.0, 0.5, 1.5
    q1, q2 = 1 / stay1, 1 / stay2
    dispersion = 1 + 2 * (r1 - r2) ** 2 * q1 * q2 / ((q1 + q2) ** 2 * (r1 * q2 + r2 * q1))
    times = until(a.markov_modulated([r1, r2], [stay1, stay2], rng()), 40_000.0)
    assert (np.diff(times) >= 0).all()
    counts = np.histogram(times, bins=np.arange(0.0, 40_001.0, 40.0))[0]
    assert counts.mean() / 40 == pytest.approx((r1 * stay1 + r2 * stay2) / 2, rel=0.02)
    assert counts.var() / counts.mean() == pytest.approx(dispersion, rel=0.15)


def test_a_varying_rate_follows_its_points_and_repeats() -> None:
    times = until(a.varying([(0.0, 0.0), (1.0, 200.0), (2.0, 0.0)], rng()), 400.0)
    phase = times % 2.0
    assert len(times) == pytest.approx(400 * 100, rel=0.03)
    assert stats.kstest(phase, stats.triang(0.5, 0.0, 2.0).cdf).pvalue > 0.001


def test_a_process_may_start_later_and_stops_before_its_end() -> None:
    times = np.concatenate(list(a.between(a.periodic(1.0, 0.0, 0.0, rng()), 5.0, 8.0)))
    assert times.tolist() == [5.0, 6.0, 7.0]


chunks = st.lists(st.lists(st.integers(0, 8), max_size=4), max_size=4)


def sorted_chunks(raw: list[list[int]]) -> list[Times]:
    """Cut a sorted list of few different times into the chunks of `raw`: equal times across chunks are likely."""
    everything = sorted(time for chunk in raw for time in chunk)
    cut, found = 0, []
    for chunk in raw:
        found.append(np.array(everything[cut : cut + len(chunk)], dtype=float))
        cut += len(chunk)
    return found


@settings(derandomize=True, deadline=None, max_examples=400, database=None)
@given(st.lists(chunks, max_size=4))
def test_merging_is_sorting_everything_by_time_then_source_then_number(raw: list[list[list[int]]]) -> None:
    sources = [sorted_chunks(chunk) for chunk in raw]
    found = [
        (float(time), int(source), int(k))
        for times, where, numbers in a.merged([iter(source) for source in sources])
        for time, source, k in zip(times, where, numbers, strict=True)
    ]
    expected = [
        (float(time), number, k)
        for number, source in enumerate(sources)
        for k, time in enumerate(np.concatenate([np.empty(0), *source]))
    ]
    assert found == sorted(expected)


def test_merging_takes_no_more_of_a_source_than_it_needs() -> None:
    taken = []

    def endless(name: str, step: float) -> Iterator[Times]:
        for k in range(10_000):
            taken.append(name)
            yield step * np.arange(4.0 * k, 4.0 * k + 4)

    for times, _, _ in islice(a.merged([endless("slow", 100.0), endless("quick", 1.0)]), 50):
        assert len(times)
    assert taken.count("slow") <= 2
