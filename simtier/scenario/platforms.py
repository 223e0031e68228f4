"""Function platforms of a scenario: functions with scale-to-zero that share the memory of nodes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from simtier.scenario.base import Name, OrText, Part, PolicyRef
from simtier.scenario.cold_starts import ColdStart
from simtier.scenario.cores import Cores
from simtier.units import Bytes, Dollars, DollarsPerByteSecond, Seconds

Names = Annotated[
    tuple[Name, ...], BeforeValidator(lambda v: (v,) if isinstance(v, str) else v), Field(min_length=1), OrText()
]


class PlatformPolicies(Part):
    """Policies of a platform; what is not given is taken from the scenario's `policies`, but for routing and autoscaling."""

    placement: PolicyRef | None = None
    """On which node an instance starts."""
    routing: PolicyRef = PolicyRef(use="warm_first")
    """Which cell gets a request, on a platform of several; within a cell it is the warm instance that was used last."""
    autoscaling: PolicyRef = PolicyRef(use="on_demand")
    """How many instances a function has; each function has a policy object of its own."""
    admission: PolicyRef | None = None
    """Which requests may enter."""
    keep_alive: PolicyRef | None = None
    """How long idle instances stay, which are evicted first, and what starts ahead of need; one object a cell."""
    batching: PolicyRef = PolicyRef(use="none")
    """Which requests of a stage run together as one execution; each function has a buffer, and a policy object, of its own."""
    rebalancing: PolicyRef = PolicyRef(use="fixed_shares")
    """How executions on a node lend cores to each other; each keeps its own if not given."""


class Function(Part):
    """A function: what one instance of it is."""

    memory: Annotated[Bytes, Field(gt=0)] = 134_217_728.0
    """Memory of an instance, as long as it lives; 128 MiB if not given."""
    cores: Annotated[float, Field(gt=0)] | None = None
    """Cores of an instance; by `memory_per_core` of the platform if not given, else 1."""
    uses: Cores | None = None
    """Cores that an execution could use, drawn by its request: it has its share of `cores`, and takes its stage's `time` with as many
    as it could use, longer with fewer. If not given it uses what it has (with `memory_per_core`: one core)."""
    runtime: str = ""
    """Language runtime, such as `python3`."""
    trigger: str = ""
    """What calls it, such as `http`, `timer`, `queue`."""
    concurrency: Annotated[int, Field(ge=1)] = 1
    """Requests that an instance serves at a time."""
    max_batch: Annotated[int, Field(ge=1)] = 32
    """Most requests in a batch, where a policy forms batches in front of the function."""
    time_limit: Annotated[Seconds, Field(gt=0)] | None = None
    """An execution that takes longer is cut off there, and its request fails."""
    code: Bytes = 0.0
    """Size of its code, which a start may have to fetch."""
    dependencies: Bytes = 0.0
    """Size of the layers it depends on, which a start may have to fetch."""
    provisioned: Annotated[int, Field(ge=0)] = 0
    """Instances that are ready from time zero on, and stay; they are in the first cells, regions or nodes that have room."""


class Ramp(Part):
    """How fast each function may grow: a token bucket."""

    burst: Annotated[int, Field(ge=1)] = 1000
    """Starts at once."""
    per: Annotated[Seconds, Field(gt=0)] = 10.0
    """In how long as many more may follow, evenly."""


class Layers(Part):
    """Memory of instances that keep-alive has taken layers from."""

    bare: Bytes = 16_777_216.0
    """Of an instance without a runtime; 16 MiB if not given, assumed."""
    language: Bytes = 67_108_864.0
    """Of one with its language runtime, without the function; 64 MiB if not given, assumed."""


class Region(Part):
    """A part of a platform with nodes, instances and memory of its own."""

    on: Names
    """Tiers, node groups or nodes where its instances may run."""
    cold_start: ColdStart | None = None
    """How long an instance takes to start here; as the platform says if not given."""


