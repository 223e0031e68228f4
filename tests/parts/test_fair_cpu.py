"""Shared cores: worked examples; the theory is in tests/theory, the slow twin in tests/slow_twins."""

from __future__ import annotations

import pytest

from simtier.clock import Clock
from simtier.models.fair_cpu import FairCpu


def ends(jobs: list[tuple[float, float, float]], cores: float) -> list[tuple[str, float]]:
    """Return name and end of each (start, core-seconds, cap), in the order of the ends."""
    clock, found = Clock(), []
    cpu = FairCpu(clock, cores)
    for name, (at, seconds, cap) in zip("abcdef", jobs, strict=False):
        clock.call_at(
            at,
            lambda job: cpu.run(job[1], job[2], lambda n: found.append((n, clock.now)), job[0]),
            (name, seconds, cap),
        )
    clock.play(1e6)
    return found


def test_a_job_alone_runs_at_its_cap() -> None:
    assert ends([(0.0, 2.0, 1.0)], 4) == [("a", 2.0)]
    assert ends([(0.0, 2.0, 4.0)], 4) == [("a", 0.5)]
    assert ends([(0.0, 2.0, 9.0)], 4) == [("a", 0.5)]


def test_two_jobs_on_one_core_take_turns_without_end() -> None:
    """a alone for 1 s, then both at half speed: a has 1 s left and ends at 3; b then has 1 s left and ends at 4."""
    assert ends([(0.0, 2.0, 1.0), (1.0, 2.0, 1.0)], 1) == [("a", 3.0), ("b", 4.0)]


def test_what_a_capped_job_leaves_goes_to_the_others() -> None:
    """4 cores: a may use 1, b and c all; so b and c get 1.5 each."""
    found = dict(ends([(0.0, 1.0, 1.0), (0.0, 3.0, 4.0), (0.0, 1.5, 4.0)], 4))
    assert found == {"a": 1.0, "c": 1.0, "b": pytest.approx(1.0 + 1.5 / 4)}


def test_equal_jobs_end_together_in_the_order_they_came() -> None:
    assert ends([(0.0, 1.0, 1.0)] * 3, 1) == [("a", 3.0), ("b", 3.0), ("c", 3.0)]


def test_no_work_takes_no_time() -> None:
    assert ends([(0.0, 5.0, 1.0), (1.0, 0.0, 1.0)], 1) == [("b", 1.0), ("a", 5.0)]


def test_late_in_a_long_run_no_job_is_stuck_by_rounding() -> None:
    found = dict(ends([(1e5, 1e-9, 1.0), (1e5, 0.1, 1.0), (1e5 + 0.05, 1e-7, 2.0)], 2))
    assert set(found) == {"a", "b", "c"}
    assert found["b"] == pytest.approx(1e5 + 0.1, abs=1e-7)
