"""`simtier models fit-llm`: how near a device comes to its peaks, fitted to measured times of iterations."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

if TYPE_CHECKING:
    from simtier.models.hardware import Accelerator
    from simtier.models.llm.efficiency import Efficiency
    from simtier.models.llm.fitting import Point
    from simtier.models.llm.shape import LlmShape

_PRECISION = "bf16"
_MEMORY_SHARE = 0.9
_UNITS = {
    "call_s": (1e6, "us"),
    "layer_s": (1e6, "us"),
    "iteration_s": (1e3, "ms"),
    "sequence_s": (1e6, "us"),
    "token_s": (1e9, "ns"),
}

Measured = Annotated[
    Path,
    typer.Argument(metavar="PROFILE", help="A profile's directory, or a JSON file of measured times of iterations."),
]
Model = Annotated[
    str | None, typer.Option("--model", metavar="NAME", help="Language model; if not given, what the profile names.")
]
Hardware = Annotated[
    str | None, typer.Option("--hardware", metavar="NAME", help="Accelerator; if not given, what the profile names.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class _Work(NamedTuple):
    shape: LlmShape
    device: Accelerator
    tensor: int
    points: tuple[Point, ...]


def fit_llm(profile: Measured, model: Model = None, hardware: Hardware = None, *, as_json: AsJson = False) -> None:
    """Fit how near a device comes to its peaks to measured times of iterations; print it to paste into a scenario."""
    import json
    from dataclasses import asdict

    from simtier.errors import CatalogueError
    from simtier.models.llm.efficiency import Devices
    from simtier.models.llm.fitting import fit

    shape, device, tensor, points = (_of_files if profile.is_dir() else _of_times)(profile, model, hardware)
    peak = device.processor(_PRECISION).peak_flop_per_s
    devices = Devices(peak_flop_per_s=peak, bandwidth_bytes_per_s=device.bandwidth_bytes_per_s, number=tensor)
    try:
        found = fit(shape, devices, points)
    except ValueError as error:
        raise CatalogueError(f"{profile}: {error}") from error
    if as_json:
        about = {"model": shape.name, "hardware": device.name, "tensor": tensor, "precision": _PRECISION}
        errors = {"iterations": len(points), "mean_error": found.mean, "largest_error": found.largest}
        typer.echo(json.dumps({**about, **errors, "efficiency": asdict(found.efficiency)}, indent=2))
        return
    on = f"{tensor} x {device.name}" if tensor > 1 else device.name
    typer.echo(
        f"# {shape.name} in {_PRECISION} on {on}, {len(points)} iterations: mean error {found.mean:.1%}, largest {found.largest:.1%}"
    )
    typer.echo("efficiency:")
    for line in _lines(found.efficiency):
        typer.echo(f"  {line}")


def _lines(efficiency: Efficiency) -> list[str]:
    """Return the numbers as a scenario has them, with three digits."""
    from dataclasses import asdict

    lines = []
    for name, value in asdict(efficiency).items():
        factor, unit = _UNITS.get(name, (1.0, ""))
        lines.append(f"{name.removesuffix('_s')}: {_number(value * factor)} {unit}".rstrip())
    return lines


def _number(value: float) -> str:
    """Return three digits; what is next to nothing is 0."""
    return f"{value:.3g}" if value >= 1e-3 else "0"


def _of_files(folder: Path, model: str | None, hardware: str | None) -> _Work:
    """Return what a profile's directory tells; its iterations are those whose sequences fit in the memory."""
    from simtier.catalogue.hardware import accelerator
    from simtier.catalogue.llm import language_model
    from simtier.errors import CatalogueError
    from simtier.models.llm.measured import profile_times
    from simtier.models.llm.memory import Memory
    from simtier.models.llm.profile_files import read_profile

    files = read_profile(folder)
    shape = language_model(model or _model_named(files.model, folder))
    device = accelerator(hardware or _device_named(files.gpu, folder))
    memory = Memory(device_bytes=device.memory_bytes, devices=files.tensor, share=_MEMORY_SHARE)
    most = memory.left_bytes(shape) / memory.token_bytes(shape)
    if most < 1:
        needed, there = shape.parameters * memory.weight_bytes / 1e9, memory.devices * device.memory_bytes / 1e9
        raise CatalogueError(
            f"{shape.name} takes {needed:.3g} GB in {_PRECISION} and does not fit on {files.tensor} x {device.name} with {there:.3g} GB"
        )
    return _Work(shape, device, files.tensor, profile_times(files, shape.layers, most))


def _of_times(path: Path, model: str | None, hardware: str | None) -> _Work:
    from simtier.catalogue.hardware import accelerator
    from simtier.catalogue.llm import language_model
    from simtier.errors import CatalogueError
    from simtier.models.llm.measured import read_times

    points = read_times(path)
    if model is None or hardware is None:
        missing = " and ".join(
            option for option, given in (("--model", model), ("--hardware", hardware)) if given is None
        )
        raise CatalogueError(f"{path} does not tell what it was measured on: give {missing}")
    return _Work(language_model(model), accelerator(hardware), 1, points)


def _model_named(told: str, folder: Path) -> str:
    """Return the catalogue's name of a model that a profile names, such as meta-llama/Llama-3.1-8B; raises CatalogueError."""
    from simtier.catalogue.llm import language_models
    from simtier.errors import CatalogueError

    name = told.rpartition("/")[2].lower()
    if name not in language_models():
        raise CatalogueError(
            f"{folder} names {repr(told) if told else 'no model'}: give --model, a name of the catalogue, see `simtier models`"
        )
    return name


def _device_named(told: str, folder: Path) -> str:
    """Return the catalogue's name of a device that a profile names, such as NVIDIA GeForce RTX 4090; raises CatalogueError."""
    from simtier.catalogue.hardware import accelerators
    from simtier.errors import CatalogueError

    words = set(re.findall(r"[a-z0-9]+", told.lower()))
    found = [name for name in accelerators() if set(name.split("_")) <= words]
    if len(found) != 1:
        raise CatalogueError(
            f"{folder} names {repr(told) if told else 'no device'}: give --hardware, a name of the catalogue, see `simtier hardware`"
        )
    return found[0]
