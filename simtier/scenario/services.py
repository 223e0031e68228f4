"""Services and applications of a scenario."""

from __future__ import annotations

from collections.abc import Container
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from simtier.scenario.base import Cost, Fixed, Name, OrText, Part, PolicyRef, StageTime, Time, Traced
from simtier.scenario.llm import Llm, StageTokens
from simtier.units import Bytes, DollarsPerSecond, Seconds

Names = Annotated[
    tuple[Name, ...], BeforeValidator(lambda v: (v,) if isinstance(v, str) else v), Field(min_length=1), OrText()
]


class ServicePolicies(Part):
    """Policies of one service; what is not given is taken from the scenario's `policies`."""

    placement: PolicyRef | None = None
    """Where replicas start."""
    routing: PolicyRef | None = None
    """Which replica gets a request."""
    scheduling: PolicyRef | None = None
    """In which order a replica's queue is served."""
    batching: PolicyRef | None = None
    """Which requests run together."""
    autoscaling: PolicyRef | None = None
    """How many replicas there are."""
    admission: PolicyRef | None = None
    """Which requests may enter."""
    balancing: PolicyRef | None = None
    """What moves among the replicas of a language model; nothing if not given."""


class Policies(Part):
    """Policies of the whole scenario, one a kind; services and apps may name others."""

    partitioning: PolicyRef = PolicyRef(use="all_on_device")
    """Which layers of a DNN run where."""
    placement: PolicyRef = PolicyRef(use="first_fit")
    """Where replicas start."""
    routing: PolicyRef = PolicyRef(use="round_robin")
    """Which replica gets a request."""
    scheduling: PolicyRef = PolicyRef(use="fifo")
    """In which order a replica's queue is served."""
    batching: PolicyRef = PolicyRef(use="none")
    """Which requests run together."""
    autoscaling: PolicyRef = PolicyRef(use="fixed")
    """How many replicas there are."""
    admission: PolicyRef = PolicyRef(use="everyone")
    """Which requests may enter."""
    keep_alive: PolicyRef = PolicyRef(use="fixed")
    """How long idle instances of functions stay, on platforms."""
    disaggregation: PolicyRef = PolicyRef(use="apart")
    """Which pools serve a request of a language model that several could."""


class Service(Part):
    """Something that serves requests: replicas on nodes, each with a queue."""

    on: Names
    """Tiers, node groups or nodes where replicas may run."""
    replicas: Annotated[int, Field(ge=0)] | Literal["each"] = 1
    """How many replicas there are at time zero, ready; `each`: one on every node of `on`."""
    least: Annotated[int, Field(ge=0)] = 0
    """Fewest replicas that autoscaling may leave."""
    most: Annotated[int, Field(ge=1)] = 1000
    """Most replicas that autoscaling may make."""
    cores: Annotated[float, Field(ge=0)] = 1.0
    """Cores of a replica: reserved on nodes with `cpu: reserved`; what one request can use at most on `cpu: fair` nodes."""
    memory: Bytes = 0.0
    """Memory a replica reserves on its node (weights of a model on an accelerator are added there by themselves)."""
    accelerator: bool = False
    """True: a replica runs on an accelerator of its node; replicas on the same one take turns, batch by batch."""
    concurrency: Annotated[int, Field(ge=1)] = 1
    """Slots: requests, or batches, that a replica serves at a time; each has its share of the replica's cores for itself."""
    max_batch: Annotated[int, Field(ge=1)] = 32
    """Most requests in a batch."""
    startup: Time = Fixed.model_construct(value=0.0)
    """From the decision to start a replica to its first request; replicas of time zero are ready at once."""
    llm: Llm | None = None
    """A language model that each replica runs on accelerators of its own; requests have `tokens`."""
    price: DollarsPerSecond = 0.0
    """Price of one replica for as long as it lives, besides its node's."""
    report_every: Annotated[Seconds, Field(gt=0)] | None = None
    """How often replicas report their queues and blocks; policies of this service see them as they were then. Not given: as they are."""
    policies: ServicePolicies = ServicePolicies()
    """Policies of this service."""

    @property
    def places(self) -> tuple[str, ...]:
        """Where replicas may run."""
        return self.on

    @model_validator(mode="after")
    def _engine_has_its_own(self) -> Service:
        fields = type(self).model_fields
        given = [
            each for each in ("accelerator", "concurrency", "max_batch") if getattr(self, each) != fields[each].default
        ]
        if self.llm is not None and given:
            raise ValueError(
                f"an `llm` takes accelerators by itself, and its batching policy says what runs together: leave out {', '.join(given)}"
            )
        if self.llm is not None and self.policies.scheduling is not None:
            raise ValueError(
                "the batching policy of an `llm` decides in which order requests run: leave out `policies.scheduling`, or choose another `batching`"
            )
        return self

    @model_validator(mode="after")
    def _one_batch_at_a_time(self) -> Service:
        if self.accelerator and self.concurrency > 1:
            raise ValueError(
                "an accelerator runs one batch at a time: leave out `concurrency`, use batching or more replicas"
            )
        return self


