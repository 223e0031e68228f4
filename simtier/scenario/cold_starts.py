"""Cold starts of a scenario: what starting an instance of a function takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, model_validator

from simtier.errors import UnitError, did_you_mean
from simtier.scenario.base import Fixed, OrText, Part, Time
from simtier.units import Bytes, BytesPerSecond, Seconds, parse

NOTHING = Fixed.model_construct(value=0.0)


class GivenColdStart(Part):
    """Each component a time or a distribution, the same for all functions."""

    model: Literal["given"]
    scheduling: Time = NOTHING
    """Finding a node, and the network's share."""
    allocating: Time = NOTHING
    """Getting a sandbox: a pod, a container, a virtual machine."""
    starting_runtime: Time = NOTHING
    """Starting the language's runtime."""
    deploying_code: Time = NOTHING
    """Fetching and unpacking the function's code."""
    deploying_dependencies: Time = NOTHING
    """Fetching and unpacking what it depends on."""
    initialising: Time = NOTHING
    """What the function does before its first request."""


class InstancePool(Part):
    """A pool of instances of one size, ready to become one of any function that fits."""

    size: Annotated[int, Field(ge=0)]
    """How many it is filled up to, and holds at time zero."""
    refill: Seconds
    """What making one instance takes; they are made one after the other."""


def _sizes_of_memory(value: Any) -> Any:
    """Check that the names of pools are sizes of memory, and no two the same."""
    if isinstance(value, Mapping):
        sizes: dict[float, str] = {}
        for name in value:
            try:
                size = parse(name, "data")
            except UnitError as error:
                raise ValueError(f"pools are called by their size: {error}") from error
            if not 0 < size < float("inf"):
                raise ValueError(f"pool {name!r}: a size above 0 is needed")
            if size in sizes:
                raise ValueError(f"pools {sizes[size]!r} and {name!r} have the same size")
            sizes[size] = str(name)
    return value


class PoolsColdStart(Part):
    """Instances are taken from pools by size, or made from scratch; code and dependencies are fetched to the node."""

    model: Literal["pools"]
    pools: Annotated[dict[str, InstancePool], BeforeValidator(_sizes_of_memory), Field(min_length=1)]
    """Pools by the memory of their instances: `{128 MB: {size: 20, refill: 2 s}, 512 MB: {size: 5, refill: 2 s}}`."""
    from_pool: Time
    """What taking an instance from a pool takes."""
    from_scratch: Time
    """What making one takes, when the search has found none."""
    search: tuple[Time, ...] = (NOTHING,)
    """Stages of the search: stage k takes its time and looks into the k smallest pools that are large enough; one more stage, one
    size more. `[]` never looks."""
    no_pool: tuple[str, ...] = ()
    """Runtimes whose instances are always made from scratch, such as `Custom`."""
    bandwidth: BytesPerSecond | None = None
    """Rate at which a function's `code` and `dependencies` are fetched; not given, fetching takes no time."""
    cache: Bytes = 0.0
    """What each node keeps of code and dependencies; the least recently used go first."""
    cached: Seconds = 0.0
    """What finding code, or dependencies, in the node's cache takes."""
    scheduling: Time = NOTHING
    """Scheduling when nothing else starts."""
    scheduling_per_start: Seconds = 0.0
    """Added to scheduling for each other start of the platform under way."""
    starting_runtime: Time = NOTHING
    """Starting the language's runtime."""
    initialising: Time = NOTHING
    """What the function does before its first request."""

    @model_validator(mode="after")
    def _cache_of_something(self) -> PoolsColdStart:
        if self.bandwidth is None and (self.cache or self.cached):
            raise ValueError("`cache` and `cached` need a `bandwidth`: without one, fetching takes no time anyway")
        return self


Region = Literal["R1", "R2", "R3", "R4", "R5"]


def _known_region(value: Any) -> Any:
    if isinstance(value, str) and value not in get_args(Region):
        raise ValueError(f"unknown region {value!r}{did_you_mean(value, get_args(Region))}")
    return value


class HuaweiColdStart(Part):
    """As published of a public cloud (Joosen et al., EuroSys 2025), by region, in R2 by the function's `runtime` too."""

    model: Literal["huawei_2025"]
    region: Annotated[Region, BeforeValidator(_known_region)]
    """Region; R2 tells apart Python3, Node.js, Java, Go1.x, PHP7.3, Python2, C#, Custom, http, other runtimes start as all together."""
    demand_slope: Annotated[float, Field(ge=0)] = 0.0
    """Scheduling takes (1 + this x starts under way) times as long; 0 gives the published times. Published is only how scheduling and the
    number of cold starts go together (Spearman 0.9 in R1, 0.8 in R3, 0.7 in R5), so there is no default but 0."""


class LogNormalColdStart(Part):
    """The whole time is log-normal, divided in fixed shares; by default as all regions of `huawei_2025` together."""

    model: Literal["lognormal"]
    mean: Annotated[Seconds, Field(gt=0)] = 3.24
    """Mean of the whole time itself, not of its logarithm."""
    sd: Annotated[Seconds, Field(gt=0)] = 7.10
    """Its standard deviation."""


class TracedColdStart(Part):
    """As in a trace of cold starts: each start takes what one of its rows took, of the function's `runtime` if the trace tells it."""

    model: Literal["traced"]
    trace: str
    """Name of the trace, for example `huawei-2025/R2-day-03`."""


def _given_if_time(value: Any) -> Any:
    is_time = isinstance(value, str | int | float) or (
        isinstance(value, Mapping) and "model" not in value and "distribution" in value
    )
    return {"model": "given", "initialising": value} if is_time else value


ColdStart = Annotated[
    Annotated[
        GivenColdStart | PoolsColdStart | HuaweiColdStart | LogNormalColdStart | TracedColdStart,
        Field(discriminator="model"),
    ],
    BeforeValidator(_given_if_time),
    OrText(),
]
"""What starting an instance takes: a model, or a time that stands for `{model: given, initialising: ...}`."""
