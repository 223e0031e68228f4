"""Profiles read from directories: what they come to, what is refused, and the profile of a real card."""

from __future__ import annotations

from pathlib import Path

import pytest
from llm_bounds import least_s
from profile_making import TOKENS, attention_us, write_profile
from validation_files import validation

from simtier.catalogue.hardware import accelerator
from simtier.catalogue.llm import language_model
from simtier.errors import CatalogueError
from simtier.models.llm.efficiency import Devices
from simtier.models.llm.measured import profile_times
from simtier.models.llm.profile_files import read_profile
from simtier.models.llm.profiled import Profiled

LAYERS = 3


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_profile(tmp_path / "profile")


def test_kernels_of_a_layer_count_once_a_layer_norms_twice_and_the_rest_once(folder: Path) -> None:
    files = read_profile(folder)
    cost = Profiled(files.profile(LAYERS))
    once = 3 + 5 + 7 * 1
    a_layer = 10 * 16 + 2 * 1 + attention_us(16, 32, 0, 0)
    assert cost.seconds([(16, 32)], 0, 0.0) == pytest.approx((once + LAYERS * a_layer) * 1e-6)
    a_layer = 10 * 4 + 2 * 1 + attention_us(0, 0, 4, 128)
    assert cost.seconds((), 4, 4 * 128.0) == pytest.approx((3 + 5 + 7 * 4 + LAYERS * a_layer) * 1e-6)
    assert cost.beyond == {}


def test_what_the_profile_names_is_told(folder: Path) -> None:
    files = read_profile(folder)
    assert (files.model, files.gpu, files.tensor) == ("made/Tiny", "NVIDIA Something", 1)
    (folder / "meta.yaml").unlink()
    files = read_profile(folder)
    assert (files.model, files.gpu, files.tensor) == ("", "", 1)


def test_lines_of_other_systems_and_columns_that_nobody_asked_for_are_read(folder: Path) -> None:
    before = read_profile(folder)
    path = folder / "dense.csv"
    first, *rest = path.read_text(encoding="utf-8").splitlines()
    path.write_bytes("\r\n".join([f"{first},remark", *(f"{line},warm" for line in rest)]).encode())
    assert read_profile(folder) == before


@pytest.mark.parametrize("name", ["dense.csv", "attention.csv", "per_sequence.csv"])
def test_a_missing_file_is_told_by_name(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(CatalogueError, match=rf"{name}: no such file; a profile has dense\.csv"):
        read_profile(folder)


def test_a_missing_directory_is_told(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"nowhere: no such directory; a profile is one with dense\.csv"):
        read_profile(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["dense.csv", "attention.csv", "per_sequence.csv"])
def test_a_missing_column_an_empty_file_and_no_rows_are_told(folder: Path, name: str) -> None:
    path = folder / name
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("time_us", "time_ms"), encoding="utf-8")
    with pytest.raises(CatalogueError, match=rf"{name}: no column 'time_us'; its first line has .*time_ms"):
        read_profile(folder)
    path.write_text("", encoding="utf-8")
    with pytest.raises(CatalogueError, match=rf"{name}: no column .*; its first line has nothing"):
        read_profile(folder)
    path.write_text(text.splitlines()[0] + "\n", encoding="utf-8")
    with pytest.raises(CatalogueError, match=rf"{name}: no rows below the first line"):
        read_profile(folder)


@pytest.mark.parametrize(
    ("name", "line", "told"),
    [
        ("dense.csv", "qkv_proj,many,3.0", "tokens must be a whole number, 1 or more, got 'many'"),
        ("dense.csv", "qkv_proj,0,3.0", "tokens must be a whole number, 1 or more, got '0'"),
        ("dense.csv", "qkv_proj,2.5,3.0", "tokens must be a whole number, 1 or more, got '2.5'"),
        ("dense.csv", "qkv_proj,256,fast", "time_us must be a number of microseconds, 0 or more, got 'fast'"),
        ("dense.csv", "qkv_proj,256,nan", "time_us must be a number .* got 'nan'"),
        ("dense.csv", "qkv_proj,256,-1", "time_us must be a number .* got '-1'"),
        ("dense.csv", "qkv_proj,256,inf", "time_us must be a number .* got 'inf'"),
        ("dense.csv", "qkv_proj,256", "the line ends before 'time_us'"),
        ("dense.csv", f"qkv_proj,{TOKENS[0]},3.0", f"'qkv_proj' at {TOKENS[0]} tokens stands there twice"),
        ("attention.csv", "16,-1,0,0,3.0", "kv_prefill must be a whole number, 0 or more, got '-1'"),
        (
            "attention.csv",
            "16,0,0,0,3.0",
            r"prefill_chunk, kv_prefill, n_decode, kv_decode = 16, 0, 0, 0 stands there twice",
        ),
        ("per_sequence.csv", "sampler,,3.0", "sequences must be a whole number, 1 or more, got ''"),
    ],
)
def test_a_wrong_line_is_told_with_its_number(folder: Path, name: str, line: str, told: str) -> None:
    path = folder / name
    text = path.read_text(encoding="utf-8")
    path.write_text(f"{text}{line}\n", encoding="utf-8")
    with pytest.raises(CatalogueError, match=rf"{name}:{len(text.splitlines()) + 1}: {told}"):
        read_profile(folder)