class Stage(Part):
    """One step of an application: on a service for a time, or a DNN whose layers may be split over services of several tiers."""

    service: Name | None = None
    """Service, or platform, that runs the stage."""
    function: Name | None = None
    """On a platform: the function that is called; if not given, each request calls the one its trace names."""
    time: StageTime | None = None
    """Service time, on a node of speed 1."""
    cost: Cost | None = None
    """Service time by operations and bytes, through the roofline model of what one slot of the replica runs on."""
    tokens: StageTokens | None = None
    """Tokens of the prompt and the answer, on a service with an `llm`, in place of `time` or `cost`."""
    model: str | None = None
    """DNN of the catalogue (`simtier models`), in place of `time` or `cost`."""
    split: Names | None = None
    """Services that can run layers of `model`, nearest to the source first, which a partitioning policy divides; or pools for `tokens`:
    a disaggregation policy says which one computes a prompt, and which one decodes."""
    precision: Literal["fp32", "tf32", "fp16", "bf16", "fp8", "int8"] = "fp16"
    """Arithmetic and tensors of `model`."""
    batch_cost: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Of a `time`: what each further request of a batch adds, as a share of its own time; 1 is one after the other."""
    padded: bool = False
    """Of a `time`: True: requests of a batch are padded to the longest, so each further one adds a share of the longest's time."""
    after: tuple[Name, ...] | None = None
    """Stages that must be finished before; the stage written before, if not given; `[]` starts with the request."""
    output: Bytes = 0.0
    """Bytes the stage hands to each stage after it."""
    copies: Annotated[int, Field(ge=1, le=10_000)] = 1
    """Fan-out: the stage runs so many times at once for each request; stages after it wait for all of them."""
    stagger: Seconds = 0.0
    """Of `copies`: how long after one of them the next is called, by a caller that makes one call after the other."""

    @property
    def hosts(self) -> tuple[str, ...]:
        """Names of the services that may run it, or of its platform."""
        return self.split or (str(self.service),)

    @model_validator(mode="after")
    def _copies_of_calls(self) -> Stage:
        if self.model is not None and self.copies > 1:
            raise ValueError("`copies` is for stages with a `time` or a `cost`: a `model` is not divided among copies")
        if self.stagger and self.copies == 1:
            raise ValueError(
                "`stagger` is the time from one of several copies to the next: give `copies`, or leave it out"
            )
        return self

    @model_validator(mode="after")
    def _pads_times(self) -> Stage:
        if self.padded and self.time is None:
            raise ValueError("`padded` is for stages with a `time`: the others know by themselves what a batch takes")
        return self

    @model_validator(mode="after")
    def _waits_once(self) -> Stage:
        if self.after is not None and len(set(self.after)) < len(self.after):
            raise ValueError(f"`after` names a stage twice: {', '.join(self.after)}")
        return self

    @model_validator(mode="after")
    def _one_way_to_run(self) -> Stage:
        ways = [name for name in ("time", "cost", "model", "tokens") if getattr(self, name) is not None]
        if len(ways) != 1:
            raise ValueError(
                f"a stage has exactly one of time, cost, model, tokens; this one has {' and '.join(ways) or 'none'}"
            )
        pooled = self.model is not None or self.tokens is not None
        if pooled and (self.split is None) == (self.service is None):
            way = "a model" if self.model is not None else "tokens"
            raise ValueError(f"a stage with {way} has `split` (a list of services) or `service`, one of them")
        if not pooled and (self.service is None or self.split is not None):
            raise ValueError("a stage with a time or a cost runs on one `service`")
        return self


