"""Random numbers: by name, by index, by source; nobody's depend on anybody else's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import stats

from simtier.streams import Streams

quick = settings(derandomize=True, deadline=None, max_examples=50, database=None)
names = st.text(min_size=1, max_size=12)


def exponential(rng: Generator, n: int) -> NDArray[np.float64]:
    return rng.exponential(1.0, n)


def gamma(rng: Generator, n: int) -> NDArray[np.float64]:
    """A sampler that takes a number of bits that is not known before."""
    return rng.gamma(0.3, 1.0, n)


@quick
@given(names, names, st.integers(0, 2**62), st.integers(0, 9))
def test_a_stream_depends_on_seed_replication_and_name_only(name: str, other: str, seed: int, replication: int) -> None:
    alone = Streams(seed, replication).stream(name).random(5).tolist()
    beside = Streams(seed, replication)
    beside.stream(other + "x").random(100)
    assert beside.stream(name).random(5).tolist() == alone
    assert Streams(seed + 1, replication).stream(name).random(5).tolist() != alone
    assert Streams(seed, replication + 1).stream(name).random(5).tolist() != alone
    assert Streams(seed, replication).stream(name + " ").random(5).tolist() != alone


def test_a_stream_goes_on_where_it_stood() -> None:
    streams = Streams(1)
    first = streams.stream("a").random(3).tolist()
    assert first + streams.stream("a").random(3).tolist() == Streams(1).stream("a").random(6).tolist()


@quick
@given(st.lists(st.integers(0, 2_000_000), min_size=1, max_size=30), st.sampled_from([exponential, gamma]))
def test_draws_by_index_are_the_same_in_any_order(indices: list[int], sample: object) -> None:
    here, there = (Streams(3).draws("work", sample) for _ in range(2))  # type: ignore[arg-type]
    forwards = {i: here(i) for i in indices}
    backwards = {i: there(i) for i in reversed(indices)}
    assert forwards == backwards
    assert {i: here(i) for i in indices} == forwards


def test_draws_are_the_same_after_their_block_was_forgotten() -> None:
    draws = Streams(3).draws("work", exponential)
    first = [draws(i) for i in range(10)]
    for block in range(3000):
        draws(block * 1024)
    assert [draws(i) for i in range(10)] == first


def test_draws_have_the_distribution_asked_for_and_do_not_repeat() -> None:
    draws = Streams(4).draws("work", exponential)
    values = np.array([draws(i) for i in range(50_000)])
    assert stats.kstest(values, "expon").pvalue > 0.001
    assert len(np.unique(values)) == len(values)
    assert abs(np.corrcoef(values[:-1], values[1:])[0, 1]) < 0.02


def test_streams_of_different_names_are_independent() -> None:
    streams = Streams(5)
    work, loss = streams.draws("work", exponential), streams.draws("loss", exponential)
    pairs = np.array([(work(i), loss(i)) for i in range(20_000)])
    assert abs(np.corrcoef(pairs.T)[0, 1]) < 0.025


def test_a_request_has_the_same_draws_whatever_other_sources_there_are() -> None:
    few, many = Streams(6), Streams(6)
    camera = few.source("cameras/c")
    for other in ("a", "b"):
        many.source(other)
    same_camera = many.source("cameras/c")
    draws, beside = few.request_draws("work", gamma), many.request_draws("work", gamma)
    assert camera != same_camera
    assert [draws(camera + k) for k in range(3000)] == [beside(same_camera + k) for k in range(3000)]
    assert beside(many.source("d")) != draws(camera)


@pytest.mark.parametrize("sources", [1, 5000])
def test_numbers_of_requests_are_whole_numbers_that_the_journal_can_hold(sources: int) -> None:
    streams = Streams(1)
    firsts = [streams.source(f"s{i}") for i in range(sources)]
    assert len(set(firsts)) == sources
    assert int(float(firsts[-1] + 12_345)) == firsts[-1] + 12_345
