"""Hardware: the catalogue's entries, precision fallback, and parts of a machine."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simtier.catalogue.hardware import accelerator, accelerators, machine, machines, parse
from simtier.errors import CatalogueError
from simtier.models.hardware import Accelerator, Device, Machine, Processor


def _devices() -> list[Device]:
    return [*map(machine, machines()), *map(accelerator, accelerators())]


@pytest.mark.parametrize("device", _devices(), ids=lambda device: device.name)
def test_every_entry_is_plausible_and_says_where_it_comes_from(device: Device) -> None:
    assert 0 < device.idle_w < device.peak_w <= 2000
    assert 1e9 <= device.memory_bytes <= 4e12
    assert 1e9 <= device.bandwidth_bytes_per_s <= 1e13
    assert 0 <= device.dollars_per_s * 3600 < 10
    assert 0 < device.overhead_s < 1e-4
    assert len(device.source) > 60
    assert "Efficiency: " in device.source


@pytest.mark.parametrize("device", _devices(), ids=lambda device: device.name)
def test_narrower_numbers_are_never_slower(device: Device) -> None:
    by_width = [
        device.peak_flop_per_s[name] for name in ("fp64", "fp32", "fp16", "int8") if name in device.peak_flop_per_s
    ]
    assert by_width == sorted(by_width)


def test_units_of_the_file_arrive_in_si() -> None:
    a100 = accelerator("a100_80g")
    assert a100.memory_bytes == 80e9
    assert a100.bandwidth_bytes_per_s == pytest.approx(2.039e12, rel=1e-15)
    assert a100.peak_flop_per_s["bf16"] == pytest.approx(312e12, rel=1e-15)
    assert a100.peak_w == 400
    assert a100.dollars_per_s == pytest.approx(5.12 / 3600, rel=1e-15)
    assert a100.overhead_s == pytest.approx(5e-6, rel=1e-15)


@pytest.mark.parametrize(
    ("name", "precision", "quoted_with_sparsity"),
    [
        ("l4", "fp16", 242e12),
        ("l4", "int8", 485e12),
        ("h100", "bf16", 1979e12),
        ("h200", "fp8", 3958e12),
        ("jetson_orin_nano_gpu", "int8", 40e12),
        ("jetson_agx_orin_gpu", "int8", 170e12),
    ],
)
def test_peaks_are_dense(name: str, precision: str, quoted_with_sparsity: float) -> None:
    assert accelerator(name).peak_flop_per_s[precision] == pytest.approx(quoted_with_sparsity / 2, rel=0.03)


def test_peaks_follow_from_clock_units_and_width() -> None:
    # Operations a cycle and core: 2 per multiply-add x vector units x single-precision lanes.
    assert machine("raspberry_pi_4").peak_flop_per_s["fp32"] == pytest.approx(4 * 1.8e9 * 2 * 1 * 4)
    assert machine("jetson_orin_nano").peak_flop_per_s["fp32"] == pytest.approx(6 * 1.5e9 * 2 * 2 * 4)
    assert machine("xeon_edge_server").peak_flop_per_s["fp32"] == pytest.approx(16 * 2.4e9 * 2 * 2 * 16, rel=1e-3)
    assert machine("cloud_host").peak_flop_per_s["fp32"] == pytest.approx(8 * 2.9e9 * 2 * 2 * 16, rel=1e-3)
    assert accelerator("jetson_nano_gpu").peak_flop_per_s["fp16"] == pytest.approx(128 * 921.6e6 * 2 * 2, rel=1e-3)


def test_a_board_that_shares_memory_is_not_counted_twice() -> None:
    for name, total in (("jetson_nano", 4e9), ("jetson_orin_nano", 8e9), ("jetson_agx_orin", 64e9)):
        board = machine(name)
        assert board.memory_bytes + sum(accelerator(gpu).memory_bytes for gpu in board.accelerators) == total


def test_the_same_entry_is_the_same_object_hashes_and_survives_pickling() -> None:
    assert machine("jetson_nano") is machine("jetson_nano")
    assert pickle.loads(pickle.dumps(machine("jetson_nano"))) == machine("jetson_nano")
    assert len({machine(name) for name in machines()}) == len(machines())


@given(st.sampled_from(machines()), st.integers(1, 96), st.integers(1, 96))
def test_cores_share_compute_and_bandwidth_in_proportion(name: str, one: int, other: int) -> None:
    host = machine(name)
    few, many = sorted((min(one, host.cores), min(other, host.cores)))
    small, large = host.processor("fp32", few), host.processor("fp32", many)
    assert small.flop_per_s / few == pytest.approx(large.flop_per_s / many)
    assert small.bytes_per_s / few == pytest.approx(large.bytes_per_s / many)
    assert host.processor("fp32") == host.processor("fp32", host.cores)


@pytest.mark.parametrize(
    ("asked", "peak"),
    [
        ("fp16", 65e12),
        ("bf16", 65e12),  # not known to a T4, same width
        ("fp8", 65e12),  # int8 units are as wide but cannot compute it
        ("int4", 130e12),
        ("tf32", 8.1e12),
    ],
)
def test_an_unknown_precision_runs_on_the_fastest_units_that_are_wide_enough(asked: str, peak: float) -> None:
    assert accelerator("t4").processor(asked).peak_flop_per_s == pytest.approx(peak)


def test_a_precision_that_nothing_is_wide_enough_for_is_refused() -> None:
    with pytest.raises(CatalogueError, match="t4 cannot compute in 'fp64': it knows fp16, fp32, int8"):
        accelerator("t4").processor("fp64")
    with pytest.raises(CatalogueError, match=r"unknown precision 'int9' \(did you mean 'int8'\?\)"):
        accelerator("t4").processor("int9")


def test_unknown_names_are_answered_with_the_nearest() -> None:
    with pytest.raises(CatalogueError, match=r"unknown machine 'raspbery_pi_4' \(did you mean 'raspberry_pi_4'\?\)"):
        machine("raspbery_pi_4")
    with pytest.raises(CatalogueError, match=r"unknown accelerator 'h10' \(did you mean 'h100'\?\)"):
        accelerator("h10")


@pytest.mark.parametrize("cores", [0, -1, 5])
def test_a_replica_cannot_have_more_cores_than_there_are(cores: int) -> None:
    with pytest.raises(CatalogueError, match=f"raspberry_pi_4 has 4 cores: a replica cannot have {cores}"):
        machine("raspberry_pi_4").processor("fp32", cores)


_GOOD: dict[str, Any] = {"peak_flop_per_s": {"fp32": 1e9}, "memory_bytes": 1e9, "bandwidth_bytes_per_s": 1e9}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"peak_flop_per_s": {}}, "at least one precision"),
        ({"peak_flop_per_s": {"fp32": 0.0}}, "peak_flop_per_s must be positive"),
        ({"peak_flop_per_s": {"fp33": 1.0}}, "unknown precision 'fp33'"),
        ({"bandwidth_bytes_per_s": float("nan")}, "bandwidth_bytes_per_s must be positive"),
        ({"compute_efficiency": 1.1}, r"compute_efficiency must be in \(0, 1\]"),
        ({"memory_efficiency": 0.0}, r"memory_efficiency must be in \(0, 1\]"),
        ({"overhead_s": -1.0}, "overhead_s must not be negative"),
        ({"idle_w": 10.0, "peak_w": 5.0}, "idle_w 10.0 must lie between 0 and peak_w 5.0"),
    ],
)
def test_impossible_hardware_is_refused(wrong: dict[str, object], message: str) -> None:
    Accelerator(name="mine", **_GOOD)
    with pytest.raises(CatalogueError, match=message):
        Accelerator(name="mine", **{**_GOOD, **wrong})


def test_a_machine_of_ones_own_needs_no_catalogue() -> None:
    mine = Machine(name="mine", cores=2, **_GOOD)
    assert mine.processor("int8", 1) == Processor(peak_flop_per_s=0.5e9, bandwidth_bytes_per_s=0.5e9)


_ENTRY = (
    "{peak: {fp32: 1 GFLOP/s}, memory: 1 GB, bandwidth: 1 GB/s, idle: 1 W, full: 2 W, price: 0 USD/hour, "
    "compute_efficiency: 1, memory_efficiency: 1, overhead: 0 s, source: x, efficiency_source: y"
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            f"accelerators: {{a: {_ENTRY.replace('1 GB,', '1,')}}}}}\nmachines: {{}}",
            "accelerators.a.memory: .*has no unit",
        ),
        (f"accelerators: {{a: {_ENTRY}, colour: red}}}}\nmachines: {{}}", "accelerators.a.colour: "),
        (f"accelerators: {{a: {_ENTRY}}}, a: {_ENTRY}}}}}\nmachines: {{}}", "duplicate key"),
        (f"accelerators: {{}}\nmachines: {{m: {_ENTRY}, cores: 1, accelerators: [gpu]}}}}", "in machine 'm' 'gpu'"),
        ("accelerators: {a: [", "hardware.yaml is not YAML"),
    ],
)
def test_a_malformed_file_is_refused(text: str, message: str) -> None:
    with pytest.raises(CatalogueError, match=message):
        parse(text)


@pytest.mark.parametrize("share", [0.0, -0.5, 1.01])
def test_a_part_of_a_processor_is_more_than_nothing_and_no_more_than_all(share: float) -> None:
    with pytest.raises(CatalogueError, match=r"a part of a processor must be in \(0, 1\]"):
        accelerator("t4").processor("fp16").part(share)
