"""Fitting how near a device comes to its peaks: known numbers come back, and Vidur's times and a real card's are met."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from profile_making import write_profile
from ruamel.yaml import YAML
from validation_files import validation

from simtier.catalogue.hardware import accelerator, llm_efficiency
from simtier.catalogue.llm import language_model
from simtier.errors import CatalogueError
from simtier.models.llm.closed_form import ClosedForm
from simtier.models.llm.efficiency import Devices, Efficiency
from simtier.models.llm.fitting import Point, errors_of, fit
from simtier.models.llm.measured import profile_times, read_times
from simtier.models.llm.profile_files import read_profile
from simtier.models.llm.work import Chunk
from simtier.scenario.llm import EfficiencyChoice

LLAMA = language_model("llama-2-7b")
A100 = Devices(peak_flop_per_s=312e12, bandwidth_bytes_per_s=2.039e12)
KINDS = (
    *(((new, 0),) for new in (16, 64, 128, 256, 512, 1024, 2048, 4096)),
    *(((512, before),) for before in (512, 2048, 16384)),
)
DECODES = tuple((batch, context) for batch in (1, 4, 16, 64, 256) for context in (64, 512, 4096))


def made(at: Efficiency) -> list[Point]:
    """Return iterations of all sorts that take what the closed form says."""
    cost = ClosedForm(LLAMA, A100, at)
    work: list[tuple[tuple[Chunk, ...], int, float]] = [(chunks, 0, 0.0) for chunks in KINDS]
    work += [((), batch, float(batch * context)) for batch, context in DECODES]
    work += [(((256, 0),), batch, float(batch * context)) for batch, context in DECODES]
    return [
        Point(chunks, decodes, contexts, cost.seconds(chunks, decodes, contexts)) for chunks, decodes, contexts in work
    ]


@settings(max_examples=15, deadline=None)
@given(
    compute=st.floats(0.4, 0.9),
    weights=st.floats(0.5, 0.95),
    corner=st.floats(1.5, 3.0),
    prefill=st.floats(0.3, 0.9),
    decode=st.floats(0.5, 0.95),
    call=st.floats(10e-6, 60e-6),
)
def test_known_efficiencies_come_back_from_the_times_they_make(
    compute: float, weights: float, corner: float, prefill: float, decode: float, call: float
) -> None:
    truth = Efficiency(
        compute=compute, weights=weights, corner=corner, prefill_attention=prefill, decode_attention=decode, call_s=call
    )
    found = fit(LLAMA, A100, made(truth), pull=1e-4)
    assert found.largest < 2e-3
    for name in ("compute", "weights", "prefill_attention", "decode_attention"):
        assert getattr(found.efficiency, name) == pytest.approx(getattr(truth, name), rel=0.03), name
    assert found.efficiency.call_s == pytest.approx(call, rel=0.05)


def test_times_of_the_default_give_the_default() -> None:
    found = fit(LLAMA, A100, made(Efficiency()))
    assert found.mean < 1e-6
    assert found.efficiency.compute == pytest.approx(Efficiency().compute, rel=1e-6)


def test_what_the_times_cannot_tell_apart_stays_near_the_start() -> None:
    """The time of a layer and that of an iteration differ by a factor, the same in all iterations of one model: their sum is found, their ratio kept."""
    truth = Efficiency(layer_s=2 * Efficiency().layer_s, iteration_s=2 * Efficiency().iteration_s)
    found = fit(LLAMA, A100, made(truth), pull=1e-4).efficiency
    assert LLAMA.layers * found.layer_s + found.iteration_s == pytest.approx(
        LLAMA.layers * truth.layer_s + truth.iteration_s, rel=0.02
    )
    assert found.layer_s == pytest.approx(truth.layer_s, rel=0.15)


def test_a_stronger_pull_stays_nearer_to_the_start() -> None:
    truth = Efficiency(compute=0.4, decode_attention=0.5)
    distances = [
        abs(fit(LLAMA, A100, made(truth), pull=pull).efficiency.compute - 0.672) for pull in (0.001, 0.3, 30.0)
    ]
    assert distances == sorted(distances, reverse=True)
    assert distances[0] == pytest.approx(0.272, rel=0.02)
    assert distances[2] < 0.05


def test_shares_stay_in_their_range_whatever_was_measured() -> None:
    fast = [point._replace(seconds=point.seconds / 10) for point in made(Efficiency())]
    slow = [point._replace(seconds=point.seconds * 1000) for point in made(Efficiency())]
    for points in (fast, slow):
        found = fit(LLAMA, A100, points).efficiency  # the constructor refuses shares outside (0, 1]
        assert all(math.isfinite(value) for value in (found.corner, found.passes, found.call_s))


@pytest.mark.parametrize("seconds", [0.0, -1.0, math.nan, math.inf])
def test_times_that_are_none_are_refused(seconds: float) -> None:
    points = made(Efficiency())
    with pytest.raises(ValueError, match="positive and finite"):
        fit(LLAMA, A100, [*points, Point((), 1, 1.0, seconds)])


def test_too_few_iterations_are_refused() -> None:
    with pytest.raises(ValueError, match="takes 4 iterations or more, got 3"):
        fit(LLAMA, A100, made(Efficiency())[:3])


def vidur() -> Path:
    return validation("vidur-llama2-7b-a100") / "iteration_times_ms.json"


def test_the_default_meets_the_times_that_vidur_predicts_within_2_5_percent_on_average() -> None:
    errors = np.abs(errors_of(LLAMA, A100, read_times(vidur()), Efficiency()))
    assert len(errors) == 31
    assert errors.mean() <= 0.025
    assert errors.max() <= 0.08


def test_fitting_to_the_times_that_vidur_predicts_comes_nearer_still() -> None:
    points = read_times(vidur())
    found = fit(LLAMA, A100, points)
    assert found.mean <= 0.021
    assert found.mean < np.abs(errors_of(LLAMA, A100, points, Efficiency())).mean()


def rtx_4090() -> tuple[Devices, tuple[Point, ...]]:
    spec = accelerator("rtx_4090")
    files = read_profile(validation("vllm-rtx4090") / "profile")
    devices = Devices(peak_flop_per_s=spec.peak_flop_per_s["bf16"], bandwidth_bytes_per_s=spec.bandwidth_bytes_per_s)
    return devices, profile_times(files, 32, 42_266)


def test_the_catalogue_has_what_is_fitted_to_the_profile_of_a_real_card() -> None:
    devices, points = rtx_4090()
    shape, told = language_model("llama-3.1-8b"), llm_efficiency("rtx_4090").efficiency
    found = fit(shape, devices, points)
    assert found.mean == pytest.approx(0.069, abs=0.001)
    assert found.largest == pytest.approx(0.41, abs=0.01)
    assert np.abs(errors_of(shape, devices, points, told)).mean() == pytest.approx(found.mean, abs=5e-4)
    for name in (
        "compute",
        "weights",
        "corner",
        "prefill_attention",
        "decode_attention",
        "passes",
        "call_s",
        "sequence_s",
    ):
        assert getattr(told, name) == pytest.approx(getattr(found.efficiency, name), rel=0.02), name


def test_a_profile_tells_each_sort_of_iteration_about_as_often() -> None:
    _, points = rtx_4090()
    numbers = [
        sum(bool(point.chunks) == prompts and bool(point.decodes) == decodes for point in points)
        for prompts, decodes in ((True, False), (False, True), (True, True))
    ]
    assert min(numbers) >= 70
    assert max(numbers) <= 100
    assert all(sum(new + before for new, before in point.chunks) + point.contexts <= 42_266 for point in points)


def test_iterations_of_a_json_file_are_read(tmp_path: Path) -> None:
    path = tmp_path / "times.json"
    content = {
        "prefill": {"512": 35.5},
        "decode": {"B4_L100": 9},
        "mixed": {"B2_L10+prefill64": 12.5},
        "remark": {"x": 1},
    }
    path.write_text(json.dumps(content), encoding="utf-8")
    points = read_times(path)
    assert [point[:3] for point in points] == [(((512, 0),), 0, 0.0), ((), 4, 400.0), (((64, 0),), 2, 20.0)]
    assert [point.seconds for point in points] == pytest.approx([0.0355, 0.009, 0.0125])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "is not JSON"),
        ("[]", "expected an object with prefill, decode or mixed"),
        ('{"other": {}}', "expected an object with prefill, decode or mixed"),
        ('{"prefill": 3}', "prefill must be an object, got 3"),
        ('{"prefill": {"many": 3}}', "prefill: 'many' is not a number of tokens, such as 512"),
        ('{"prefill": {"0": 3}}', "prefill: '0' is not a number of tokens"),
        ('{"decode": {"B4": 3}}', "decode: 'B4' is not decodes and context, such as B32_L1024"),
        ('{"mixed": {"B4_L3": 3}}', "mixed: 'B4_L3' is not decodes, context and tokens"),
        ('{"prefill": {"512": "fast"}}', "prefill: 512: must be a positive number of milliseconds, got 'fast'"),
        ('{"prefill": {"512": 0}}', "must be a positive number of milliseconds, got 0"),
        ('{"prefill": {"512": NaN}}', "must be a positive number of milliseconds, got nan"),
        ('{"prefill": {"512": true}}', "must be a positive number of milliseconds, got True"),
    ],
)
def test_a_wrong_json_file_is_told(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "times.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CatalogueError, match=told):
        read_times(path)


def cli(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "simtier", "models", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def times(tmp_path: Path) -> Path:
    """A file of times that the closed form makes for the default on an A100."""
    cost = ClosedForm(LLAMA, A100, Efficiency())
    content = {
        "prefill": {str(new): 1e3 * cost.seconds([(new, 0)], 0, 0.0) for new in (128, 512, 2048)},
        "decode": {
            f"B{n}_L{k}": 1e3 * cost.seconds((), n, n * k) for n, k in ((1, 100), (16, 100), (16, 2000), (128, 500))
        },
    }
    path = tmp_path / "times.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_the_command_prints_errors_and_what_a_scenario_can_take(times: Path) -> None:
    done = cli("fit-llm", times, "--model", "llama-2-7b", "--hardware", "a100_80g")
    assert done.returncode == 0, done.stderr
    first, _, rest = done.stdout.partition("\n")
    assert first == "# llama-2-7b in bf16 on a100_80g, 7 iterations: mean error 0.0%, largest 0.0%"
    choice = EfficiencyChoice.model_validate(YAML(typ="safe", pure=True).load(rest)["efficiency"])
    assert (choice.compute, choice.weights, choice.call, choice.iteration) == pytest.approx(
        (0.672, 0.81, 29.8e-6, 0.42e-3)
    )


def test_the_command_prints_json(times: Path) -> None:
    done = cli("fit-llm", times, "--model", "llama-2-7b", "--hardware", "a100_80g", "--json")
    told = json.loads(done.stdout)
    assert (told["model"], told["hardware"], told["tensor"], told["iterations"]) == ("llama-2-7b", "a100_80g", 1, 7)
    assert told["mean_error"] < 1e-6
    assert Efficiency(**told["efficiency"]).compute == pytest.approx(0.672, rel=1e-6)


def test_the_command_takes_model_and_hardware_from_a_profile(tmp_path: Path) -> None:
    folder = write_profile(tmp_path / "profile", "model: meta-llama/Llama-3.1-8B\ngpu: NVIDIA GeForce RTX 4090\n")
    done = cli("fit-llm", folder, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["model"], told["hardware"]) == ("llama-3.1-8b", "rtx_4090")


@pytest.mark.parametrize(
    ("meta", "options", "told"),
    [
        ("model: made/Tiny\ngpu: NVIDIA L4", (), "names 'made/Tiny': give --model, a name of the catalogue"),
        (
            "model: made/llama-3-8b\ngpu: NVIDIA Tiny",
            (),
            "names 'NVIDIA Tiny': give --hardware, a name of the catalogue",
        ),
        ("{}", ("--hardware", "l4"), "names no model: give --model, a name of the catalogue"),
        ("{}", ("--hardware", "l5", "--model", "llama-3-8b"), "unknown accelerator 'l5'"),
        (
            "{}",
            ("--hardware", "l4", "--model", "llama-3-70b"),
            "llama-3-70b takes 141 GB in bf16 and does not fit on 1 x l4 with 24 GB",
        ),
    ],
)
def test_the_command_tells_what_it_lacks(tmp_path: Path, meta: str, options: tuple[str, ...], told: str) -> None:
    done = cli("fit-llm", write_profile(tmp_path / "profile", meta), *options)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_the_command_wants_to_know_what_a_json_file_was_measured_on(times: Path) -> None:
    done = cli("fit-llm", times)
    assert done.returncode == 2
    assert "does not tell what it was measured on: give --model and --hardware" in done.stderr


def test_language_models_are_listed() -> None:
    told = cli().stdout
    assert "deepseek-v3" in told
    assert "resnet50" in told
