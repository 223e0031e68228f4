"""Several accelerators for a replica: links, pipelines, memory by stage, and laws that hold however a model is divided."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from llm_bounds import least_s

from simtier.catalogue.llm import language_model
from simtier.models.llm import bound
from simtier.models.llm.closed_form import ClosedForm
from simtier.models.llm.efficiency import Devices, Efficiency
from simtier.models.llm.experts import Loads, even_loads, skewed_loads
from simtier.models.llm.links import Link
from simtier.models.llm.memory import Memory
from simtier.models.llm.parallel import Added, Part, Pipelined, stages
from simtier.models.llm.shape import LlmShape
from simtier.models.llm.work import Chunk
from simtier.streams import Streams

A100 = Devices(peak_flop_per_s=312e12, bandwidth_bytes_per_s=2.039e12)
NVLINK = Link(300e9, 1.9e-6)
IDEAL = Efficiency(
    compute=1,
    weights=1,
    corner=math.inf,
    prefill_attention=1,
    decode_attention=1,
    passes=0,
    call_s=0,
    layer_s=0,
    iteration_s=0,
)
LLAMA = language_model("llama-2-70b")


def test_a_ring_moves_each_byte_twice_but_for_one_share_in_n() -> None:
    """Four devices on 100 GB/s: 1 GB takes 2 x 3/4 x 10 ms, and six messages one after the other."""
    fixed_s, byte_s = Link(100e9, 2e-6).all_reduce(4)
    assert fixed_s == pytest.approx(12e-6)
    assert byte_s * 1e9 == pytest.approx(15e-3)


def test_an_exchange_keeps_the_share_of_a_device_itself_and_sends_all_messages_at_once() -> None:
    fixed_s, byte_s = Link(100e9, 2e-6).all_to_all(8)
    assert fixed_s == 2e-6
    assert byte_s * 1e9 == pytest.approx(8.75e-3)
    assert Link(100e9, 2e-6).all_to_all(1) == (0.0, 0.0)


@pytest.mark.parametrize(("rate", "latency"), [(0.0, 0.0), (-1.0, 0.0), (1e9, -1e-6), (1e9, math.inf), (math.nan, 0.0)])
def test_links_that_cannot_be_are_refused(rate: float, latency: float) -> None:
    with pytest.raises(ValueError, match=r"must be (positive|0 or more)"):
        Link(rate, latency)


def test_all_reduces_cost_what_the_ring_says_twice_a_layer() -> None:
    """Llama-2-70B on eight A100: 160 all-reduces of 2,048 x 8,192 x 2 bytes, each 2 x 7/8 of them at 300 GB/s and 14 x 1.9 us."""
    eight = replace(A100, number=8)
    free = ClosedForm(LLAMA, eight, Efficiency()).seconds([(2048, 0)], 0, 0.0)
    paid = ClosedForm(LLAMA, replace(eight, link=NVLINK), Efficiency()).seconds([(2048, 0)], 0, 0.0)
    reduce_s = 2 * 7 / 8 * 2048 * 8192 * 2 / 300e9 + 14 * 1.9e-6
    assert paid - free == pytest.approx(160 * reduce_s)


def test_one_device_sends_nobody_anything() -> None:
    alone = ClosedForm(LLAMA, replace(A100, link=NVLINK), Efficiency())
    assert alone.seconds([(512, 0)], 4, 4000.0) == ClosedForm(LLAMA, A100, Efficiency()).seconds([(512, 0)], 4, 4000.0)


def test_layers_are_divided_as_evenly_as_they_go() -> None:
    assert [stage.layers for stage in stages(LLAMA, 3)] == [27, 27, 26]
    assert [stage.embeddings for stage in stages(LLAMA, 3)] == [1, 0, 1]
    deep = stages(language_model("deepseek-v3"), 4)
    assert [(stage.layers, stage.sparse) for stage in deep] == [(16, 13), (15, 15), (15, 15), (15, 15)]
    with pytest.raises(ValueError, match="80 layers cannot be divided among 81 stages"):
        stages(LLAMA, 81)


@pytest.mark.parametrize("name", ["llama-2-70b", "opt-13b", "mixtral-8x7b", "deepseek-v3"])
def test_stages_have_all_parameters_between_them(name: str) -> None:
    shape = language_model(name)
    experts = shape.experts
    routed = 0.0 if experts is None else experts.number * shape.feed_forward_parameters(experts.width)
    for number in (1, 2, 5):
        found = sum(stage.own_parameters(shape) + stage.sparse * routed for stage in stages(shape, number))
        again = shape.embedding_parameters if shape.tied and number > 1 else 0.0  # the first and the last stage have it
        assert found == pytest.approx(shape.parameters + again)


def test_a_pipeline_takes_its_layers_and_the_sending_between_stages() -> None:
    whole, stage = ClosedForm(LLAMA, A100, Efficiency()), ClosedForm(LLAMA, A100, Efficiency(), layers=20)
    cost = Pipelined(whole, stage, 4, 10e-6, 1e-7)
    chunks = [(100, 0)]
    assert cost.seconds(chunks, 3, 900.0) == pytest.approx(whole.seconds(chunks, 3, 900.0) + 3 * (10e-6 + 103e-7))
    assert cost.stage.seconds(chunks, 3, 900.0) == pytest.approx(stage.seconds(chunks, 3, 900.0) + 10e-6 + 103e-7)
    assert (cost.stages, Pipelined(whole, whole, 1, 1.0, 1.0).stage) == (4, whole)
    assert Pipelined(whole, whole, 1, 1.0, 1.0).seconds(chunks, 0, 0.0) == whole.seconds(chunks, 0, 0.0)


def test_lines_and_running_sums_of_what_is_added_or_shared_agree_with_single_iterations() -> None:
    whole = ClosedForm(LLAMA, A100, Efficiency())
    for cost in (Added(whole, 1e-3, 1e-5), Part(whole, 0.25), Pipelined(whole, Part(whole, 0.5), 2, 1e-5, 1e-7).stage):
        line = cost.line(7)
        assert line is not None
        assert line[0] + line[1] * 700.0 == pytest.approx(cost.seconds((), 7, 700.0))
        assert cost.times(7, 700.0, 3) == pytest.approx([cost.seconds((), 7, 700.0 + 7 * i) for i in range(3)])


def test_the_slowest_stage_has_most_layers_and_the_output_matrix() -> None:
    """Ideal devices that only read: 27 of 80 layers, and one embedding."""
    slow = replace(A100, peak_flop_per_s=1e20)
    stage = ClosedForm(LLAMA, slow, IDEAL, layers=27)
    layers = LLAMA.parameters - 2 * LLAMA.embedding_parameters
    assert stage.seconds((), 1, 0.0) == pytest.approx((layers * 27 / 80 + LLAMA.embedding_parameters) * 2 / 2.039e12)
    assert stage.line(1)[1] == pytest.approx(LLAMA.kv_bytes() * 27 / 80 / 2.039e12)


def test_memory_of_a_pipeline_is_that_of_its_fullest_stage() -> None:
    """Two stages of one device of 80 GB: each has 40 layers of 857 million parameters and one embedding, and half of each token."""
    memory = Memory(device_bytes=80e9, pipeline=2, share=1.0)
    layer = LLAMA.attention_parameters + LLAMA.feed_forward_parameters(LLAMA.feed_forward)
    left = 80e9 - 2 * (40 * layer + LLAMA.embedding_parameters)
    assert memory.left_bytes(LLAMA) == pytest.approx(left)
    assert memory.blocks(LLAMA, 16) == int(left / (LLAMA.kv_bytes() / 2 * 16))
    assert memory.blocks(LLAMA, 16) > 2 * Memory(device_bytes=160e9, share=1.0).blocks(LLAMA, 16) * 0.49
    uneven = Memory(device_bytes=80e9, pipeline=3, share=1.0)
    assert uneven.left_bytes(LLAMA) == pytest.approx(80e9 - 2 * (27 * layer + LLAMA.embedding_parameters))


def test_groups_have_their_own_weights_and_share_experts() -> None:
    shape = language_model("mixtral-8x7b")
    experts = shape.experts
    assert experts is not None
    routed = shape.layers * experts.number * shape.feed_forward_parameters(experts.width)
    memory = Memory(device_bytes=80e9, data=4, spread=True, share=1.0)
    assert memory.weights(shape) == pytest.approx(2 * (4 * (shape.parameters - routed) + routed))
    more = replace(
        memory, redundant=1
    )  # nine experts on four devices: the fullest has three, as though there were twelve
    assert more.weights(shape) == pytest.approx(2 * (4 * (shape.parameters - routed) + routed * 12 / 8))
    assert memory.token_bytes(shape) == shape.kv_bytes()  # a token lies in one group


def test_keys_and_values_in_8_bits_leave_twice_the_blocks_and_are_read_in_half_the_time() -> None:
    shape = language_model("llama-3-8b")
    wide, narrow = Memory(device_bytes=80e9), Memory(device_bytes=80e9, kv_bytes=1.0)
    assert narrow.blocks(shape, 16) == pytest.approx(2 * wide.blocks(shape, 16), abs=1)
    lines = [ClosedForm(shape, replace(A100, kv_bytes=width), Efficiency()).line(8)[1] for width in (2.0, 1.0)]
    assert lines[0] == pytest.approx(2 * lines[1])


def test_weights_in_4_bits_are_read_in_a_quarter_of_the_time_and_computed_in_the_same() -> None:
    few = [ClosedForm(LLAMA, replace(A100, weight_bytes=width), IDEAL).seconds((), 1, 0.0) for width in (2.0, 0.5)]
    many = [ClosedForm(LLAMA, replace(A100, weight_bytes=w), IDEAL).seconds([(4096, 0)], 0, 0.0) for w in (2.0, 0.5)]
    assert few[0] == pytest.approx(4 * few[1])
    assert many[0] == pytest.approx(many[1], rel=0.01)


def loads_of(shape: LlmShape, over: int, cv: float, redundant: int = 0, *, balanced: bool = False) -> Loads | None:
    """Return the loads of a model's experts; None for a dense one."""
    if shape.experts is None:
        return None
    if not cv:
        return even_loads(shape.experts, over, redundant)
    rng = Streams(3).stream("experts")
    return skewed_loads(shape.experts, over, cv, 4, rng, redundant=redundant, balanced=balanced)


