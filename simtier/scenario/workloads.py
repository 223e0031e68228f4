"""Workloads of a scenario: when requests arrive, by a process or as in a trace."""

from __future__ import annotations

import itertools
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from simtier.scenario.base import Cv, Name, OrText, Part, Time
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


Arrivals = Annotated[Periodic | Poisson | Renewal | MarkovModulated | Varying | Closed, Field(discriminator="process")]


class Expansion(Part):
    """How counts by the minute become arrivals within the minute: a choice of the model, with random numbers of its own."""

    process: Literal["uniform", "even", "poisson", "gamma"]
    """`uniform`: at independent uniform times, as a Poisson process of that many; `even`: equally spaced; `poisson`: the count is
    a mean, and the number random; `gamma`: gaps with coefficient of variation `cv`, as many as counted."""
    cv: Cv | None = None
    """Standard deviation of the gaps over their mean, for `gamma`."""
    default_duration: Seconds | None = None
    """Duration of functions that the trace tells none of; not given, their invocations are left out, and counted, if the time of a stage
    is made of durations."""

    @model_validator(mode="after")
    def _cv_of_gamma(self) -> Expansion:
        if self.process == "gamma" and self.cv is None:
            raise ValueError("gamma needs `cv`, for example `{process: gamma, cv: 3}`")
        if self.process != "gamma" and self.cv is not None:
            raise ValueError(f"`cv` is only for gamma, and this is {self.process}")
        return self


def _two_times(value: Any) -> Any:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError("two times are needed, for example `[10 min, 40 min]`")
    return value


class Workload(Part):
    """Who sends requests to an application, and when: by a process (`arrivals`), or as in a trace (`trace`)."""

    app: Name
    """Application."""
    source: Annotated[tuple[Name, ...], BeforeValidator(lambda v: (v,) if isinstance(v, str) else v), OrText()] = Field(
        alias="from"
    )
    """Tiers, node groups or nodes the requests come from; each node is a source of its own, with the full rate."""
    arrivals: Arrivals | None = None
    """When, by a process."""
    trace: Annotated[tuple[str, ...], BeforeValidator(lambda v: (v,) if isinstance(v, str) else v), OrText()] | None = (
        None
    )
    """When, as in a trace: its name, for example `azure-llm-2023/conv`; several names, or one with a `*`, are replayed in a row."""
    window: Annotated[tuple[Seconds, Seconds], BeforeValidator(_two_times)] | None = None
    """Of a trace: replay only what lies from the first time up to the second, in trace time; it begins at the workload's start."""
    share: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Of a trace: share of the requests to keep, chosen by a hash of their place in it: the same ones in every run, and 10 % of them
    among 20 %."""
    share_by: Literal["session", "function"] | None = None
    """Of a trace: keep or leave out whole sessions or functions, not single requests."""
    scale_rate: Annotated[float, Field(gt=0)] = 1.0
    """Of a trace: so many times the requests in the same time. Above 1, requests are repeated between theirs and the next one's
    arrival; below 1, some are left out."""
    scale_time: Annotated[float, Field(gt=0)] = 1.0
    """Of a trace: trace seconds per simulated second; 2 replays twice as fast, at twice the rate. Durations stay."""
    expand: Annotated[
        Expansion | None, BeforeValidator(lambda v: {"process": v} if isinstance(v, str) else v), OrText()
    ] = None
    """Of a trace of counts: how they become arrivals."""
    on_error: Literal["fail", "drop"] = "fail"
    """Of a trace: whether a bad row ends the run, or is left out and counted."""
    request: Bytes = 0.0
    """Bytes each request brings from its source to the first stage."""
    start: Seconds = 0.0
    """No requests before this time."""
    stop: Seconds | None = None
    """No requests from this time on; the end of the run if not given."""

    @model_validator(mode="after")
    def _one_origin(self) -> Workload:
        if self.arrivals is not None and self.trace is not None:
            raise ValueError("has both `arrivals` and `trace`: requests arrive by one of them")
        if self.arrivals is None and self.trace is None:
            raise ValueError("has neither `arrivals` nor `trace`: one of them says when requests arrive")
        alone = [name for name in _OF_A_TRACE if getattr(self, name) != type(self).model_fields[name].default]
        if self.trace is None and alone:
            raise ValueError(f"{', '.join(f'`{name}`' for name in alone)}: only for a `trace`, and there is none")
        if self.trace is not None and not self.trace:
            raise ValueError("`trace` names none")
        return self

    @model_validator(mode="after")
    def _window_rises(self) -> Workload:
        if self.window is not None and not self.window[0] < self.window[1]:
            raise ValueError(
                f"window ends at {self.window[1]:g} s, which is not after its begin at {self.window[0]:g} s"
            )
        return self


_OF_A_TRACE = ("window", "share", "share_by", "scale_rate", "scale_time", "expand", "on_error")
