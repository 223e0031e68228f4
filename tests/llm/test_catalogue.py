"""The catalogue of language models, what accelerators reach with them, and the bound that no closed form falls below."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llm_bounds import least_s

from simtier.catalogue.hardware import accelerator, accelerators, llm_efficiency
from simtier.catalogue.hardware import parse as parse_hardware
from simtier.catalogue.llm import language_model, language_models, parse, published
from simtier.errors import CatalogueError
from simtier.models.llm.closed_form import ClosedForm
from simtier.models.llm.efficiency import Devices, Efficiency
from simtier.models.llm.work import Chunk


@pytest.mark.parametrize("name", language_models())
def test_parameters_are_within_1_percent_of_the_published_number(name: str) -> None:
    shape, told = language_model(name), published(name)
    assert shape.parameters == pytest.approx(told.parameters, rel=0.01)
    assert len(told.source) > 40


@pytest.mark.parametrize("name", [name for name in language_models() if language_model(name).experts])
def test_active_parameters_of_mixtures_are_within_3_percent_of_the_published_number(name: str) -> None:
    told = published(name).active
    assert told is not None
    assert language_model(name).active_parameters == pytest.approx(told, rel=0.03)


@pytest.mark.parametrize("name", [name for name in language_models() if not language_model(name).experts])
def test_all_parameters_of_dense_models_are_active(name: str) -> None:
    assert language_model(name).active_parameters == language_model(name).parameters
    assert published(name).active is None


@pytest.mark.parametrize(
    ("name", "of_a_token"),
    [
        ("opt-13b", 800 * 1024),  # PagedAttention, SOSP 2023, section 3: 800 KB
        ("opt-66b", 2.36e6),
        ("llama-2-7b", 512 * 1024),
        ("llama-2-70b", 320 * 1024),
        ("llama-3-8b", 128 * 1024),
        ("deepseek-v3", 70.272e3),  # Zhao et al., Insights into DeepSeek-V3, ISCA 2025, table 1
        ("qwen2.5-32b", 256 * 1024),
        ("mixtral-8x7b", 128 * 1024),
    ],
)
def test_keys_and_values_of_a_token_take_what_is_known(name: str, of_a_token: float) -> None:
    assert language_model(name).kv_bytes(2.0) == pytest.approx(of_a_token, rel=0.002)


def test_an_alias_has_the_dimensions_of_another_and_its_own_context() -> None:
    old, new = language_model("llama-3-8b"), language_model("llama-3.1-8b")
    assert (old.name, new.name) == ("llama-3-8b", "llama-3.1-8b")
    assert (old.context, new.context) == (8192, 131072)
    assert (old.layers, old.parameters, old.kv_bytes()) == (new.layers, new.parameters, new.kv_bytes())


def test_an_unknown_model_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(CatalogueError, match=r"unknown language model 'llama-3-9b' \(did you mean 'llama-3-8b'\?\)"):
        language_model("llama-3-9b")


_DENSE = (
    "tiny: {layers: 2, hidden: 8, heads: 4, kv_heads: %s, head_width: 2, feed_forward: 16, vocabulary: 10, context: 64, "
    "published: {parameters: 1e3}, source: made up%s}"
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (_DENSE % (3, ""), "4 heads do not divide into 3 groups"),
        (_DENSE % (2, ", experts: {number: 2, active: 3, width: 4}"), "3 active experts are more than all 2"),
        (_DENSE % (2, ", experts: {number: 2, active: 1, width: 4, dense_layers: 2}"), "no experts are left"),
        (_DENSE % (0, ""), "greater than 0"),
        (_DENSE % (2, ", colour: red"), "colour"),
        (
            _DENSE % (2, "") + "\nother: {like: tinny, context: 8, source: made up}",
            r"other: no model is called 'tinny' \(did you mean",
        ),
        ("tiny: [", "llm.yaml is not YAML"),
        ("- tiny", "valid dictionary"),
    ],
)
def test_malformed_entries_are_told(text: str, told: str) -> None:
    with pytest.raises(CatalogueError, match=told):
        parse(text)


def test_experts_of_few_tokens_are_read_in_part_and_of_many_in_whole() -> None:
    """One token reads its own 8 of 128 experts, a thousand tokens read all: decodes of one sequence take less than a tenth of their weights."""
    shape = language_model("qwen3-30b-a3b")
    ideal = Efficiency(
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
    slow_memory = Devices(peak_flop_per_s=1e18, bandwidth_bytes_per_s=1e12)
    cost = ClosedForm(shape, slow_memory, ideal)
    read = shape.parameters - shape.embedding_parameters  # all but the input embedding, which is looked up
    met = shape.active_parameters - shape.embedding_parameters
    assert cost.seconds((), 1, 0) == pytest.approx(2 * met / 1e12, rel=1e-9)
    assert cost.seconds((), 1000, 0) == pytest.approx(2 * read / 1e12, rel=1e-6)


def test_the_a100_has_the_numbers_that_are_the_default() -> None:
    assert llm_efficiency("a100_80g").efficiency == Efficiency()
    assert llm_efficiency("a100_80g").fitted


def test_accelerators_that_nobody_fitted_take_the_default_and_say_so() -> None:
    unfitted = [name for name in accelerators() if not llm_efficiency(name).fitted]
    assert {"h100", "l4", "ascend_910c"} <= set(unfitted)
    for name in unfitted:
        assert llm_efficiency(name).efficiency == Efficiency()
        assert "assumption" in llm_efficiency(name).source


def test_times_of_an_efficiency_arrive_in_seconds() -> None:
    assert llm_efficiency("rtx_4090").efficiency.call_s == pytest.approx(84.5e-6)
    assert llm_efficiency("a100_80g").efficiency.iteration_s == pytest.approx(0.42e-3)


def test_an_efficiency_out_of_range_is_refused_with_its_place() -> None:
    text = (
        "accelerators: {x: {peak: {bf16: 1 TFLOP/s}, memory: 1 GB, bandwidth: 1 GB/s, idle: 1 W, full: 2 W, price: 1 USD/hour, "
        "compute_efficiency: 0.5, memory_efficiency: 0.5, overhead: 1 us, source: a, efficiency_source: b, llm: {compute: 1.5, source: c}}}\n"
        "machines: {}"
    )
    with pytest.raises(CatalogueError, match=r"accelerators\.x\.llm\.compute"):
        parse_hardware(text)


def test_new_accelerators_have_the_published_rates() -> None:
    expected = {
        "a100_40g": (312e12, 1.555e12, 40e9),
        "l40s": (362e12, 864e9, 48e9),
        "rtx_4090": (165.2e12, 1.008e12, 24e9),
        "b200": (2250e12, 8e12, 180e9),
        "ascend_910c": (752e12, 3.2e12, 128e9),
    }
    for name, (peak, bandwidth, memory) in expected.items():
        device = accelerator(name)
        assert device.peak_flop_per_s["bf16"] == pytest.approx(peak)
        assert (device.bandwidth_bytes_per_s, device.memory_bytes) == pytest.approx((bandwidth, memory))


_SHARES = st.floats(0.05, 1.0)
_EFFICIENCIES = st.builds(
    Efficiency,
    compute=_SHARES,
    weights=_SHARES,
    corner=st.one_of(st.floats(1.0, 20.0), st.just(math.inf)),
    prefill_attention=_SHARES,
    decode_attention=_SHARES,
    passes=st.floats(0, 50),
    call_s=st.floats(0, 1e-4),
    layer_s=st.floats(0, 1e-4),
    iteration_s=st.floats(0, 1e-3),
)
_CHUNKS = st.lists(st.tuples(st.integers(1, 5000), st.integers(0, 100_000)), max_size=5)
_BF16 = [name for name in accelerators() if "bf16" in accelerator(name).peak_flop_per_s]


@given(
    model=st.sampled_from(language_models()),
    device=st.sampled_from(_BF16),
    number=st.sampled_from([1, 2, 3, 8, 64]),
    at=st.one_of(
        _EFFICIENCIES,
        st.just(Efficiency(compute=1, weights=1, corner=math.inf, prefill_attention=1, decode_attention=1)),
    ),
    chunks=_CHUNKS,
    decodes=st.integers(0, 512),
    mean=st.integers(1, 200_000),
)
def test_no_iteration_is_faster_than_its_operations_at_the_peak_or_its_bytes_at_the_bandwidth(
    model: str, device: str, number: int, at: Efficiency, chunks: list[Chunk], decodes: int, mean: int
) -> None:
    if not chunks and not decodes:
        return
    spec, shape = accelerator(device), language_model(model)
    devices = Devices(
        peak_flop_per_s=spec.peak_flop_per_s["bf16"], bandwidth_bytes_per_s=spec.bandwidth_bytes_per_s, number=number
    )
    cost = ClosedForm(shape, devices, at)
    contexts = float(decodes * mean)
    bound = least_s(shape, devices, chunks, decodes, contexts)
    assert cost.seconds(chunks, decodes, contexts) >= bound * (1 - 1e-9)
    if decodes:
        assert (cost.times(decodes, contexts, 3) >= least_s(shape, devices, (), decodes, contexts) * (1 - 1e-9)).all()


def test_one_token_behind_a_long_prefix_reads_the_prefix() -> None:
    """A prompt that is cached but for its last token has hardly any operations, and all its keys and values to read."""
    devices = Devices(peak_flop_per_s=312e12, bandwidth_bytes_per_s=2.039e12)
    cost = ClosedForm(language_model("llama-2-7b"), devices, Efficiency())
    without = cost.seconds([(1, 0)], 0, 0.0)
    assert cost.seconds([(1, 100_000)], 0, 0.0) - without == pytest.approx(100_000 * 524_288 / 2.039e12, rel=1e-3)


def test_a_latent_that_all_heads_share_is_bound_by_operations_on_devices_with_little_of_them() -> None:
    """DeepSeek-V3: 4 x 128 x (512 + 32) operations on 1,152 bytes a layer are 242 a byte; an A100 has 153 a byte, a T4 203, an L4 403."""
    shape = language_model("deepseek-v3")
    a100 = Devices(peak_flop_per_s=312e12, bandwidth_bytes_per_s=2.039e12)
    l4 = Devices(peak_flop_per_s=121e12, bandwidth_bytes_per_s=300e9)
    ideal = Efficiency(prefill_attention=1, decode_attention=1)
    assert ClosedForm(shape, a100, ideal).line(1)[1] == pytest.approx(61 * 4 * 128 * 544 / 312e12)
    assert ClosedForm(shape, l4, ideal).line(1)[1] == pytest.approx(61 * 1152 / 300e9)