_MODELS = st.sampled_from(["llama-2-7b", "llama-2-70b", "mixtral-8x7b", "qwen3-30b-a3b", "deepseek-v3"])
_WORK = st.tuples(
    st.lists(st.tuples(st.integers(1, 4000), st.integers(0, 50_000)), max_size=3),
    st.integers(0, 300),
    st.integers(1, 20_000),
).filter(lambda work: bool(work[0] or work[1]))
_AT = st.sampled_from([IDEAL, Efficiency(), Efficiency(corner=1.0, compute=0.3)])
_DIVIDED = st.tuples(st.sampled_from([1, 2, 8]), st.sampled_from([1, 2, 4, 8]), st.sampled_from([0.0, 1.0]))


def divided(
    name: str, at: Efficiency, how: tuple[int, int, float], on: Devices, layers: int | None = None
) -> ClosedForm:
    """Return the cost of a model divided so; a dense one is not divided among groups."""
    shape, (number, data, cv) = language_model(name), how
    groups = data if shape.experts is not None else 1
    loads = loads_of(shape, min(number * groups, 8), cv) if groups > 1 else None
    if loads is not None and number * groups > 8:
        groups = 8 // number
        loads = loads_of(shape, 8, cv)
    return ClosedForm(shape, replace(on, number=number, data=groups), at, loads, layers)


