"""The shared cores against a program that recomputes every rate and every remaining work at each change."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simtier.clock import Clock
from simtier.models.fair_cpu import FairCpu

twins = settings(derandomize=True, deadline=None, max_examples=300, database=None)
jobs = st.lists(
    st.tuples(
        st.one_of(st.just(0.0), st.just(1.0), st.floats(0, 10)),
        st.one_of(st.just(0.0), st.just(1.0), st.floats(0.001, 5)),
        st.sampled_from([0.5, 1.0, 2.0, 16.0]),
    ),
    min_size=1,
    max_size=14,
).map(sorted)


def water_filling(caps: list[float], cores: float) -> list[float]:
    """Return each job's cores: equal shares, no more than its cap, what capped ones leave going to the others."""
    rates = [0.0] * len(caps)
    left, open_jobs = cores, sorted(range(len(caps)), key=lambda i: caps[i])
    for place, job in enumerate(open_jobs):
        rates[job] = min(caps[job], left / (len(open_jobs) - place))
        left -= rates[job]
    return rates


def naive(work: list[tuple[float, float, float]], cores: float) -> list[float]:
    """Return when each job (arrival, core-seconds, cap) ends."""
    ends = [math.nan] * len(work)
    left: dict[int, float] = {}
    now, coming = 0.0, list(range(len(work)))
    while coming or left:
        inside = list(left)
        rates = dict(zip(inside, water_filling([work[i][2] for i in inside], cores), strict=True))
        next_end = min((left[i] / rates[i] for i in inside), default=math.inf)
        next_arrival = work[coming[0]][0] - now if coming else math.inf
        step = min(next_end, next_arrival)
        for i in inside:
            left[i] -= rates[i] * step
        now += step
        for i in inside:
            if left[i] <= 1e-12:
                ends[i] = now
                del left[i]
        if next_arrival <= next_end and coming:
            first = coming.pop(0)
            left[first] = work[first][1]
    return ends


@twins
@given(jobs, st.sampled_from([0.5, 1.0, 3.0, 8.0]))
def test_shared_cores_end_every_job_when_recomputing_does(work: list[tuple[float, float, float]], cores: float) -> None:
    clock = Clock()
    cpu = FairCpu(clock, cores)
    ends: dict[int, float] = {}

    def end(job: int) -> None:
        ends[job] = clock.now

    for number, (at, seconds, cap) in enumerate(work):
        clock.call_at(at, lambda job: cpu.run(job[1], job[2], end, job[0]), (number, seconds, cap))
    clock.play(1e4)
    assert cpu.running == 0
    assert [ends[i] for i in range(len(work))] == pytest.approx(naive(work, cores), rel=1e-9, abs=1e-9)


@twins
@given(jobs, st.sampled_from([0.5, 1.0, 3.0]), st.floats(0.1, 12))
def test_what_is_done_and_what_is_left_add_up(
    work: list[tuple[float, float, float]], cores: float, horizon: float
) -> None:
    """At any time: work come in = work ended + work done of running jobs + work left, and never more than cores x time."""
    clock = Clock()
    cpu = FairCpu(clock, cores)
    ended: list[int] = []
    for number, (at, seconds, cap) in enumerate(work):
        clock.call_at(at, lambda job: cpu.run(job[1], job[2], ended.append, job[0]), (number, seconds, cap))
    clock.play(horizon)
    left = dict(cpu.unfinished())
    come = {i for i, job in enumerate(work) if job[0] < horizon}
    assert set(left) | set(ended) == come
    assert not set(left) & set(ended)
    done = sum(work[i][1] for i in come) - sum(left.values())
    assert done <= cores * horizon * (1 + 1e-9) + 1e-9
    for job, rest in left.items():
        assert -1e-9 <= rest <= work[job][1] + 1e-9
