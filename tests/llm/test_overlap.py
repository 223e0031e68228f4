"""Overlap within an accelerator, and NanoFlow's rule: its paper's figures for Llama-2-70B on eight A100, and laws."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llm_bounds import least_s
from llm_driving import ONE_SECOND, Row, drive
from playing import play

from simtier.catalogue.llm import language_model
from simtier.models.llm.blocks import Blocks
from simtier.models.llm.closed_form import ClosedForm
from simtier.models.llm.efficiency import Devices, Efficiency
from simtier.models.llm.links import Link
from simtier.models.llm.overlap import ALONE, MEMORY, NETWORK, Overlap, Overlapped, _together
from simtier.models.llm.work import Chunk
from simtier.policies.batching.nanoflow import Nanoflow
from simtier.scenario import Scenario

EIGHT = Devices(peak_flop_per_s=312e12, bandwidth_bytes_per_s=2.039e12, number=8, link=Link(300e9, 1.9e-6))
SHAPE = language_model("llama-2-70b")
DENSE: tuple[list[Chunk], int, float] = ([(512, 0), (512, 0)], 1024, 1024 * 768.0)
"""A batch of 2,048 tokens where prompts and answers have 512 tokens each: half of either, answers at half of theirs."""
CUTLASS = 260e12
"""What NanoFlow takes for the peak of matrix products on an A100; its optimum is this over twice the parameters: 1,857 tokens/s on each."""


def took(overlap: Overlap, at: Efficiency) -> float:
    return Overlapped(SHAPE, EIGHT, at, overlap).seconds(*DENSE)


def test_the_optimum_of_the_paper_is_its_peak_over_twice_the_parameters() -> None:
    optimum = CUTLASS / (2 * 70e9)
    assert optimum == pytest.approx(1857, rel=0.001)


@pytest.mark.parametrize("compute", [0.672, CUTLASS / 312e12], ids=["fitted", "cutlass"])
def test_nano_batches_come_in_the_papers_order(compute: float) -> None:
    """Its ablation against one operation after the other: 0.868 for nano-batches alone, 1.07 with the network, 1.17 with memory. Here 0.87, 1.08 to
    1.09 and 1.24 to 1.26. (Its 1.91 and more are against other systems.)"""
    at = Efficiency(compute=compute)
    serial = ClosedForm(SHAPE, EIGHT, at).seconds(*DENSE)
    gains = [serial / took(overlap, at) for overlap in ("nano", "network", "all")]
    assert gains[0] == pytest.approx(0.868, abs=0.01)
    assert gains[1] == pytest.approx(1.07, abs=0.05)
    assert gains[2] == pytest.approx(1.17, abs=0.10)
    assert gains[0] < 1 < gains[1] < gains[2]


def test_compute_is_used_as_well_as_in_the_paper() -> None:
    """68.5 % of the optimum; 60 to 75 % are accepted. One operation after the other it is near half."""
    at = Efficiency()
    optimum_s = 2048 / (8 * 1857)
    assert 0.60 < optimum_s / took("all", at) < 0.75
    assert optimum_s / ClosedForm(SHAPE, EIGHT, at).seconds(*DENSE) == pytest.approx(0.52, abs=0.03)


def test_shares_of_the_accelerator_add_up_to_all_of_it() -> None:
    end_s = _together(0.17, 0.05, 0.03)
    assert 0.17 / end_s + (0.05 / end_s) ** MEMORY + (0.03 / end_s) ** NETWORK == pytest.approx(1.0, rel=1e-9)
    assert _together(0.17, 0.0, 0.0) == pytest.approx(0.17)
    assert _together(0.0, 0.05, 0.0) == pytest.approx(0.05)


_TIMES = st.one_of(st.just(0.0), st.floats(1e-9, 1.0))


@given(compute=_TIMES, memory=_TIMES, network=_TIMES)
def test_work_side_by_side_takes_as_long_as_its_longest_kind_and_no_longer_than_one_after_the_other(
    compute: float, memory: float, network: float
) -> None:
    end_s = _together(compute, memory, network)
    assert max(compute, memory, network) * (1 - 1e-6) <= end_s <= compute + memory + network + 1e-9


@given(
    model=st.sampled_from(["llama-2-7b", "llama-2-70b", "mixtral-8x7b"]),
    overlap=st.sampled_from(["nano", "network", "all"]),
    number=st.sampled_from([1, 2, 8]),
    sharp=st.booleans(),
    chunks=st.lists(st.tuples(st.integers(1, 3000), st.integers(0, 20_000)), max_size=3),
    decodes=st.integers(0, 1000),
    mean=st.integers(1, 8000),
)
def test_overlap_is_never_below_the_physical_bound_nor_slower_than_no_overlap(
    model: str, overlap: Overlap, number: int, sharp: bool, chunks: list[Chunk], decodes: int, mean: int
) -> None:
    if not chunks and not decodes:
        return
    shape, on, contexts = language_model(model), replace(EIGHT, number=number), float(decodes * mean)
    at = Efficiency(compute=1, weights=1, corner=math.inf, prefill_attention=1) if sharp else Efficiency()
    cost = Overlapped(shape, on, at, overlap)
    found, serial = (
        cost.seconds(chunks, decodes, contexts),
        ClosedForm(shape, on, at).seconds(chunks, decodes, contexts),
    )
    assert found >= least_s(shape, on, chunks, decodes, contexts) * (1 - 1e-9)
    if overlap == "nano":
        assert serial <= found * (1 + 1e-9) <= serial / ALONE * (1 + 2e-9)
    else:
        assert found <= serial * (1 + 1e-9)
    if decodes:
        one_by_one = [cost.seconds((), decodes, contexts + decodes * step) for step in range(4)]
        assert cost.times(decodes, contexts, 4) == pytest.approx(one_by_one)


def scenario(overlap: str, batching: str) -> Scenario:
    return Scenario.from_dict(
        {
            "name": "nanoflow",
            "run": {"duration": "60 s", "drain": "0 s", "seed": 1},
            "nodes": {"gpus": {"tier": "cloud", "cores": 64, "accelerators": ["a100_80g"] * 8}},
            "services": {
                "chat": {
                    "on": "gpus",
                    "llm": {"model": "llama-2-70b", "tensor": 8, "overlap": overlap},
                    "policies": {"batching": batching},
                }
            },
            "apps": {"ask": {"stages": {"answer": {"service": "chat", "tokens": {"input": 512, "output": 512}}}}},
            "workloads": {"asks": {"app": "ask", "from": "gpus", "arrivals": {"process": "poisson", "rate": "30 /s"}}},
        }
    )


def test_a_saturated_replica_computes_a_fifth_more_with_overlap() -> None:
    """Tokens computed in a minute, prompts and answers, with 30 requests/s of 512 and 512 tokens, more than it can serve."""
    done = {}
    for overlap in ("none", "all"):
        rows = play(scenario(overlap, "nanoflow")).table("iterations")
        done[overlap] = float((rows["prompt_tokens"] + rows["decodes"] * rows["iterations"]).sum())
    assert done["all"] / done["none"] == pytest.approx(1.22, abs=0.08)


def test_the_dense_batch_is_filled_with_pieces_of_prompts() -> None:
    driven = drive([Row(prompt=10, output=4) for _ in range(4)], Nanoflow(tokens=16), ONE_SECOND)
    assert [plan[1] for plan in driven.plans][:3] == [
        {0: 10, 1: 6},
        {0: 1, 1: 4, 2: 10, 3: 1},
        {0: 1, 1: 1, 2: 1, 3: 9},
    ]


def test_who_waits_is_admitted_only_if_expected_answers_would_fit() -> None:
    """Ten blocks of four: the first takes three, and its answer of twelve tokens another three; a second prompt would fit, with its answer not."""
    rows = [Row(prompt=12, output=12), Row(prompt=12, output=12)]
    free = drive(rows, Nanoflow(watermark=0.0), ONE_SECOND, blocks=Blocks(10, 4))
    wary = drive(rows, Nanoflow(watermark=0.0, answer=12), ONE_SECOND, blocks=Blocks(10, 4))
    assert (free.preemptions, wary.preemptions) == (1, 0)
    assert wary.plans[0][1] == {0: 12}
    assert free.plans[0][1] == {0: 12, 1: 12}
