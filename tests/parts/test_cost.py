"""The roofline: a worked example, its laws, and published measurements."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simtier.catalogue.dnn import dnn, dnns
from simtier.catalogue.hardware import accelerator, machine
from simtier.errors import CatalogueError
from simtier.models.cost import (
    BYTES_PER_ELEMENT,
    SegmentTimes,
    layer_seconds,
    roofline_seconds,
    segment_seconds,
)
from simtier.models.dnn import Layer
from simtier.models.hardware import Processor

_share = st.floats(0.01, 1.0)
_processors = st.builds(
    Processor,
    peak_flop_per_s=st.floats(1e9, 1e15),
    bandwidth_bytes_per_s=st.floats(1e9, 1e13),
    compute_efficiency=_share,
    memory_efficiency=_share,
    overhead_s=st.floats(0, 1e-3),
)
_counts = st.floats(0, 1e12, allow_subnormal=False).map(lambda count: count if count > 1e-9 else 0.0)
_layers = st.builds(
    Layer,
    name=st.just("layer"),
    kind=st.just("conv"),
    flop=_counts,
    parameters=_counts,
    input_elements=_counts,
    output_elements=_counts,
)
_batches = st.integers(1, 512)
_widths = st.sampled_from(sorted(BYTES_PER_ELEMENT.values()))
_ROUNDING = 1 + 1e-12


def test_a_layer_by_hand_on_either_side_of_the_ridge() -> None:
    processor = Processor(
        peak_flop_per_s=100.0,
        bandwidth_bytes_per_s=10.0,
        compute_efficiency=0.5,
        memory_efficiency=0.8,
        overhead_s=0.25,
    )
    layer = Layer("fc", "linear", flop=200.0, parameters=30.0, input_elements=3.0, output_elements=2.0)
    # One item: 200 / 50 = 4 s of arithmetic, (30 + 5) x 2 / 8 = 8.75 s of traffic.
    assert layer_seconds(layer, processor, 1, 2.0) == 8.75 + 0.25
    # Ten items: 40 s of arithmetic, (30 + 50) x 2 / 8 = 20 s of traffic, as the weights are read once.
    assert layer_seconds(layer, processor, 10, 2.0) == 40.0 + 0.25


def test_a_stage_of_operations_and_bytes_by_hand() -> None:
    processor = Processor(peak_flop_per_s=100.0, bandwidth_bytes_per_s=10.0, overhead_s=1.0)
    assert roofline_seconds(500.0, 20.0, processor) == 5.0 + 1.0
    assert roofline_seconds(100.0, 20.0, processor, batch=3) == 6.0 + 1.0


@given(_layers, _processors, _batches, _widths)
def test_no_layer_beats_the_physical_bounds(layer: Layer, processor: Processor, batch: int, width: float) -> None:
    seconds = layer_seconds(layer, processor, batch, width)
    moved = (layer.parameters + batch * (layer.input_elements + layer.output_elements)) * width
    assert seconds * _ROUNDING >= batch * layer.flop / processor.peak_flop_per_s
    assert seconds * _ROUNDING >= moved / processor.bandwidth_bytes_per_s
    assert seconds >= processor.overhead_s


@given(_layers, _processors, _batches, _batches, _widths)
def test_more_items_take_longer_and_never_cost_more_each(
    layer: Layer, processor: Processor, one: int, other: int, width: float
) -> None:
    few, many = sorted((one, other))
    short, long = (layer_seconds(layer, processor, batch, width) for batch in (few, many))
    assert short <= long
    assert long / many <= short / few * _ROUNDING


@pytest.mark.parametrize("field", ["compute_efficiency", "memory_efficiency"])
@given(layer=_layers, processor=_processors, batch=_batches, factor=_share)
def test_a_more_efficient_processor_is_never_slower(
    field: str, layer: Layer, processor: Processor, batch: int, factor: float
) -> None:
    worse = dataclasses.replace(processor, **{field: getattr(processor, field) * factor})
    assert layer_seconds(layer, processor, batch, 2.0) <= layer_seconds(layer, worse, batch, 2.0)


@given(_layers, _processors, _batches, _widths, _share)
def test_part_of_a_processor_is_slower_by_no_more_than_its_share(
    layer: Layer, processor: Processor, batch: int, width: float, share: float
) -> None:
    whole = layer_seconds(layer, processor, batch, width)
    part = layer_seconds(layer, processor.part(share), batch, width)
    assert whole <= part * _ROUNDING
    assert part <= whole / share * _ROUNDING


@given(_layers, _processors, _batches)
def test_wider_numbers_are_never_faster(layer: Layer, processor: Processor, batch: int) -> None:
    times = [layer_seconds(layer, processor, batch, width) for width in sorted(BYTES_PER_ELEMENT.values())]
    assert times == sorted(times)


@given(st.sampled_from(dnns()), _processors, _batches, st.data())
def test_segments_add_up_and_agree_with_adding_the_layers(
    name: str, processor: Processor, batch: int, data: st.DataObject
) -> None:
    network = dnn(name)
    times = SegmentTimes(network, processor, "fp16")
    end = len(network.layers)
    first, cut, last = sorted(data.draw(st.tuples(*3 * (st.integers(0, end),))))
    whole = times.seconds(0, end, batch)
    # The stated rounding of prefix sums: relative to the whole network, not to the segment.
    slack = end * 1.2e-16 * whole
    slow = sum(layer_seconds(layer, processor, batch, 2.0) for layer in network.layers[first:last])
    assert times.seconds(first, last, batch) == pytest.approx(slow, rel=0, abs=2 * slack)
    parts = times.seconds(first, cut, batch) + times.seconds(cut, last, batch)
    assert times.seconds(first, last, batch) == pytest.approx(parts, rel=0, abs=2 * slack)
    assert times.seconds(cut, cut, batch) == 0
    assert segment_seconds(network, first, last, processor, batch, "fp16") == times.seconds(first, last, batch)


def test_asking_again_and_in_another_order_gives_the_same_times() -> None:
    processor = accelerator("t4").processor("fp16")
    one, two = (SegmentTimes(dnn("resnet18"), processor, "fp16") for _ in range(2))
    forwards = [one.seconds(0, 10, batch) for batch in (1, 2, 4)]
    backwards = [two.seconds(0, 10, batch) for batch in (4, 2, 1)]
    assert forwards == backwards[::-1] == [one.seconds(0, 10, batch) for batch in (1, 2, 4)]


def test_impossible_segments_and_batches_are_refused() -> None:
    times = SegmentTimes(dnn("resnet18"), accelerator("t4").processor("fp16"), "fp16")
    for first, last in ((-1, 3), (0, 24), (3, 2)):
        with pytest.raises(CatalogueError, match="has cuts 0 to 23"):
            times.seconds(first, last, 1)
    with pytest.raises(CatalogueError, match="at least one item, got 0"):
        times.seconds(0, 1, 0)


# Items per second that others measured. The model's stated range of accuracy is a factor of two.
_MEASURED = {
    "T4, MLPerf v0.7 offline, a quarter of Dell XE2420's 25,141/s": ("t4", "resnet50", "int8", 64, 25_141 / 4),
    "Jetson Nano, NVIDIA's benchmarks": ("jetson_nano_gpu", "resnet50", "fp16", 1, 36.0),
    "Jetson Nano, Qengineering/YoloV8-TensorRT-Jetson_Nano": ("jetson_nano_gpu", "yolov8n", "fp16", 1, 19.0),
    "Jetson Nano, kentaroy47: 18 ms for 256x256": ("jetson_nano_gpu", "resnet18", "fp16", 1, (256 / 224) ** 2 / 18e-3),
    "Orin Nano, the0807/YOLOv8-ONNX-TensorRT": ("jetson_orin_nano_gpu", "yolov8n", "fp16", 1, 1 / 7.3e-3),
    "Orin Nano, the0807/YOLOv8-ONNX-TensorRT, int8": ("jetson_orin_nano_gpu", "yolov8n", "int8", 1, 1 / 5.8e-3),
}


@pytest.mark.parametrize("source", _MEASURED)
def test_published_gpu_measurements_are_met_within_a_factor_of_two(source: str) -> None:
    device, network, precision, batch, measured = _MEASURED[source]
    layers = len(dnn(network).layers)
    seconds = segment_seconds(dnn(network), 0, layers, accelerator(device).processor(precision), batch, precision)
    assert 0.5 < batch / seconds / measured < 2.0


def test_the_raspberry_pi_meets_a_published_measurement_within_a_factor_of_two() -> None:
    """Qengineering/YoloV8-ncnn-Raspberry-Pi-4: 3.1 images/s at 1.95 GHz; the catalogue's runs at 1.8 GHz."""
    network = dnn("yolov8n")
    seconds = segment_seconds(network, 0, len(network.layers), machine("raspberry_pi_4").processor("fp32"), 1, "fp32")
    assert 0.5 < 1 / seconds / (3.1 * 1.8 / 1.95) < 2.0