@given(name=_MODELS, at=_AT, how=_DIVIDED, work=_WORK, widths=st.sampled_from([(2.0, 2.0), (1.0, 1.0), (0.5, 2.0)]))
def test_no_iteration_is_below_the_physical_bound_however_the_model_is_divided(
    name: str,
    at: Efficiency,
    how: tuple[int, int, float],
    work: tuple[list[Chunk], int, int],
    widths: tuple[float, float],
) -> None:
    chunks, decodes, mean = work
    on = replace(A100, link=NVLINK, weight_bytes=widths[0], kv_bytes=widths[1])
    cost, shape = divided(name, at, how, on), language_model(name)
    contexts = float(decodes * mean)
    least = least_s(shape, cost._devices, chunks, decodes, contexts)
    assert cost.seconds(chunks, decodes, contexts) >= least * (1 - 1e-9)
    assert bound.least_s(shape, cost._devices, chunks, decodes, contexts) == pytest.approx(least)
    layers = -(-shape.layers // 3)  # the slowest of three stages: all of them together are not below it either
    assert 3 * divided(name, at, how, on, layers).seconds(chunks, decodes, contexts) >= least * (1 - 1e-9)


@given(name=_MODELS, at=_AT, how=_DIVIDED, work=_WORK, factor=st.floats(1.0, 8.0))
def test_more_operations_bandwidth_or_links_never_take_longer(
    name: str, at: Efficiency, how: tuple[int, int, float], work: tuple[list[Chunk], int, int], factor: float
) -> None:
    chunks, decodes, mean = work
    on = replace(A100, link=NVLINK)
    took = divided(name, at, how, on).seconds(chunks, decodes, float(decodes * mean))
    better = (
        replace(on, peak_flop_per_s=on.peak_flop_per_s * factor),
        replace(on, bandwidth_bytes_per_s=on.bandwidth_bytes_per_s * factor),
        replace(on, link=Link(NVLINK.bytes_per_s * factor, NVLINK.latency_s)),
        replace(on, link=Link(NVLINK.bytes_per_s, NVLINK.latency_s / factor)),
        replace(on, link=None),
        replace(on, kv_bytes=on.kv_bytes / factor),
        replace(on, weight_bytes=on.weight_bytes / factor),
    )
    for other in better:
        assert divided(name, at, how, other).seconds(chunks, decodes, float(decodes * mean)) <= took * (1 + 1e-9)


@given(name=_MODELS, at=_AT, data=st.sampled_from([1, 2, 4]), cv=st.sampled_from([0.0, 1.0]), work=_WORK)
def test_more_devices_never_compute_longer(
    name: str, at: Efficiency, data: int, cv: float, work: tuple[list[Chunk], int, int]
) -> None:
    """Without links; `tensor` doubles three times."""
    chunks, decodes, mean = work
    shape = language_model(name)
    groups = data if shape.experts is not None else 1
    took = []
    for number in (1, 2, 4, 8):
        over = number * groups
        loads = loads_of(shape, over, cv) if groups > 1 and shape.experts is not None and over <= 8 else None
        if groups > 1 and loads is None:
            break
        on = replace(A100, number=number, data=groups)
        took.append(ClosedForm(shape, on, at, loads).seconds(chunks, decodes, float(decodes * mean)))
    assert all(after <= before * (1 + 1e-9) for before, after in pairwise(took))


@given(name=_MODELS, how=_DIVIDED, decodes=st.integers(1, 500), context=st.integers(1, 20_000))
def test_decoding_takes_longer_with_more_sequences(
    name: str, how: tuple[int, int, float], decodes: int, context: int
) -> None:
    """A peer's decode time was blind to the size of the batch."""
    cost = divided(name, Efficiency(), how, replace(A100, link=NVLINK))
    assert cost.seconds((), decodes + 1, float((decodes + 1) * context)) > cost.seconds(
        (), decodes, float(decodes * context)
    )
    fixed, slope = cost.line(decodes)
    assert fixed + slope * decodes * context == pytest.approx(cost.seconds((), decodes, float(decodes * context)))


def test_times_that_one_model_looked_up_are_not_those_of_another() -> None:
    """A peer kept its table of times by the number of tokens alone."""
    small, large = (ClosedForm(language_model(name), A100, Efficiency()) for name in ("llama-2-7b", "llama-2-13b"))
    first = [small.seconds([(512, 0)], 0, 0.0), large.seconds([(512, 0)], 0, 0.0)]
    again = [small.seconds([(512, 0)], 0, 0.0), large.seconds([(512, 0)], 0, 0.0)]
    assert first == again
    assert first[1] > 1.7 * first[0]


def test_grouped_queries_shrink_keys_and_values_and_the_time_to_read_them() -> None:
    """Llama-2-70B has 8 heads of keys and values for 64 of queries: an eighth of what it would have without, a peer's mistake."""
    plain = replace(LLAMA, kv_heads=64)
    assert plain.kv_bytes() == 8 * LLAMA.kv_bytes()
    assert ClosedForm(plain, A100, IDEAL).line(1)[1] == pytest.approx(8 * ClosedForm(LLAMA, A100, IDEAL).line(1)[1])
    sixteen = Memory(device_bytes=80e9, devices=16)
    assert sixteen.token_bytes(LLAMA) == 2 * LLAMA.kv_bytes()  # eight heads on sixteen devices: each twice
    assert np.isclose(sixteen.token_bytes(plain), plain.kv_bytes())
