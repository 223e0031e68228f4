"""The scenario: everything a run is made of, as frozen models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, PrivateAttr, model_validator

from simtier.scenario.base import Name, Part
from simtier.scenario.platforms import Platform
from simtier.scenario.power import PowerRow
from simtier.scenario.services import App, Policies, Service
from simtier.scenario.source import Source
from simtier.scenario.topology import Links, Nodes
from simtier.scenario.workloads import Workload
from simtier.units import Seconds


class Run(Part):
    """How long, how often, with which random numbers."""

    duration: Annotated[Seconds, Field(gt=0)]
    """Requests arrive for this long."""
    drain: Seconds = 0.0
    """How much longer the run goes on, so that requests under way can finish."""
    warmup: Seconds = 0.0
    """Requests that arrive earlier are simulated but not counted, nor is what happens in this time."""
    seed: Annotated[int, Field(ge=0, lt=2**63, strict=True)] = 1
    """Seed of all random numbers."""
    replications: Annotated[int, Field(ge=1, le=10_000)] = 1
    """Independent repetitions; more than one gives confidence intervals."""
    samples: Annotated[int, Field(ge=0, le=100_000)] = 240
    """How many times queues and utilisation are sampled over the run, for the plots."""

    @model_validator(mode="after")
    def _something_left(self) -> Run:
        if self.warmup >= self.duration:
            raise ValueError(f"warmup ({self.warmup} s) leaves nothing of the duration ({self.duration} s)")
        return self


class Scenario(Part):
    """What is simulated: nodes, links, services, applications, workloads, policies."""

    name: Name
    """Name of the scenario; also the folder of its results."""
    question: str = ""
    """The question the scenario answers; shown first in the report."""
    run: Run
    """How long, how often, with which random numbers."""
    nodes: Annotated[dict[Name, Nodes], Field(min_length=1)]
    """Groups of equal nodes by name."""
    links: dict[Name, Links] = Field(default={})
    """Groups of links by name."""
    services: dict[Name, Service] = Field(default={})
    """Services by name."""
    platforms: dict[Name, Platform] = Field(default={})
    """Function platforms by name; no service has the same name."""
    apps: Annotated[dict[Name, App], Field(min_length=1)]
    """Applications by name."""
    workloads: Annotated[dict[Name, Workload], Field(min_length=1)]
    """Workloads by name."""
    policies: Policies = Policies()
    """Policies, one a kind, where services and apps name no other."""
    power_rows: dict[Name, PowerRow] = Field(default={})
    """Rows of servers that share a power budget, by name."""

    @model_validator(mode="after")
    def _something_serves(self) -> Scenario:
        if not self.services and not self.platforms:
            raise ValueError("has neither `services` nor `platforms`: something must serve the requests")
        return self

    @property
    def hosts(self) -> Mapping[str, Service | Platform]:
        """Services and platforms by name: what stages run on."""
        return {**self.services, **self.platforms}

    _folder: Path = PrivateAttr(default_factory=Path)
    _source: Source = PrivateAttr(default_factory=Source)

    @classmethod
    def load(cls, path: Path | str, changes: Mapping[str, str] | Sequence[str] = ()) -> Scenario:
        """Return the scenario in the file at `path`, with `changes` made to it; see `simtier.scenario.load`."""
        from simtier.scenario.load import load  # noqa: PLC0415 - loading needs this class

        return load(path, changes)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], changes: Mapping[str, str] | Sequence[str] = ()) -> Scenario:
        """Return the scenario in `data`, written as in a file; see `simtier.scenario.load`."""
        from simtier.scenario.load import from_dict  # noqa: PLC0415 - loading needs this class

        return from_dict(data, changes)

    def from_source(self, source: Source, folder: Path) -> Scenario:
        """Return this scenario, knowing where it came from: lines for messages, the folder for relative files."""
        scenario = self.model_copy()
        scenario._source, scenario._folder = source, folder  # noqa: SLF001 - a copy of this object, not another's
        return scenario

    @property
    def folder(self) -> Path:
        """The folder that relative policy files are looked for in: the scenario file's, or the working directory."""
        return self._folder

    @property
    def source(self) -> Source:
        """Where the scenario came from: file, lines, and what the command line changed."""
        return self._source

    def __eq__(self, other: object) -> bool:
        return self.__dict__ == other.__dict__ if isinstance(other, Scenario) else NotImplemented

    __hash__ = None  # type: ignore[assignment]