def test_kernels_without_points_in_common_are_told(folder: Path) -> None:
    with (folder / "dense.csv").open("a", encoding="utf-8") as file:
        file.write("o_proj,3,1.0\n")
    with pytest.raises(CatalogueError, match="its kernels have 0 points of tokens in common"):
        read_profile(folder)


def test_attention_without_decodes_or_with_parts_that_nobody_measured_is_told(folder: Path) -> None:
    path = folder / "attention.csv"
    first, *rest = path.read_text(encoding="utf-8").splitlines()
    prompts = [line for line in rest if line.split(",")[2] == "0"]
    path.write_text("\n".join([first, *prompts]), encoding="utf-8")
    with pytest.raises(CatalogueError, match="n_decode is 0 in all rows"):
        read_profile(folder)
    path.write_text("\n".join([first, *(line for line in rest if not line.startswith("64,32,"))]), encoding="utf-8")
    with pytest.raises(
        CatalogueError, match=r"nothing was measured at prefill_chunk 64, kv_prefill 32, n_decode 0, kv_decode 0"
    ):
        read_profile(folder).profile(LAYERS)


@pytest.mark.parametrize(
    ("meta", "told"),
    [
        ("[", r"meta\.yaml is not YAML"),
        ("just text", r"meta\.yaml: expected keys and values"),
        ("tp_degrees: [1, 2]", r"tp_degrees must be a list of one whole number, such as \[1\], got \[1, 2\]"),
        ("tp_degrees: two", "tp_degrees must be a list of one whole number"),
    ],
)
def test_a_wrong_description_is_told(folder: Path, meta: str, told: str) -> None:
    (folder / "meta.yaml").write_text(meta, encoding="utf-8")
    with pytest.raises(CatalogueError, match=told):
        read_profile(folder)


def test_text_that_is_not_utf_8_is_told(folder: Path) -> None:
    (folder / "dense.csv").write_bytes(b"layer,tokens,time_us\n\xff\xfe,1,1\n")
    with pytest.raises(CatalogueError, match=r"dense\.csv: .*utf-8"):
        read_profile(folder)


def test_the_profile_of_a_real_card_is_read_whole() -> None:
    files = read_profile(validation("vllm-rtx4090") / "profile")
    assert (files.model, files.gpu, files.tensor) == ("meta-llama/Llama-3.1-8B", "NVIDIA GeForce RTX 4090", 1)
    assert len(files.attention) == 8643
    assert {len(points) for points in files.dense.values()} == {152}
    assert set(files.per_sequence) == {"lm_head", "sampler"}


def test_whole_iterations_of_a_real_card_are_not_below_the_physical_bound_and_kernels_hardly() -> None:
    """At the nominal peak and bandwidth: one product is 0.5 % above the peak, for the card runs above its nominal clock; and one decode reads
    67 MB of keys and values at 1.18 times the bandwidth, for they fit in its cache of 72 MB."""
    files = read_profile(validation("vllm-rtx4090") / "profile")
    shape, spec = language_model("llama-3.1-8b"), accelerator("rtx_4090")
    devices = Devices(peak_flop_per_s=spec.peak_flop_per_s["bf16"], bandwidth_bytes_per_s=spec.bandwidth_bytes_per_s)
    for point in profile_times(files, shape.layers):
        assert point.seconds >= least_s(shape, devices, point.chunks, point.decodes, point.contexts)
    parameters = {
        "qkv_proj": 4096 * 6144,
        "o_proj": 4096 * 4096,
        "gate_up_proj": 4096 * 28672,
        "down_proj": 14336 * 4096,
    }
    ratios = {
        (name, tokens): seconds
        / max(2 * number * tokens / devices.peak_flop_per_s, 2 * number / devices.bandwidth_bytes_per_s)
        for name, number in parameters.items()
        for tokens, seconds in files.dense[name].items()
    }
    below = {place: ratio for place, ratio in ratios.items() if ratio < 1}
    assert {name for name, _ in below} == {"gate_up_proj"}
    assert min(below.values()) > 0.994
    bytes_per_token = shape.kv_bytes() / shape.layers
    reads = {
        point: seconds / (point[2] * point[3] * bytes_per_token / devices.bandwidth_bytes_per_s)
        for point, seconds in files.attention.items()
        if point[:2] == (0, 0)
    }
    assert [point for point, ratio in reads.items() if ratio < 1] == [(0, 0, 1, 16384)]
