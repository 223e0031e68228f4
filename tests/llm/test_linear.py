"""Linear times of iterations, and DistServe's published coefficients."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from llm_bounds import least_s

from simtier.catalogue.hardware import accelerator
from simtier.catalogue.llm import language_model
from simtier.catalogue.llm_linear import Fitted, linear_cost, linear_costs, parse
from simtier.errors import CatalogueError
from simtier.models.llm.efficiency import Devices
from simtier.models.llm.linear import Coefficients, Linear
from simtier.models.llm.memory import Memory

KNOWN = linear_costs()
MADE_UP = Linear(Coefficients(1.0, 0.1, 0.01), Coefficients(2.0, 0.5, 0.25), Coefficients(3.0, 0.125, 0.5), 4)


def test_a_worked_example() -> None:
    assert MADE_UP.seconds([(10, 0)], 0, 0.0) == pytest.approx(1 + 0.1 * 10 + 0.01 * 100)
    assert MADE_UP.seconds([(10, 0), (20, 0)], 0, 0.0) == pytest.approx(1 + 0.1 * 30 + 0.01 * 500)
    assert MADE_UP.seconds([], 3, 40.0) == pytest.approx(2 + 0.5 * 40 + 0.25 * 3)
    assert MADE_UP.seconds([], 4, 40.0) == pytest.approx(3 + 0.125 * 40 + 0.5 * 4)


def test_an_iteration_with_both_takes_the_sum_of_both() -> None:
    both = MADE_UP.seconds([(10, 5)], 3, 40.0)
    assert both == pytest.approx(MADE_UP.seconds([(10, 5)], 0, 0.0) + MADE_UP.seconds([], 3, 40.0))


@given(cuts=st.lists(st.integers(1, 500), min_size=1, max_size=8))
def test_chunks_of_a_prompt_add_up_to_the_prompt_and_a_fixed_time_each(cuts: list[int]) -> None:
    befores = [sum(cuts[:place]) for place in range(len(cuts))]
    whole = MADE_UP.seconds([(sum(cuts), 0)], 0, 0.0)
    parts = sum(MADE_UP.seconds([chunk], 0, 0.0) for chunk in zip(cuts, befores, strict=True))
    assert parts == pytest.approx(whole + 1.0 * (len(cuts) - 1))


@given(
    decodes=st.integers(1, 300), mean=st.integers(1, 2000), iterations=st.integers(1, 50), known=st.sampled_from(KNOWN)
)
def test_the_line_is_what_iterations_take_one_by_one(decodes: int, mean: int, iterations: int, known: Fitted) -> None:
    cost = linear_cost(*known)
    a, b = cost.line(decodes)
    one_by_one = [cost.seconds((), decodes, decodes * (mean + number)) for number in range(iterations)]
    assert cost.times(decodes, decodes * mean, iterations) == pytest.approx(one_by_one)
    assert one_by_one == pytest.approx([a + b * decodes * (mean + number) for number in range(iterations)])


def test_the_published_coefficients_of_opt_13b_and_66b() -> None:
    """Milliseconds of DistServe's simulator: OPT-13B on one device, OPT-66B on four."""
    small, large = linear_cost("opt-13b", 1, "a100_80g"), linear_cost("opt-66b", 4, "a100_80g")
    assert small.seconds([(512, 0)], 0, 0.0) == pytest.approx(
        (18.10 + 0.1019 * 512 + 7.12e-6 * 512**2) * 1e-3, rel=1e-3
    )
    assert small.line(94) == pytest.approx(((19.93 + 0.0385 * 94) * 1e-3, 6.27e-7), rel=1e-3)
    assert small.line(95) == pytest.approx(((7.17 + 0.158 * 95) * 1e-3, 5.80e-7), rel=2e-3)
    assert large.seconds([(512, 0)], 0, 0.0) == pytest.approx(
        (29.44 + 0.1514 * 512 + 8.32e-6 * 512**2) * 1e-3, rel=1e-3
    )
    assert large.line(1) == pytest.approx(((30.76 + 0.0633) * 1e-3, 4.52e-7), rel=1e-3)
    assert large.line(200) == pytest.approx(((27.47 + 0.1248 * 200) * 1e-3, 4.05e-7), rel=2e-3)


