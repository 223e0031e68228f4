"""The scenario: everything a run is made of, as frozen models."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from simtier.scenario.base import Name, Part
from simtier.scenario.services import App, Policies, Service
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
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1
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
    services: Annotated[dict[Name, Service], Field(min_length=1)]
    """Services by name."""
    apps: Annotated[dict[Name, App], Field(min_length=1)]
    """Applications by name."""
    workloads: Annotated[dict[Name, Workload], Field(min_length=1)]
    """Workloads by name."""
    policies: Policies = Policies()
    """Policies, one a kind, where services and apps name no other."""
