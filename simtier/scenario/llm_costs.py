"""How long iterations of a language model take, and how a model is divided among the accelerators of a replica, as a scenario says it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from simtier.scenario.base import Part
from simtier.units import BytesPerSecond, Seconds


class ProfileFolder(Part):
    """Times of kernels that were measured, in place of the closed form."""

    profile: Annotated[str, Field(min_length=1)]
    """Directory with dense.csv, attention.csv and per_sequence.csv, relative to the scenario file."""
    overhead: Seconds = 0.0
    """Of each iteration, besides its kernels."""


Cost = Literal["closed_form", "linear"] | ProfileFolder
"""How long iterations take."""


class Interconnect(Part):
    """What joins the accelerators of a replica."""

    bandwidth: Annotated[BytesPerSecond, Field(gt=0)]
    """Of each accelerator's link, in one direction."""
    latency: Seconds = 0.0
    """Of one message."""


class ExpertSpread(Part):
    """Experts of a mixture, each whole on one of the replica's accelerators; tokens travel to them, and answers back."""

    skew: Annotated[float, Field(ge=0, le=100)] = 0.0
    """CV of the popularity of a layer's experts, which is log-normal and drawn anew for each layer; 0: all are equally popular."""
    redundant: Annotated[int, Field(ge=0, le=10_000)] = 0
    """Further copies of the most popular experts, in each layer."""
    placement: Literal["in_order", "balanced"] = "in_order"
    """How experts lie on the accelerators: in the model's order; or the heaviest first, each where there is least load, as DeepSeek's balancer does."""