class PlatformPrice(Part):
    """What customers pay for executions that have ended, and what idle memory costs the provider."""

    per_request: Dollars = 0.0
    """Price of an execution."""
    per_memory_time: DollarsPerByteSecond = 0.0
    """Price of the function's memory for as long as an execution is billed, such as `1.66667e-5 USD/GiB/s`."""
    granularity: Annotated[Seconds, Field(gt=0)] = 0.001
    """An execution's time is rounded up to whole multiples of this; 1 ms if not given."""
    least: Seconds = 0.0
    """An execution is billed for this long at least."""
    bill_starts: bool = False
    """True: the start that a request waited for, and is first served by, is billed as part of its execution."""
    provisioned: DollarsPerByteSecond = 0.0
    """Price of the memory of provisioned instances, used or not, besides their executions."""
    idle_cost: DollarsPerByteSecond = 0.0
    """What memory of idle instances costs the provider; on nobody's bill, told by itself."""


class Platform(Part):
    """A function platform: functions whose instances start cold, are kept alive for a while, and share nodes."""

    on: Names | None = None
    """Tiers, node groups or nodes where instances may run; or give `regions`."""
    regions: dict[Name, Region] = Field(default={})
    """Regions by name; the routing policy chooses among them."""
    cells: Literal["one", "nodes"] = "one"
    """Without regions, `nodes`: the routing policy chooses the node, each keeps its own instances; `one`: all nodes are one cell."""
    cold_start: ColdStart | None = None
    """How long an instance takes to start."""
    functions: dict[Name, Function] = Field(default={})
    """Functions by name."""
    traced: Function | None = None
    """What the functions are that a trace names and `functions` does not list; what the trace's table of functions tells of them
    (memory, runtime, trigger) comes before what stands here."""
    most: Annotated[int, Field(ge=1, le=1_000_000)] = 1000
    """Most instances of one function in each cell; a policy that asks for more gets these, and it is counted."""
    concurrency_limit: Annotated[int, Field(ge=1)] | None = None
    """Most requests of all functions that run or wait at a time; more are rejected."""
    payload_limit: Annotated[Bytes, Field(gt=0)] | None = None
    """Most bytes that a call may bring, or return; sizes are known beforehand, so a scenario that exceeds it is refused."""
    ramp: Ramp | None = None
    """How fast each function may grow in each cell; without limit if not given."""
    when_full: Literal["wait", "reject"] = "wait"
    """What becomes of a request whose start finds no room, not even by evicting idle instances."""
    memory_per_core: Annotated[Bytes, Field(gt=0)] | None = None
    """CPU in proportion to memory: an instance has memory / memory_per_core cores; with less than one it is that much slower."""
    reserve_cores: bool = False
    """True: an instance reserves its cores on its node, not only its memory."""
    layers: Layers = Layers()
    """Memory of instances that have lost layers (keep-alive policies with layers)."""
    price: PlatformPrice = PlatformPrice()
    """What executions cost; nothing if not given."""
    policies: PlatformPolicies = PlatformPolicies()
    """Policies of this platform."""

    @property
    def places(self) -> tuple[str, ...]:
        """Where instances may run."""
        return self.on or tuple(place for region in self.regions.values() for place in region.on)

    @model_validator(mode="after")
    def _runs_somewhere(self) -> Platform:
        if (self.on is None) == (not self.regions):
            raise ValueError("a platform runs `on` nodes, or in `regions` that do: give one of them")
        if self.regions and self.cells != "one":
            raise ValueError("`cells` is for platforms without regions: each region is a cell")
        missing = [name for name, region in self.regions.items() if region.cold_start is None]
        if self.cold_start is None and (missing or not self.regions):
            whose = f"regions {', '.join(missing)} have" if self.regions else "a platform has"
            raise ValueError(f"{whose} no `cold_start`: say how long an instance takes to start, for example `500 ms`")
        return self

    @model_validator(mode="after")
    def _batches_or_lends(self) -> Platform:
        if self.policies.batching.use == "none":
            return self
        if self.policies.rebalancing.use != "fixed_shares":
            raise ValueError(
                "executions of batches cannot lend cores to each other: leave out `batching` or `rebalancing`"
            )
        if any(each.uses is not None for each in (*self.functions.values(), *([self.traced] if self.traced else []))):
            raise ValueError(
                "what cores an execution `uses` is drawn by its request, and a batch has several: leave out `batching` or `uses`"
            )
        return self

    @model_validator(mode="after")
    def _has_functions(self) -> Platform:
        if not self.functions and self.traced is None:
            raise ValueError("a platform has `functions`, or `traced` for those a trace names: both are missing")
        return self
