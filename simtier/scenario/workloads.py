"""Workloads of a scenario: when requests arrive."""

from __future__ import annotations

import itertools
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from simtier.scenario.base import Cv, Name, OrText, Part, Share, Time
from simtier.units import Bytes, PerSecond, PerSecondOrZero, Seconds


class Periodic(Part):
    """Evenly spaced, like camera frames: request k of a source at phase + k / rate, plus jitter."""

    process: Literal["periodic"]
    rate: PerSecond
    """Requests of each source."""
    phase: Literal["random"] | Seconds = "random"
    """Time of the first request; `random`: uniform over a period, each source its own."""
    jitter: Seconds = 0.0
    """Each request is late by a uniform time up to this; must be less than a period."""

    @model_validator(mode="after")
    def _in_order(self) -> Periodic:
        if self.jitter >= 1 / self.rate:
            raise ValueError(f"jitter ({self.jitter} s) must be less than the period ({1 / self.rate} s)")
        return self


class Poisson(Part):
    """Poisson arrivals."""

    process: Literal["poisson"]
    rate: PerSecond
    """Mean rate of each source."""


class Renewal(Part):
    """Independent gaps with a gamma or Weibull distribution."""

    process: Literal["gamma", "weibull"]
    rate: PerSecond
    """Mean rate of each source: one over the mean gap."""
    cv: Cv
    """Standard deviation of the gaps over their mean; 1 is Poisson, more is burstier."""


class MarkovModulated(Part):
    """Poisson arrivals whose rate jumps between states (MMPP): each state lasts an exponential time, then another follows."""

    process: Literal["markov"]
    rates: Annotated[tuple[PerSecondOrZero, ...], Field(min_length=2)]
    """Rate in each state."""
    stay: Annotated[tuple[Seconds, ...], Field(min_length=2)]
    """Mean time in each state; the next state is the following one, and the first after the last."""

    @model_validator(mode="after")
    def _same_length(self) -> MarkovModulated:
        if len(self.rates) != len(self.stay):
            raise ValueError(f"{len(self.rates)} rates but {len(self.stay)} times to stay: one of each per state")
        if not any(rate * stay > 0 for rate, stay in zip(self.rates, self.stay, strict=True)):
            raise ValueError("no state has both a rate and a time to stay, so nothing would ever arrive")
        return self


class Varying(Part):
    """Poisson arrivals with a rate that follows straight lines between points, repeated after the last point."""

    process: Literal["varying"]
    points: Annotated[tuple[tuple[Seconds, PerSecondOrZero], ...], Field(min_length=2)]
    """Pairs of time and rate; times rise from 0."""

    @model_validator(mode="after")
    def _times_rise(self) -> Varying:
        times = [time for time, _ in self.points]
        if times[0] != 0 or any(b <= a for a, b in itertools.pairwise(times)):
            raise ValueError(f"times must start at 0 s and rise, got {times}")
        if all(rate == 0 for _, rate in self.points):
            raise ValueError("the rate is zero at every point")
        return self


class Closed(Part):
    """Clients that wait for the answer, think, and ask again; a client is one source."""

    process: Literal["closed"]
    clients: Annotated[int, Field(ge=1)]
    """Clients on each source node."""
    think: Time
    """From an answer to the next request; also before the first."""


class Replay(Part):
    """Arrivals of a public trace."""

    process: Literal["trace"]
    trace: str
    """Name of the trace, for example `azure-llm-2023/conv`."""
    start: Seconds = 0.0
    """Where in the trace to begin."""
    length: Seconds | None = None
    """How much of the trace to replay (trace time); to its end if not given."""
    speed: Annotated[float, Field(gt=0)] = 1.0
    """Trace seconds per simulated second: 2 replays twice as fast, at twice the rate."""
    share: Share = 1.0
    """Share of the requests to keep, drawn request by request; lowers the rate and keeps the shape."""


Arrivals = Annotated[
    Periodic | Poisson | Renewal | MarkovModulated | Varying | Closed | Replay, Field(discriminator="process")
]


class Workload(Part):
    """Who sends requests to an application, and when."""

    app: Name
    """Application."""
    source: Annotated[tuple[Name, ...], BeforeValidator(lambda v: (v,) if isinstance(v, str) else v), OrText()] = Field(
        alias="from"
    )
    """Tiers, node groups or nodes the requests come from; each node is a source of its own, with the full rate."""
    arrivals: Arrivals
    """When."""
    request: Bytes = 0.0
    """Bytes each request brings from its source to the first stage."""
    start: Seconds = 0.0
    """No requests before this time."""
    stop: Seconds | None = None
    """No requests from this time on; the end of the run if not given."""
