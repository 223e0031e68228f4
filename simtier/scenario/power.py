"""Rows of servers that share a power budget."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from simtier.scenario.base import Name, Part, PolicyRef
from simtier.scenario.services import Names
from simtier.units import PerSecond, Seconds, Watts


class Brake(Part):
    """What the hardware does by itself when a row exceeds its budget: all accelerators run at a very low clock."""

    at: Annotated[float, Field(gt=0)] = 1.0
    """Share of the budget above which it is pulled."""
    release: Annotated[float, Field(gt=0)] = 0.95
    """Share of the budget at which it is released, once it acts."""
    clock: PerSecond = 288e6
    """Clock while it acts."""
    delay: Seconds = 5.0
    """From a reading to when it begins, or ceases, to act."""

    @model_validator(mode="after")
    def _lets_go(self) -> Brake:
        if self.release > self.at:
            raise ValueError(
                f"release ({self.release:g}) is above at ({self.at:g}): it would let go and pull again at once"
            )
        return self


class Load(Part):
    """A load beside the services, such as training: each server draws `high` and `low` in turn, all of them together."""

    on: Names
    """Tiers, node groups or nodes that carry it, among those of the row."""
    high: Annotated[Watts, Field(gt=0)]
    """Power of a server with its accelerators, from the begin of each period."""
    low: Watts
    """Its power for the rest of the period."""
    period: Annotated[Seconds, Field(gt=0)]
    """How long both take together."""
    duty: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Share of the period at `high`."""

    @model_validator(mode="after")
    def _ordered(self) -> Load:
        if self.low > self.high:
            raise ValueError(f"low ({self.low:g} W) is above high ({self.high:g} W)")
        return self


class RowPolicies(Part):
    """Policies of one row."""

    power: PolicyRef = PolicyRef(use="uncapped")
    """At which clocks accelerators may run."""


class PowerRow(Part):
    """A row of servers under one power budget, with a meter and caps on the clocks of the accelerators."""

    nodes: Names
    """Tiers, node groups or nodes of the row; they run services with an `llm`, and loads."""
    budget: Annotated[Watts, Field(gt=0)]
    """What all of them may draw together."""
    low_priority: tuple[Name, ...] = ()
    """Services whose servers are of low priority; a server that may run another service too is of high priority."""
    every: Annotated[Seconds, Field(gt=0)] = 2.0
    """How often the meter is read; it tells the mean since the reading before."""
    command_delay: Seconds = 40.0
    """From a command of the policy to when servers obey it."""
    clock: PerSecond = 1.41e9
    """Highest clock of the accelerators; that of an A100 if not given."""
    brake: Brake = Brake()
    """The power brake of the hardware."""
    loads: dict[Name, Load] = Field(default={})
    """Loads beside the services, by name; servers that carry one and run no service are of high priority."""
    policies: RowPolicies = RowPolicies()
    """Policies of this row."""
