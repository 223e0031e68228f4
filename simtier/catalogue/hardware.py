"""The machines and accelerators that scenarios name, read from hardware.yaml beside this file."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML

from simtier.errors import CatalogueError, did_you_mean
from simtier.models.hardware import Accelerator, Machine
from simtier.units import Bytes, BytesPerSecond, DollarsPerSecond, FlopPerSecond, Seconds, Watts

_Share = Annotated[float, Field(gt=0, le=1)]


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

    def accelerator(self, name: str) -> Accelerator:
        """Return the accelerator this entry describes."""
        return Accelerator(**_device(name, self))


class _MachineEntry(_Entry):
    cores: Annotated[int, Field(gt=0)]
    accelerators: tuple[str, ...] = ()

    def machine(self, name: str) -> Machine:
        """Return the machine this entry describes."""
        return Machine(cores=self.cores, accelerators=self.accelerators, **_device(name, self))


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    accelerators: dict[str, _Entry]
    machines: dict[str, _MachineEntry]
