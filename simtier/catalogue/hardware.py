"""The machines and accelerators that scenarios name, read from hardware.yaml beside this file."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from importlib.resources import files
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from simtier.errors import CatalogueError, did_you_mean
from simtier.models.hardware import Accelerator, Machine
from simtier.models.llm.efficiency import Efficiency
from simtier.units import Bytes, BytesPerSecond, DollarsPerSecond, FlopPerSecond, Seconds, Watts

_Share = Annotated[float, Field(gt=0, le=1)]


_TIMES = ("call", "layer", "iteration", "sequence", "token")


class LlmEfficiency(NamedTuple):
    """How near an accelerator comes to its peaks in language models.

    Attributes:
        efficiency: the numbers.
        source: where they come from.
        fitted: whether to times of this accelerator; else they are another's.
    """

    efficiency: Efficiency
    source: str
    fitted: bool


class _Entry(BaseModel):
    """One entry of the file, its values with units."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    peak: dict[str, FlopPerSecond]
    memory: Bytes
    bandwidth: BytesPerSecond
    idle: Watts
    full: Watts
    price: DollarsPerSecond
    compute_efficiency: _Share
    memory_efficiency: _Share
    overhead: Seconds
    source: str
    efficiency_source: str


class _Llm(BaseModel):
    """How near an accelerator comes to its peaks in language models; what is not given is as in `Efficiency`."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    compute: _Share | None = None
    weights: _Share | None = None
    corner: Annotated[float, Field(ge=1)] | None = None
    prefill_attention: _Share | None = None
    decode_attention: _Share | None = None
    passes: Annotated[float, Field(ge=0)] | None = None
    call: Seconds | None = None
    layer: Seconds | None = None
    iteration: Seconds | None = None
    sequence: Seconds | None = None
    token: Seconds | None = None
    source: str


class _Link(BaseModel):
    """What joins an accelerator to others of its node, in one direction."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    bandwidth: Annotated[BytesPerSecond, Field(gt=0)]
    latency: Seconds
    source: str


class _AcceleratorEntry(_Entry):
    llm: _Llm | None = None
    link: _Link | None = None


class _MachineEntry(_Entry):
    cores: Annotated[int, Field(gt=0)]
    accelerators: tuple[str, ...] = ()


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    accelerators: dict[str, _AcceleratorEntry]
    machines: dict[str, _MachineEntry]


def machines() -> tuple[str, ...]:
    """Return the names `machine` knows."""
    return tuple(_load().machines)


def accelerators() -> tuple[str, ...]:
    """Return the names `accelerator` knows."""
    return tuple(_load().accelerators)


@lru_cache
def machine(name: str) -> Machine:
    """Return the machine called `name`; raises CatalogueError for an unknown name."""
    entries = _load().machines
    _check_known("machine", name, entries)
    entry = entries[name]
    return Machine(cores=entry.cores, accelerators=entry.accelerators, **_device(name, entry))


@lru_cache
def accelerator(name: str) -> Accelerator:
    """Return the accelerator called `name`; raises CatalogueError for an unknown name."""
    entries = _load().accelerators
    _check_known("accelerator", name, entries)
    entry, device = entries[name], _device(name, entries[name])
    if entry.link is None:
        return Accelerator(**device)
    device["source"] += f" Link: {entry.link.source}."
    return Accelerator(link_bytes_per_s=entry.link.bandwidth, link_latency_s=entry.link.latency, **device)


@lru_cache
def llm_efficiency(name: str) -> LlmEfficiency:
    """Return how near an accelerator comes to its peaks in language models; raises CatalogueError for an unknown name."""
    entries = _load().accelerators
    _check_known("accelerator", name, entries)
    written = entries[name].llm
    if written is None:
        return LlmEfficiency(Efficiency(), "assumption, as fitted for a100_80g.", fitted=False)
    names = [key for key in _Llm.model_fields if key != "source" and getattr(written, key) is not None]
    values = {f"{key}_s" if key in _TIMES else key: getattr(written, key) for key in names}
    return LlmEfficiency(Efficiency(**values), f"{written.source}.", fitted=True)


@lru_cache(maxsize=1)
def _load() -> _File:
    text = files("simtier.catalogue").joinpath("hardware.yaml").read_text(encoding="utf-8")
    return parse(text)


def parse(text: str) -> _File:
    """Return the checked content of a hardware file; raises CatalogueError when it is malformed."""
    try:
        content = _File.model_validate(YAML(typ="safe", pure=True).load(text))
    except YAMLError as error:
        raise CatalogueError(f"hardware.yaml is not YAML: {error}") from error
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise CatalogueError(f"hardware.yaml: {'; '.join(problems)}") from error
    for name, entry in content.machines.items():
        for built_in in entry.accelerators:
            _check_known(f"accelerator in machine {name!r}", built_in, content.accelerators)
    return content


def _check_known(what: str, name: str, known: Iterable[str]) -> None:
    names = tuple(known)
    if name not in names:
        raise CatalogueError(f"unknown {what} {name!r}{did_you_mean(name, names)}")


def _device(name: str, entry: _Entry) -> dict[str, Any]:
    """Return the fields that machines and accelerators share."""
    return {
        "name": name,
        "peak_flop_per_s": entry.peak,
        "memory_bytes": entry.memory,
        "bandwidth_bytes_per_s": entry.bandwidth,
        "idle_w": entry.idle,
        "peak_w": entry.full,
        "dollars_per_s": entry.price,
        "compute_efficiency": entry.compute_efficiency,
        "memory_efficiency": entry.memory_efficiency,
        "overhead_s": entry.overhead,
        "source": f"{entry.source} Efficiency: {entry.efficiency_source}",
    }