@given(
    known=st.sampled_from(KNOWN),
    prompts=st.lists(st.integers(1, 2047), max_size=8),
    decodes=st.integers(0, 256),
    share=st.floats(0.0, 1.0),
)
def test_published_times_are_not_below_the_physical_bound_where_sequences_fit_in_the_memory(
    known: Fitted, prompts: list[int], decodes: int, share: float
) -> None:
    """Beyond, OPT-66B on two devices would be: its slope over contexts, of 95 decodes or more, is 0.82 of what reading them takes."""
    if not prompts and not decodes:
        return
    shape, spec = language_model(known.model), accelerator(known.accelerator)
    memory = Memory(device_bytes=spec.memory_bytes, devices=known.tensor)
    room = memory.left_bytes(shape) / memory.token_bytes(shape)
    contexts = min(share * room, 2048.0 * decodes)
    devices = Devices(
        peak_flop_per_s=spec.peak_flop_per_s["fp16"],
        bandwidth_bytes_per_s=spec.bandwidth_bytes_per_s,
        number=known.tensor,
    )
    chunks = [(tokens, 0) for tokens in prompts]
    assert linear_cost(*known).seconds(chunks, decodes, contexts) >= least_s(shape, devices, chunks, decodes, contexts)


def test_more_devices_are_faster() -> None:
    for tensors, model in (((1, 2, 4), "opt-13b"), ((2, 3, 4, 8), "opt-66b")):
        costs = [linear_cost(model, tensor, "a100_80g") for tensor in tensors]
        prompts = [cost.seconds([(1000, 0)], 0, 0.0) for cost in costs]
        decodes = [cost.seconds((), 32, 32 * 500.0) for cost in costs]
        assert prompts == sorted(prompts, reverse=True)
        assert decodes == sorted(decodes, reverse=True)


def test_unknown_models_devices_and_numbers_of_them_are_refused_with_what_is_known() -> None:
    with pytest.raises(CatalogueError, match=r"known of 'opt-14b' \(did you mean 'opt-13b'\?\)"):
        linear_cost("opt-14b", 1, "a100_80g")
    with pytest.raises(
        CatalogueError, match=r"opt-13b on 3 x a100_80g \(known: 1 x a100_80g, 2 x a100_80g, 4 x a100_80g\)"
    ):
        linear_cost("opt-13b", 3, "a100_80g")
    with pytest.raises(CatalogueError, match="opt-13b on 1 x h100"):
        linear_cost("opt-13b", 1, "h100")


def test_negative_coefficients_are_refused() -> None:
    with pytest.raises(ValueError, match=r"second_s must be 0 or more and finite, got -0\.1"):
        Coefficients(1.0, 0.0, -0.1)
    with pytest.raises(ValueError, match="fixed_s"):
        Coefficients(np.inf, 0.0, 0.0)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "opt-13b: {1: {on: a100_80g, threshold: 95, prompts: [1 ms, 1 ms], few: [1 ms, 1 ms, 1 ms], many: [1 ms, 1 ms, 1 ms]}}",
            "prompts",
        ),
        (
            "opt-13b: {1: {on: a100_80g, threshold: 0, prompts: [1, 1, 1], few: [1, 1, 1], many: [1, 1, 1]}}",
            "threshold",
        ),
        ("opt-13b: {0: {}}", "greater than or equal to 1"),
        ("opt-13b: [", "is not YAML"),
    ],
)
def test_malformed_entries_are_told(text: str, told: str) -> None:
    with pytest.raises(CatalogueError, match=told):
        parse(text)
