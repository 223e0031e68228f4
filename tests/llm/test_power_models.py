"""Power of iterations, lower clocks, and engines whose clock changes while they run."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llm_driving import LLAMA_2_7B, Driven, Row, closed_form

from simtier.catalogue.llm import language_model
from simtier.clock import Clock
from simtier.contract import Asker
from simtier.models.llm.blocks import Blocks
from simtier.models.llm.capped import Capped
from simtier.models.llm.draw import Draw
from simtier.models.llm.ears import Ears
from simtier.models.llm.engine import Engine
from simtier.models.llm.estimates import alone_s
from simtier.models.llm.phase_power import PhasePower, ridge_tokens
from simtier.models.llm.sequence import LlmSequence
from simtier.policies.batching.vllm_v1 import VllmV1
from simtier.streams import Streams
from simtier.testing import FakeSite

A100 = PhasePower(idle_w=50, peak_w=400, ridge_tokens=150)
laws = settings(derandomize=True, deadline=None, max_examples=60, database=None)
tokens = st.integers(0, 10_000)
clocks = st.floats(0.1, 1.0)


def test_power_by_hand() -> None:
    assert A100.watts(150) == pytest.approx(400 * (0.5 + 0.5 / sqrt(2)))
    assert A100.watts(0) == pytest.approx(200)
    assert A100.watts(150_000) == pytest.approx(400, rel=1e-5)
    assert A100.watts(0, 0.5) == pytest.approx(50 + 150 * 0.5**1.1)
    assert A100.slowdown(150, 0.5) == pytest.approx(sqrt(1 + 2.6**2) / sqrt(1 + 1.3**2))


def test_the_ridge_is_where_operations_take_as_long_as_reading_the_weights() -> None:
    assert ridge_tokens(LLAMA_2_7B, 312e12, 2.039e12, 2.0) == pytest.approx(312e12 / 2.039e12)
    mixture = language_model("mixtral-8x7b")
    dense = 312e12 / 2.039e12
    assert ridge_tokens(mixture, 312e12, 2.039e12, 2.0) == pytest.approx(dense * 46.7 / 12.9, rel=0.01)


def test_tokens_draw_half_to_seven_tenths_of_the_peak_and_prompts_all_of_it() -> None:
    shares = [A100.watts(batch) / 400 for batch in (1, 8, 32, 64)]
    assert 0.5 <= shares[0] < shares[-1] <= 0.7
    assert A100.watts(1000) / 400 > 0.98


def test_the_figures_of_an_a100_at_1110_of_1410_mhz() -> None:
    """POLCA, section 4: up to 20 % of the peak power for up to 7 % of the performance."""
    clock = 1110 / 1410
    assert 1 - A100.watts(4000, clock) / A100.watts(4000) == pytest.approx(0.20, abs=0.01)
    slower = Capped(closed_form(), A100, clock)
    lost = [alone_s(slower, *request) / alone_s(closed_form(), *request) - 1 for request in ((1155, 211), (2048, 256))]
    assert all(0.02 < each <= 0.07 for each in lost)
    prompt = slower.seconds([(2000, 0)], 0, 0.0) / closed_form().seconds([(2000, 0)], 0, 0.0)
    assert prompt == pytest.approx(1410 / 1110, rel=0.01)


@laws
@given(tokens, tokens, clocks, clocks)
def test_a_cap_never_raises_power_nor_speed_and_more_tokens_never_draw_less(a: int, b: int, f: float, g: float) -> None:
    (a, b), (f, g) = sorted((a, b)), sorted((f, g))
    assert A100.watts(a, f) <= A100.watts(a, g) * (1 + 1e-12)
    assert A100.watts(a, f) <= A100.watts(b, f) * (1 + 1e-12)
    assert A100.watts(a, f) >= A100.idle_w
    assert A100.slowdown(a, f) >= A100.slowdown(a, g) * (1 - 1e-12) >= 1 - 1e-12
    assert A100.slowdown(a, f) <= 1 / f * (1 + 1e-12)


@laws
@given(st.integers(1, 200), st.integers(1, 2000), clocks)
def test_stretches_at_a_lower_clock_are_affine_where_they_were(decodes: int, context: int, clock: float) -> None:
    slower = Capped(closed_form(), A100, clock)
    line = slower.line(decodes)
    assert line is not None
    contexts = float(decodes * context)
    assert line[0] + line[1] * contexts == pytest.approx(slower.seconds((), decodes, contexts))
    np.testing.assert_allclose(slower.times(decodes, contexts, 3)[0], slower.seconds((), decodes, contexts))


def drive(rows: list[Row], changes: list[tuple[float, float]], *, one_by_one: bool = False) -> tuple[Driven, list[Any]]:
    """Serve `rows` on an engine whose clock changes at given times; return it and (begin, end, watts) of all it wrote."""
    clock, policy = Clock(), VllmV1()
    done: list[LlmSequence] = []
    asker = Asker(policy, "vllm_v1", "engine", lambda: clock.now)
    asker.tell(policy.start, FakeSite(), Streams(0).stream("policy"))
    engine = Engine(clock, asker, closed_form(), Blocks(1 << 20, 16), 1 << 20, done.append, one_by_one=one_by_one)
    draw, wrote = Draw(engine, A100), []
    engine.ears = Ears(
        wrote=lambda row: wrote.append((row[-3], row[-1], draw.wrote(row[1] + row[3], row[-1] - row[-3])))
    )
    for at, to in changes:
        clock.call_at(at, draw.set_clock, to)

    def arrive(arrival: tuple[int, Row]) -> None:
        number, row = arrival
        engine.join(LlmSequence(None, number, row.prompt, row.output, clock.now))

    clock.feed((row.at, arrive, (number, row)) for number, row in enumerate(rows))
    clock.play(1e6)
    assert draw.joules_above_idle() == pytest.approx(sum((watts - 50) * (end - begin) for begin, end, watts in wrote))
    return Driven(done, engine), wrote


@st.composite
def stories(draw: Any) -> tuple[list[Row], list[tuple[float, float]]]:
    number = draw(st.integers(1, 6))
    gaps = draw(st.lists(st.sampled_from([0.0, 0.013, 0.4, 2.1]), min_size=number, max_size=number))
    lengths = st.tuples(st.integers(1, 900), st.integers(1, 120))
    rows = [
        Row(at=float(at), prompt=p, output=o)
        for at, (p, o) in zip(np.cumsum(gaps), [draw(lengths) for _ in gaps], strict=True)
    ]
    times = sorted(draw(st.lists(st.floats(0.001, 5.0), max_size=4)))
    return rows, [(at, draw(st.sampled_from([0.2, 0.787, 0.904, 1.0]))) for at in times]


@laws
@given(stories())
def test_stretches_are_cut_where_the_clock_changes_as_one_by_one(
    story: tuple[list[Row], list[tuple[float, float]]],
) -> None:
    fast, _ = drive(*story)
    slow, rows = drive(*story, one_by_one=True)
    np.testing.assert_allclose(fast.times(), slow.times(), rtol=1e-9)
    assert fast.engine.iterations == slow.engine.iterations == len(rows)


@laws
@given(stories())
def test_the_same_energy_whether_stretches_or_one_by_one(story: tuple[list[Row], list[tuple[float, float]]]) -> None:
    energies = [
        sum(watts * (end - begin) for begin, end, watts in drive(*story, one_by_one=each)[1]) for each in (False, True)
    ]
    assert energies[0] == pytest.approx(energies[1], rel=1e-9)


def test_an_iteration_under_way_ends_as_it_began() -> None:
    """A prompt of 0.1 s or so is under way when the clock falls: it takes its time and power, what comes after takes the new."""
    rows, cost = [Row(prompt=2000, output=3)], closed_form()
    prompt_s = cost.seconds([(2000, 0)], 0, 0.0)
    driven, wrote = drive(rows, [(prompt_s / 2, 0.5)])
    assert driven.done[0].first_s == pytest.approx(prompt_s)
    slower = Capped(cost, A100, 0.5)
    assert driven.done[0].last_s - prompt_s == pytest.approx(float(slower.times(1, 2001, 2).sum()))
    assert [watts for *_, watts in wrote] == pytest.approx([A100.watts(2000), A100.watts(1, 0.5)])