SLOWDOWNS = ("ttft_slowdown", "tpot_slowdown", "latency_slowdown")
TOKEN_TARGETS = ("ttft", "tpot", *SLOWDOWNS)
"""Targets for answers of language models."""


class Slo(Part):
    """A service-level objective: so many percent of all requests within a latency, or their tokens within times, or all of these."""

    latency: Annotated[Seconds, Field(gt=0)] | None = None
    """Target for the whole answer; also each request's deadline, counted from its arrival, that policies see."""
    ttft: Annotated[Seconds, Field(gt=0)] | None = None
    """Target for the first token of each stage that has `tokens`, counted from the request's arrival."""
    tpot: Annotated[Seconds, Field(gt=0)] | None = None
    """Target for the mean time per token after the first, of each stage that has `tokens`."""
    ttft_slowdown: Annotated[float, Field(ge=1)] | None = None
    """Target for the same, as a multiple of what the request would take to its first token with the engine to itself."""
    tpot_slowdown: Annotated[float, Field(ge=1)] | None = None
    """Target for the mean time per token after the first, as a multiple of that alone."""
    latency_slowdown: Annotated[float, Field(ge=1)] | None = None
    """Target for the last token of each stage that has `tokens`, counted from the request's arrival, as a multiple of that alone."""
    percentile: Annotated[float, Field(gt=0, le=100)] = 95.0
    """Percent of requests that must be within all targets; those not served count as late."""

    @field_validator("percentile")
    @classmethod
    def _is_percent(cls, value: float) -> float:
        if value < 1:
            raise ValueError(
                f"{value:g} is in percent, so it promises less than one request in a hundred: was {100 * value:g} meant?"
            )
        return value

    @property
    def compares(self) -> bool:
        """Whether it promises something relative to requests that are alone."""
        return any(getattr(self, target) is not None for target in SLOWDOWNS)

    @model_validator(mode="after")
    def _promises_something(self) -> Slo:
        if all(getattr(self, target) is None for target in ("latency", *TOKEN_TARGETS)):
            raise ValueError(
                "promises nothing: give `latency`, or `ttft` or `tpot` for language models, or a slow-down of these"
            )
        return self


class AppPolicies(Part):
    """Policies of one application."""

    partitioning: PolicyRef | None = None
    """Which layers of a DNN run where."""
    disaggregation: PolicyRef | None = None
    """Which pools serve a request of a language model that several could."""


class App(Part):
    """An application: stages that each request goes through."""

    stages: Annotated[dict[Name, Stage], Field(min_length=1)]
    """Stages by name; a chain in the order written, or a DAG by `after`."""
    response: Bytes = 0.0
    """Bytes of the answer sent back to the source after the last stage."""
    slo: Slo | None = None
    """What the application promises."""
    timeout: Seconds | None = None
    """The client gives up after this long; waiting requests leave, running ones finish in vain."""
    priority: float = 0.0
    """Importance; higher is more important."""
    policies: AppPolicies = AppPolicies()
    """Policies of this application."""

    def has_traced_functions(self, platforms: Container[str]) -> bool:
        """Whether a stage runs on one of `platforms` and leaves it to the trace which function is called."""
        return any(stage.service in platforms and stage.function is None for stage in self.stages.values())

    def takes(self, *numbers: Literal["duration", "per_input_token", "per_output_token"]) -> bool:
        """Whether the time of a stage is made of one of these, of what a trace tells."""
        times = [stage.time for stage in self.stages.values() if isinstance(stage.time, Traced)]
        return any(getattr(time, number) for time in times for number in numbers)
