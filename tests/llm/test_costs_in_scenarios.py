"""Iteration costs and parallelism as scenarios write them: what is used, what is told of it, and what is refused."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from playing import play
from profile_making import write_profile
from validation_files import validation

import simtier
from simtier.catalogue.hardware import accelerator
from simtier.catalogue.llm import language_model
from simtier.catalogue.llm_linear import linear_cost
from simtier.errors import ScenarioError
from simtier.models.llm.memory import Memory
from simtier.scenario import Scenario
from simtier.scenario.check import check

GIB = 2.0**30


def written(
    llm: dict[str, Any], kinds: Iterable[str] = ("a100_80g",) * 8, prompt: int = 512, output: int = 64, seed: int = 1
) -> dict[str, Any]:
    return {
        "name": "costs",
        "run": {"duration": "10 s", "drain": "300 s", "seed": seed},
        "nodes": {"gpus": {"tier": "cloud", "cores": 64, "accelerators": list(kinds)}},
        "services": {"chat": {"on": "gpus", "llm": llm}},
        "apps": {"ask": {"stages": {"answer": {"service": "chat", "tokens": {"input": prompt, "output": output}}}}},
        "workloads": {"asks": {"app": "ask", "from": "gpus", "arrivals": {"process": "periodic", "rate": "0.2 /s"}}},
    }


def first_request_s(llm: dict[str, Any], **more: Any) -> tuple[float, float]:
    """Return when the first request got its first and its last token."""
    row = play(Scenario.from_dict(written(llm, **more))).table("sequences").iloc[0]
    return float(row.first_s - row.arrival_s), float(row.last_s - row.arrival_s)


def refused(llm: dict[str, Any], kinds: Iterable[str] = ("a100_80g",) * 8) -> list[str]:
    return [str(problem) for problem in check(Scenario.from_dict(written(llm, kinds)))]


def blocks(llm: dict[str, Any], **more: Any) -> int:
    scenario = Scenario.from_dict(written(llm, **more))
    world = play(scenario).world
    return int(world.replicas.made[0].engine.blocks.total)  # type: ignore[attr-defined]  # an engine's replica


def test_published_coefficients_say_what_each_iteration_takes() -> None:
    first_s, last_s = first_request_s({"model": "opt-13b", "tensor": 2, "cost": "linear", "precision": "fp16"})
    cost = linear_cost("opt-13b", 2, "a100_80g")
    prompt_s = cost.seconds([(512, 0)], 0, 0.0)
    decodes_s = sum(cost.seconds((), 1, 512.0 + token) for token in range(1, 64))
    assert first_s == pytest.approx(prompt_s)
    assert last_s == pytest.approx(prompt_s + decodes_s)


def test_a_pipeline_takes_longer_by_what_is_sent_between_its_stages() -> None:
    """Same layers, one after the other; a prompt of 512 tokens of 8,192 x 2 bytes over three links of 10 GB/s with 1 ms."""
    model = {"model": "llama-2-70b", "tensor": 2, "interconnect": {"bandwidth": "10 GB/s", "latency": "1 ms"}}
    whole, _ = first_request_s(model)
    staged, _ = first_request_s({**model, "pipeline": 4})
    assert staged - whole == pytest.approx(3 * (1e-3 + 512 * 8192 * 2 / 10e9))


def test_linear_times_of_a_pipeline_are_those_of_all_stages_and_the_sending() -> None:
    model = {"model": "opt-13b", "tensor": 2, "cost": "linear"}
    whole, _ = first_request_s(model)
    staged, _ = first_request_s({**model, "pipeline": 2})
    assert staged - whole == pytest.approx(1.9e-6 + 512 * 5120 * 2 / 300e9)


def test_slower_links_make_iterations_longer() -> None:
    model = {"model": "llama-2-70b", "tensor": 8}
    _, nvlink = first_request_s(model)
    _, pcie = first_request_s({**model, "interconnect": {"bandwidth": "25 GB/s", "latency": "2.5 us"}})
    _, same = first_request_s({**model, "interconnect": {"bandwidth": "300 GB/s", "latency": "1.9 us"}})
    assert nvlink == same < pcie


def test_blocks_are_what_the_fullest_stage_leaves() -> None:
    shape, device = language_model("llama-2-70b"), accelerator("a100_80g")
    assert blocks({"model": "llama-2-70b", "tensor": 2, "pipeline": 4}) == Memory(
        device_bytes=device.memory_bytes, devices=2, pipeline=4, reserved_bytes=GIB
    ).blocks(shape, 16)


def test_keys_values_and_weights_have_widths_of_their_own() -> None:
    plain = blocks({"model": "llama-3-8b"})
    assert blocks({"model": "llama-3-8b", "kv_precision": "fp8"}) == pytest.approx(2 * plain, abs=1)
    more = blocks({"model": "llama-3-8b", "weight_precision": "int4"}) - plain
    saved = language_model("llama-3-8b").parameters * 1.5
    assert more == pytest.approx(saved / (language_model("llama-3-8b").kv_bytes() * 16), abs=1)
    _, wide = first_request_s({"model": "llama-3-8b"})
    _, narrow = first_request_s({"model": "llama-3-8b", "weight_precision": "int4"})
    assert narrow < 0.6 * wide


def test_a_replica_takes_all_accelerators_of_its_stages_and_groups() -> None:
    eight = {"model": "mixtral-8x7b", "tensor": 2, "data": 2, "pipeline": 2}
    assert refused(eight) == []
    data = written(eight)
    data["services"]["chat"]["replicas"] = 2
    assert "2 replicas with 8 accelerators each do not fit: there is room for 1" in str(
        check(Scenario.from_dict(data))[0]
    )
    assert "needs 16 accelerators of one kind, and a node of 'gpus' has 8" in refused({**eight, "data": 4})[0]


def test_skewed_experts_are_slower_than_even_ones_and_copies_mend_it() -> None:
    """One prompt of 2,048 tokens on eight accelerators."""
    even, skewed, mended = (
        first_request_s({"model": "qwen3-30b-a3b", "data": 8, "experts": experts}, prompt=2048)[0]
        for experts in ({}, {"skew": 2}, {"skew": 2, "redundant": 32, "placement": "balanced"})
    )
    assert even < mended < skewed


def test_the_popularity_of_experts_follows_the_seed() -> None:
    spread = {"model": "qwen3-30b-a3b", "data": 8, "experts": {"skew": 1}}
    first, again, other = (first_request_s(spread, seed=seed) for seed in (1, 1, 2))
    assert first == again != other


def slowed(folder: Path, factor: float) -> Path:
    """Multiply the times of a made-up profile, so that a model of the catalogue could be as fast."""
    for name in ("dense", "attention", "per_sequence"):
        path = folder / f"{name}.csv"
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows({**row, "time_us": float(row["time_us"]) * factor} for row in rows)
    return folder


def scenario_beside(folder: Path, llm: dict[str, Any], **more: Any) -> Scenario:
    from ruamel.yaml import YAML

    path = folder / "costs.yaml"
    with path.open("w", encoding="utf-8") as file:
        YAML().dump(written(llm, **more), file)
    return Scenario.load(path)


def test_a_profile_beside_the_scenario_is_used_and_what_went_beyond_it_is_told(tmp_path: Path) -> None:
    slowed(write_profile(tmp_path / "measured"), 1000)
    llm = {"model": "llama-3-8b", "cost": {"profile": "measured", "overhead": "10 ms"}}
    result = simtier.run(scenario_beside(tmp_path, llm, prompt=200, output=3), out=tmp_path / "result")
    told = " ".join(result.assumptions)
    assert "iterations take what the profile measured has of kernels, interpolated" in told
    assert "look-ups went beyond the profile's dense, and followed a line there" in told
    assert "look-ups went beyond the profile's attention" in told
    assert "efficiency" not in told
    rows = result.sequences
    again = simtier.run(Scenario.load(tmp_path / "result" / "scenario.yaml")).sequences
    assert rows["first_s"].tolist() == again["first_s"].tolist()


def test_a_result_can_be_run_again_with_all_it_has_written_out(tmp_path: Path) -> None:
    llm = {"model": "mixtral-8x7b", "data": 4, "experts": {}, "interconnect": {"bandwidth": "1 GB/s"}, "overlap": "all"}
    result = simtier.run(scenario_beside(tmp_path, llm, output=3), out=tmp_path / "result")
    assert simtier.run(Scenario.load(tmp_path / "result" / "scenario.yaml")).fingerprint == result.fingerprint
    assert "are divided evenly among its 4 groups of accelerators" in " ".join(result.assumptions)


def test_nothing_is_told_of_look_ups_within_a_profile(tmp_path: Path) -> None:
    slowed(write_profile(tmp_path / "measured"), 1000)
    llm = {"model": "llama-3-8b", "cost": {"profile": "measured"}}
    result = simtier.run(scenario_beside(tmp_path, llm, prompt=64, output=3))
    assert "beyond" not in " ".join(result.assumptions)


def test_tables_of_times_belong_to_their_profile(tmp_path: Path) -> None:
    """Peers kept one table for all: twice the times in the same folder give twice the times in the next run."""
    slowed(write_profile(tmp_path / "measured"), 1000)
    llm = {"model": "llama-3-8b", "cost": {"profile": "measured"}}
    before = play(scenario_beside(tmp_path, llm, prompt=64, output=3)).table("sequences").iloc[0]
    slowed(tmp_path / "measured", 2)
    after = play(scenario_beside(tmp_path, llm, prompt=64, output=3)).table("sequences").iloc[0]
    assert after.last_s - after.arrival_s == pytest.approx(2 * (before.last_s - before.arrival_s))


def test_all_reduces_come_on_top_of_kernels_that_were_measured(tmp_path: Path) -> None:
    slowed(write_profile(tmp_path / "one"), 1000)
    slowed(write_profile(tmp_path / "four", meta="tp_degrees: [4]\n"), 1000)
    took = [
        play(scenario_beside(tmp_path, {"model": "llama-3-8b", "tensor": n, "cost": {"profile": name}}, prompt=64))
        .table("sequences")
        .iloc[0]
        .first_s
        for n, name in ((1, "one"), (4, "four"))
    ]
    ring_s = 2 * 3 / 4 * 64 * 4096 * 2 / 300e9 + 6 * 1.9e-6
    assert took[1] - took[0] == pytest.approx(64 * ring_s)


def test_a_real_profile_passes_its_check() -> None:
    llm = {"model": "llama-3.1-8b", "cost": {"profile": str(validation("vllm-rtx4090") / "profile")}, "blocks": 2588}
    assert refused(llm, ("rtx_4090",)) == []


def test_a_profile_of_another_model_or_accelerator_is_below_the_physical_bound() -> None:
    folder = str(validation("vllm-rtx4090") / "profile")
    for llm, kind in (
        ({"model": "llama-2-13b", "cost": {"profile": folder}}, "rtx_4090"),
        ({"model": "llama-3.1-8b", "cost": {"profile": folder}}, "l4"),
    ):
        told = refused({**llm, "blocks": 2000}, (kind,))
        assert len(told) == 1
        assert "cannot do it in less than" in told[0]


@pytest.mark.parametrize(
    ("llm", "place", "told"),
    [
        (
            {"model": "llama-3-8b", "data": 2},
            "data",
            "llama-3-8b has no experts to spread: for more sequences at a time",
        ),
        ({"model": "llama-3-8b", "experts": {"skew": 1}}, "experts", "llama-3-8b has no experts to spread"),
        (
            {"model": "mixtral-8x7b", "tensor": 2, "data": 4, "pipeline": 40},
            "pipeline",
            "40 stages are more than mixtral-8x7b has layers: 32",
        ),
        (
            {"model": "mixtral-8x7b", "tensor": 4, "data": 4},
            "data",
            "8 experts and 0 copies cannot be spread over 16 accelerators",
        ),
        (
            {"model": "opt-13b", "tensor": 8, "cost": "linear"},
            "cost",
            r"known of opt-13b on 8 x a100_80g (known: 1 x a100_80g, 2 x a100_80g, 4 x a100_80g)",
        ),
        ({"model": "llama-3-8b", "cost": "linear"}, "cost", "no linear times of iterations are known of 'llama-3-8b'"),
        (
            {"model": "opt-13b", "cost": "linear", "precision": "int8"},
            "precision",
            "published coefficients are of fp16, not int8",
        ),
        (
            {"model": "opt-13b", "cost": "linear", "efficiency": {"compute": 0.5}},
            "efficiency",
            "is for the closed form, and the cost is published coefficients",
        ),
        ({"model": "mixtral-8x7b", "data": 2, "cost": "linear"}, "cost", "do not tell of spread experts"),
        ({"model": "llama-3-8b", "cost": {"profile": "nowhere"}}, "cost.profile", "nowhere: no such directory"),
    ],
)
def test_what_does_not_go_together_is_refused_with_its_place(llm: dict[str, Any], place: str, told: str) -> None:
    found = refused(llm)
    assert any(f"services.chat.llm.{place}: " in problem and told in problem for problem in found), found


def test_more_stages_than_layers_are_told_also_where_there_are_accelerators_enough() -> None:
    found = refused({"model": "llama-2-7b", "pipeline": 40}, ("a100_80g",) * 40)
    assert found == ["services.chat.llm.pipeline: 40 stages are more than llama-2-7b has layers: 32"]


def test_accelerators_without_links_need_to_be_told_of_one() -> None:
    two = ("jetson_agx_orin_gpu",) * 2
    found = refused({"model": "llama-3-8b", "tensor": 2}, two)
    assert any("nothing is known of links between several jetson_agx_orin_gpu: give `interconnect:" in p for p in found)
    assert refused({"model": "llama-3-8b", "tensor": 2, "interconnect": {"bandwidth": "1 GB/s"}}, two) == []


def test_a_profile_is_refused_for_its_unit_its_holes_and_its_tensor(tmp_path: Path) -> None:
    folder = write_profile(tmp_path / "fast")
    told = refused({"model": "llama-3-8b", "cost": {"profile": str(folder)}})
    assert len(told) == 1
    assert "is it of another model or accelerator, or in another unit?" in told[0]
    slowed(folder, 1000)
    assert "divided among 1 accelerators, and `tensor` is 2" in str(
        refused({"model": "llama-3-8b", "tensor": 2, "cost": {"profile": str(folder)}})
    )
    path = folder / "attention.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(line for line in lines if not line.startswith("64,32,")) + "\n", encoding="utf-8")
    assert "nothing was measured at prefill_chunk 64" in str(
        refused({"model": "llama-3-8b", "cost": {"profile": str(folder)}})
    )


@pytest.mark.parametrize(
    ("llm", "told"),
    [
        ({"interconnect": {"bandwidth": 300}}, "unit"),
        ({"interconnect": {"bandwidth": "0 GB/s"}}, "must be more than 0"),
        ({"cost": "measured"}, "cost"),
        ({"experts": {"skew": -1}}, "experts.skew"),
        ({"pipeline": 0}, "pipeline"),
        ({"kv_precision": "int4"}, "kv_precision"),
    ],
)
def test_values_out_of_range_are_refused_when_the_file_is_read(llm: dict[str, Any], told: str) -> None:
    with pytest.raises(ScenarioError, match=told):
        Scenario.from_dict(written({"model": "mixtral-8x7b", **llm}))
